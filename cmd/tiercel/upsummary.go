package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"time"

	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"

	"tiercel.dev/alert"
	"tiercel.dev/local"
)

// findings shows those that are written, and times them from the kernel's event.
type findings struct {
	out io.Writer

	mu     sync.Mutex
	before string // each line
	seen   map[string]bool
	took   []time.Duration // of first writes
}

// mark puts a text before each line from now on.
func (s *findings) mark(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = text
}

func newFindings(out io.Writer) *findings { return &findings{out: out, seen: make(map[string]bool)} }

// changed is called for each write.
func (s *findings) changed(f *sccpb.Finding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what := "again"
	if !s.seen[f.Name] {
		s.seen[f.Name] = true
		s.took = append(s.took, time.Since(f.EventTime.AsTime()))
		what = "new"
	}
	fmt.Fprintf(s.out, "%s  finding %s %s: %s, %s, %.0f events\n", s.before, f.Name[len(f.Name)-8:], what, f.Severity, alert.Escape(f.Category),
		f.SourceProperties["count"].GetNumberValue())
}

// latency is the time from the kernel's event to its finding, at a share of the first writes.
func (s *findings) latency(share float64) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.took) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(s.took))
	return sorted[int(share*float64(len(sorted)-1))]
}

type tally map[string]uint64

func (t tally) sum() (n uint64) {
	for _, c := range t {
		n += c
	}
	return n
}

// summary is what a run came to.
type summary struct {
	Replay        string  `json:"replay,omitempty"` // what was played, where the kernel was not watched
	Events        tally   `json:"events"`           // by kind
	Alerts        tally   `json:"alerts"`           // by rule
	AlertEvents   uint64  `json:"alert_events"`
	Findings      int     `json:"findings"`
	FindingEvents uint64  `json:"finding_events"`
	Drops         tally   `json:"drops"` // by reason
	DeadLettered  uint64  `json:"dead_lettered"`
	LatencyP50Ms  float64 `json:"latency_p50_ms"` // from the kernel's event to its finding
	LatencyP99Ms  float64 `json:"latency_p99_ms"`
}

// summarize counts what the sensor wrote beside Pub/Sub, and what came of it.
func summarize(alerts string, cloud *local.Cloud, shown *findings) (*summary, error) {
	s := &summary{Events: tally{}, Alerts: tally{}, Drops: tally{}}
	text, err := os.ReadFile(alerts)
	if err != nil {
		return nil, err
	}
	var last *alert.Heartbeat
	for line := range bytes.Lines(text) {
		a, err := alert.Unmarshal(line)
		if err != nil {
			return nil, err
		}
		if a.GetKind() == alert.KindHeartbeat {
			last = a.GetHeartbeat()
			continue
		}
		s.Alerts[a.GetRule().GetName()]++
		s.AlertEvents += 1 + a.GetSuppressed().GetCount()
	}
	for _, c := range last.GetEvents() {
		s.Events[c.GetKind()] += c.GetCount()
	}
	for _, d := range last.GetDrops() {
		s.Drops[d.GetReason()] += d.GetCount()
	}
	for _, f := range cloud.Findings() {
		s.Findings++
		s.FindingEvents += uint64(f.SourceProperties["count"].GetNumberValue())
	}
	for _, sub := range cloud.Subscriptions() {
		s.DeadLettered += sub.DeadLettered
	}
	s.LatencyP50Ms = milliseconds(shown.latency(0.5))
	s.LatencyP99Ms = milliseconds(shown.latency(0.99))
	return s, nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
