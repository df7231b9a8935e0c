// Package load plays many sensors into the embedded cloud: the sensor's own rules, throttle, spool and publisher on one side,
// the functions, as many instances of each as a deployment has, on the other. scripts/scale runs it, and docs/scale.md has its
// figures.
//
// What has to do with alerts and findings happens in a time that stands until all that was published has reached its place, and
// is moved then: what comes to be is the same on a fast machine and on a slow one, but for how long it took. Heartbeats come in
// real time, since the function that keeps them waits in it.
package load

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"tiercel.dev/functions"
	"tiercel.dev/internal/event"
	"tiercel.dev/local"
	"tiercel.dev/local/clock"
)

// Config says how large a fleet is.
type Config struct {
	Nodes, Clusters int
	Log             *slog.Logger
}

// running are as many instances as a deployment starts for a fleet of 15,000 nodes, and writers as many as may run of all functions
// that write findings, as infra/ has it.
var running = map[string]int{
	functions.EnrichAlert: 4, functions.RouteAlert: 5, functions.FlushFindings: 1, functions.RecordHeartbeat: 4, functions.CheckFleet: 1,
}

const writers = 25

const (
	beatEvery = time.Minute
	// connections are what the sensors share: each node has one of its own, and a process has not room for as many.
	connections = 8
)

// A World is a fleet and the cloud that looks after it.
type World struct {
	cfg     Config
	acts    *Acts
	clock   atomic.Pointer[clock.Clock] // nil: time is real
	cloud   *local.Cloud
	shared  []*grpc.ClientConn
	sensors []*Sensor
	busy    []*Sensor // those that have acted since the last settling
	// flushing is a flush that has more to write.
	flushing bool
	readers  []*reader
	Tally    *Tally
	Costs    *Costs
}

// New starts a fleet whose acts are from a capture.
func New(ctx context.Context, cfg Config, acts *Acts) (w *World, err error) {
	w = &World{cfg: cfg, acts: acts, Costs: newCosts()}
	w.Tally = newTally(w.Now)
	defer func() {
		if err != nil {
			err = errors.Join(err, w.Close(ctx))
		}
	}()
	w.cloud, err = local.Start(local.Config{
		Clusters: clusters(cfg, acts.shell.Container.Pod, time.Now()), Now: w.Now, Instances: running, MaxInstances: writers,
		Changed: w.Tally.wrote, Around: w.Costs.around, Log: cfg.Log,
	})
	if err != nil {
		return w, err
	}
	for range connections {
		conn, err := grpc.NewClient("passthrough:///"+w.cloud.Address(), grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return w, err
		}
		w.shared = append(w.shared, conn)
	}
	for i := range cfg.Nodes {
		reach := []option.ClientOption{option.WithGRPCConn(w.shared[i%connections]), option.WithTelemetryDisabled()}
		s, err := newSensor(i, cfg, acts, w.Now(), reach, w.Tally.published)
		if err != nil {
			return w, fmt.Errorf("sensor %d: %w", i, err)
		}
		w.sensors = append(w.sensors, s)
	}
	for _, topic := range []string{local.RawTopic, local.EnrichedTopic} {
		for kind, filter := range map[string]string{"alert": "", "heartbeat": fmt.Sprintf(" AND attributes.node = %q", nodeName(0))} {
			r, err := newReader(ctx, w.cloud, topic, kind, filter, map[string]func(string, string, int){"alert": w.Tally.message, "heartbeat": w.Tally.beat}[kind])
			if err != nil {
				return w, err
			}
			w.readers = append(w.readers, r)
		}
	}
	return w, nil
}

// Now is the time of all but heartbeats.
func (w *World) Now() time.Time {
	if c := w.clock.Load(); c != nil {
		return c.Now()
	}
	return time.Now()
}

// Stand has time stand from now on, but for [World.Pass].
func (w *World) Stand() {
	w.clock.Store(clock.New(time.Now().Truncate(time.Minute)))
}

// act has something happen on a node.
func (w *World) act(n int, ev *event.Event) {
	s := w.sensors[n]
	before := s.numbered
	if s.Act(ev, w.Now()); s.numbered != before {
		w.busy = append(w.busy, s)
	}
}

// Settle waits until all that was published has been handled.
func (w *World) Settle(ctx context.Context) error {
	for len(w.busy) > 0 || !w.Tally.read() || !w.cloud.Settled() {
		for len(w.busy) > 0 && w.busy[len(w.busy)-1].sent() {
			w.busy = w.busy[:len(w.busy)-1]
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d sensors have not sent all; %s: %w", len(w.busy), w.Tally, ctx.Err())
		case <-time.After(2 * time.Millisecond):
		}
	}
	return nil
}

// Pass settles what is under way and moves time on. Each minute the findings that wait are written, as a schedule has it; a flush
// that has not written all looks again every ten seconds until the minute's end, as [route.Router.Flush] does where time goes by itself.
func (w *World) Pass(ctx context.Context, d time.Duration) error {
	if err := w.Settle(ctx); err != nil {
		return err
	}
	before := w.Now().Truncate(time.Minute)
	w.clock.Load().Advance(d)
	if begins := w.Now().Truncate(time.Minute) != before; begins || w.flushing {
		if err := w.cloud.Flush(ctx); err != nil {
			return fmt.Errorf("flush: %w", err)
		}
		w.flushing = !w.Tally.written()
	}
	return nil
}

// Tick has throttles end that are over, on all nodes.
func (w *World) Tick(ctx context.Context) error {
	for _, s := range w.sensors {
		before := s.numbered
		if s.Tick(w.Now()); s.numbered == before {
			continue
		}
		if w.busy = append(w.busy, s); len(w.busy) < underWayAlerts {
			continue
		}
		if err := w.Settle(ctx); err != nil {
			return err
		}
	}
	return nil
}

// Refused is how many writes were beyond the quota.
func (w *World) Refused() uint64 { return w.cloud.Refused() }

// Close ends everything.
func (w *World) Close(ctx context.Context) error {
	var errs []error
	for _, r := range w.readers {
		errs = append(errs, r.close())
	}
	for _, s := range w.sensors {
		errs = append(errs, s.close(ctx))
	}
	for _, c := range w.shared {
		_ = c.Close() // the sensors' clients may have closed it
	}
	if w.cloud != nil {
		errs = append(errs, w.cloud.Close())
	}
	return errors.Join(errs...)
}
