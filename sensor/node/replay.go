package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"

	"tiercel.dev/alert"
	"tiercel.dev/internal/event"
	"tiercel.dev/rules"
	"tiercel.dev/sensor/alerting"
	"tiercel.dev/sensor/capture"
	"tiercel.dev/sensor/pipeline"
)

// Replayed is what a replay saw.
type Replayed struct {
	Header  capture.Header
	Events  uint64 // that rules saw
	ByKind  map[string]uint64
	Skipped uint64 // of kinds that this version does not know
	Alerts  uint64
	ByRule  map[string]uint64
	Errors  uint64 // conditions that ended in an error
}

// Replay runs the rules over a capture and gives emit each alert. No kernel and no clock is asked: the same capture and
// the same rules give the same alerts, byte for byte. What was read before an error of the capture is reported with it.
func Replay(ctx context.Context, cfg Config, r io.Reader, emit func(*alert.Alert) error, log *slog.Logger) (Replayed, error) {
	file, err := capture.NewReader(r)
	if err != nil {
		return Replayed{}, fmt.Errorf("%w: %w", ErrMistake, err)
	}
	defer file.Close()
	redactor, err := redactor(cfg)
	if err != nil {
		return Replayed{}, err
	}
	out := Replayed{Header: file.Header(), ByKind: make(map[string]uint64), ByRule: make(map[string]uint64)}
	keeper, err := loadRules(cfg.Rules, func(*rules.Rule, error) { out.Errors++ }, func(*rules.Set) {}, log)
	if err != nil {
		return out, err
	}
	if err := replayLists(file, cfg.APIServers, keeper); err != nil {
		return out, err
	}
	var failed error
	numbers := &replayed{bootID: out.Header.BootID}
	sensor := sensorOf(cfg.Place, out.Header)
	sensor.RuleSet = keeper.Current().Hash()
	if cfg.Watching != nil {
		cfg.Watching(Watching{Rules: keeper.Current(), Kinds: keeper.Current().Filter().Wanted().Len(), Node: sensor.Node})
	}
	p := pipeline.New(pipeline.Config{
		Rules: keeper.Current, Safe: redactor.Event,
		Build: func(safe *event.Event, r *rules.Rule) *alert.Alert { return Alert(sensor, safe, r, 0) },
		Publish: func(a *alert.Alert) {
			numbers.number(a)
			out.ByRule[a.Rule.Name]++
			failed = errors.Join(failed, emit(a))
		},
	})
	readErr := feed(ctx, file, p, &failed)
	p.Drain()
	stats := p.Stats()
	for kind, n := range stats.Events {
		out.Events += n
		if n > 0 {
			out.ByKind[event.Kind(kind).String()] = n
		}
	}
	out.Alerts, out.Skipped = stats.Alerts, file.Skipped()
	return out, errors.Join(readErr, failed)
}

// replayLists has the rules see the API server's addresses as they were on the recorded node, and those of the settings
// besides. This machine's own do not matter.
func replayLists(file *capture.Reader, settings []string, keeper *ruleKeeper) error {
	var addresses []string
	var ports []int64
	_, err := newAPIServers(settings, false, func(a []string, p []int64) { addresses, ports = a, p })
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMistake, err)
	}
	keeper.setAPIServers(addresses, ports)
	file.OnList(func(name string, l capture.List) {
		switch name {
		case addressList:
			keeper.lists.SetTexts(name, slices.Concat(l.Texts, addresses))
		case portList:
			keeper.lists.SetInts(name, slices.Concat(l.Ints, ports))
		}
	})
	return nil
}

// feed gives the pipeline every event of the capture, until one of them goes wrong.
func feed(ctx context.Context, file *capture.Reader, p *pipeline.Pipeline, failed *error) error {
	for num := uint64(1); *failed == nil && ctx.Err() == nil; num++ {
		ev, err := file.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %w", ErrMistake, err)
		}
		ev.Num = num
		p.Handle(ev)
	}
	return ctx.Err()
}

// sensorOf names the node of the capture, unless the settings name another.
func sensorOf(place Place, h capture.Header) alerting.Sensor {
	if place.Node == "" {
		place.Node = h.Node
	}
	s := place.sensor()
	s.Node.Kernel, s.Node.Architecture = h.Kernel, h.Arch
	s.Version = h.Sensor
	return s
}

// replayed numbers a replay's alerts under the capture's boot.
type replayed struct {
	bootID string
	last   uint64
}

func (s *replayed) number(a *alert.Alert) {
	s.last++
	a.BootId, a.Seq = s.bootID, s.last
	a.AlertId = alert.ID(a.SensorId, a.BootId, a.Seq)
}
