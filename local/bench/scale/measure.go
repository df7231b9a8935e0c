package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/functions"
	"tiercel.dev/local/load"
)

// measured is what a run came to.
type measured struct {
	settings settings
	beaten   load.Beaten
	beatCPU  map[string]time.Duration
	checked  load.Checked

	story    load.Story
	sum      load.Sum
	refused  uint64
	minutes  []load.Minute // from the story's beginning
	storyFor time.Duration // in the time that stands
	took     time.Duration // in real time
	busy     time.Duration // the same, until the last alert
	storyCPU map[string]time.Duration
	calls    map[string]calls // in the story
	peak     uint64           // resident, bytes
}

type calls struct {
	count, failed int64
	took          time.Duration
}

// functionsOf are those whose work is told of.
var functionsOf = []string{functions.EnrichAlert, functions.RouteAlert, functions.FlushFindings, functions.RecordHeartbeat}

// measure has the fleet beat, looks at it, and has it live through the story.
func measure(ctx context.Context, w *load.World, s settings) (m *measured, err error) {
	defer func() { err = errors.Join(err, w.Close(context.WithoutCancel(ctx))) }()
	m = &measured{settings: s, story: load.Days, calls: make(map[string]calls)}
	progress := func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	progress("%d sensors in %d clusters; %d heartbeats of each", s.nodes, s.clusters, s.beats)
	if s.beats > 0 {
		if err := m.beat(ctx, w); err != nil {
			return nil, err
		}
	}
	before := m.callsOf(w)
	p, err := load.StartProfile()
	if err != nil {
		return nil, err
	}
	w.Stand()
	from := w.Now()
	began := time.Now()
	m.storyFor, err = w.Play(ctx, m.story, func(at time.Duration, sum load.Sum) {
		if at <= m.story.Over {
			m.busy = time.Since(began)
		}
		progress("minute %2.0f: %d alerts, %d on the topic; %d findings, %d to be written", at.Minutes(), sum.Alerts, sum.Enriched, sum.Findings, sum.Wrong)
	})
	m.took = time.Since(began)
	if err != nil {
		return nil, err
	}
	if m.storyCPU, err = p.Stop(); err != nil {
		return nil, err
	}
	for name, after := range m.callsOf(w) {
		b := before[name]
		m.calls[name] = calls{after.count - b.count, after.failed - b.failed, after.took - b.took}
	}
	m.sum, m.minutes, m.refused = w.Tally.Sum(), w.Tally.Each(from), w.Refused()
	m.peak, err = peak()
	return m, err
}

// beat has the sensors send heartbeats, and looks at the fleet.
func (m *measured) beat(ctx context.Context, w *load.World) error {
	p, err := load.StartProfile()
	if err != nil {
		return err
	}
	if m.beaten, err = w.Beat(ctx, m.settings.beats, time.Minute); err != nil {
		return err
	}
	if m.beatCPU, err = p.Stop(); err != nil {
		return err
	}
	m.checked, err = w.Check(ctx)
	return err
}

func (m *measured) callsOf(w *load.World) map[string]calls {
	all := make(map[string]calls)
	for _, name := range append([]string{"storage A", "storage B"}, functionsOf...) {
		c := w.Costs.Of(name)
		all[name] = calls{c.Count.Load(), c.Failed.Load(), time.Duration(c.Took.Load())}
	}
	return all
}

// peak is what the process had resident at most.
func peak() (uint64, error) {
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kib, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, errors.New("/proc/self/status: no VmHWM")
}

// severities are told of, the severest first.
var severities = []alert.Severity{alert.Critical, alert.High, alert.Medium}
