package output

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/alert"
)

// fake is an Output that does what a test wants with each alert.
type fake struct {
	write func(ctx context.Context, a *alert.Alert) error
	mu    sync.Mutex
	got   []string
	shut  bool
}

func (f *fake) Write(ctx context.Context, a *alert.Alert) error {
	if f.write != nil {
		if err := f.write(ctx, a); err != nil {
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.got = append(f.got, a.GetOutput())
	return nil
}

func (f *fake) Close(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.shut = true
	return nil
}

func (f *fake) outputs() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.got...)
}

func fastConfig() Config {
	return Config{BackoffMin: time.Millisecond, BackoffMax: 2 * time.Millisecond}
}

func newFanout(t *testing.T, cfg Config) *Fanout {
	t.Helper()
	f := NewFanout(cfg, nil, slog.New(slog.DiscardHandler))
	t.Cleanup(func() { closeFanout(f) })
	return f
}

func closeFanout(f *Fanout) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return f.Close(ctx)
}

func testAlert(severity alert.Severity, text string) *alert.Alert {
	return &alert.Alert{
		Schema: alert.Schema, Kind: alert.KindAlert, SensorId: "sensor", Severity: severity, Output: text,
		Time: "2026-01-02T03:04:05.000000006Z", Rule: &alert.Rule{Name: "rule"}, Node: &alert.Node{Name: "node"},
	}
}

func texts(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprint(i))
	}
	return out
}

// eventually waits for cond without saying how long that may take.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for range 20000 {
		if cond() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("not seen: %s", what)
}

func TestFanoutNumbersInOrder(t *testing.T) {
	f := newFanout(t, fastConfig())
	var seqs []uint64
	ids := map[string]bool{}
	boots := map[string]bool{}
	o := &fake{write: func(_ context.Context, a *alert.Alert) error {
		seqs = append(seqs, a.GetSeq())
		ids[a.GetAlertId()] = true
		boots[a.GetBootId()] = true
		return nil
	}}
	f.Add("fake", o, false)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				f.Publish(testAlert(alert.Low, "x"))
			}
		})
	}
	wg.Wait()
	if err := closeFanout(f); err != nil {
		t.Fatal(err)
	}
	for i, seq := range seqs {
		if seq != uint64(i+1) {
			t.Fatalf("alert %d has number %d", i, seq)
		}
	}
	if len(seqs) != 200 || len(ids) != 200 || len(boots) != 1 || boots[""] {
		t.Errorf("%d alerts, %d ids, boots %v", len(seqs), len(ids), boots)
	}
	if !o.shut {
		t.Error("output not closed")
	}
}

// An output that hangs, one that panics and one that always fails stop neither each other nor Publish nor the good one.
func TestFanoutIsolation(t *testing.T) {
	cfg := fastConfig()
	cfg.QueueAlerts = 10
	cfg.StuckAfter = time.Nanosecond
	f := newFanout(t, cfg)
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	f.Add("hangs", &fake{write: func(context.Context, *alert.Alert) error { <-hang; return nil }}, false)
	f.Add("panics", &fake{write: func(context.Context, *alert.Alert) error { panic("no") }}, false)
	f.Add("fails", &fake{write: func(context.Context, *alert.Alert) error { return errors.New("no") }}, false)
	good := &fake{}
	f.Add("good", good, false)

	want := texts(500)
	for _, s := range want {
		f.Publish(testAlert(alert.High, s))
		// The good one has a small queue too.
		eventually(t, "alert "+s, func() bool { g := good.outputs(); return len(g) > 0 && g[len(g)-1] == s })
	}
	if diff := cmp.Diff(want, good.outputs()); diff != "" {
		t.Errorf("good output (-want +got):\n%s", diff)
	}
	stats := map[string]Stats{}
	for _, s := range f.Stats() {
		stats[s.Name] = s
	}
	if s := stats["hangs"]; s.State != StateStuck || s.Waiting != 11 || s.Lost() != 489 {
		t.Errorf("hangs: %+v", s)
	}
	if s := stats["fails"]; s.State != StateFailing && s.State != StateStuck || s.LastError != "no" || s.Lost() != 489 {
		t.Errorf("fails: %+v", s)
	}
	eventually(t, "panicking alerts given up", func() bool {
		for _, s := range f.Stats() {
			if s.Name == "panics" {
				for _, d := range s.Dropped {
					if d.Reason == DropPanic && d.Count >= 3 {
						return true
					}
				}
			}
		}
		return false
	})

	// Long enough for the others to be done on a busy machine.
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	err := f.Close(ctx)
	if err == nil || !strings.Contains(err.Error(), "output hangs: hangs; left behind") ||
		!strings.Contains(err.Error(), "11 alerts not written") || strings.Contains(err.Error(), "good") {
		t.Errorf("Close: %v", err)
	}
	for _, s := range f.Stats() {
		if got := s.Sent + s.Lost(); got != 500 || s.Waiting != 0 {
			t.Errorf("%s: %d alerts sent or lost of 500: %+v", s.Name, got, s)
		}
	}
}

// stuckLog is a log that takes no line until it is let go, such as a pipe that nobody reads.
type stuckLog struct{ reached, let chan struct{} }

func (l stuckLog) Write(b []byte) (int, error) {
	l.reached <- struct{}{}
	<-l.let
	return len(b), nil
}

// What an output has to say of itself does not hold up the others.
func TestFanoutOutlivesTheLog(t *testing.T) {
	log := stuckLog{make(chan struct{}, 100), make(chan struct{})}
	f := NewFanout(fastConfig(), nil, slog.New(slog.NewTextHandler(log, nil)))
	t.Cleanup(func() { close(log.let); closeFanout(f) })
	f.Add("fails", &fake{write: func(context.Context, *alert.Alert) error { return errors.New("no") }}, false)
	good := &fake{}
	f.Add("good", good, false)
	f.Publish(testAlert(alert.Low, "first"))
	<-log.reached
	published := make(chan struct{})
	go func() { defer close(published); f.Publish(testAlert(alert.Low, "second")) }()
	select {
	case <-published:
	case <-time.After(10 * time.Second):
		t.Fatal("Publish waits for the log")
	}
	eventually(t, "both", func() bool { return len(good.outputs()) == 2 })
}

func TestFanoutRecovers(t *testing.T) {
	f := newFanout(t, fastConfig())
	var attempts int
	o := &fake{write: func(context.Context, *alert.Alert) error {
		if attempts++; attempts < 5 {
			return errors.New("not\x1b[yet")
		}
		return nil
	}}
	f.Add("fake", o, false)
	for _, s := range texts(3) {
		f.Publish(testAlert(alert.Low, s))
	}
	eventually(t, "all", func() bool { return len(o.outputs()) == 3 })
	want := Stats{Name: "fake", State: StateOK, Sent: 3, Errors: map[string]uint64{"failed": 4}, LastError: `not\x1b[yet`, Dropped: []Drop{}}
	eventually(t, "sent counted", func() bool { return f.Stats()[0].Sent == 3 })
	if diff := cmp.Diff(want, f.Stats()[0]); diff != "" {
		t.Errorf("stats (-want +got):\n%s", diff)
	}
}

func TestFanoutRejected(t *testing.T) {
	f := newFanout(t, fastConfig())
	o := &fake{write: func(_ context.Context, a *alert.Alert) error {
		if a.GetOutput() == "1" {
			return fmt.Errorf("too large: %w", ErrAlert)
		}
		return nil
	}}
	f.Add("fake", o, false)
	for _, s := range texts(3) {
		f.Publish(testAlert(alert.High, s))
	}
	if err := closeFanout(f); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"0", "2"}, o.outputs()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Drop{{DropRejected, alert.High, 1}}, f.Stats()[0].Dropped); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// After Close has begun, an output that fails is not waited for, and what comes late is counted.
func TestFanoutCloseWhileFailing(t *testing.T) {
	cfg := Config{BackoffMin: time.Hour, BackoffMax: time.Hour}
	f := newFanout(t, cfg)
	tried := make(chan struct{}, 100)
	f.Add("fake", &fake{write: func(context.Context, *alert.Alert) error {
		tried <- struct{}{}
		return errors.New("no")
	}}, false)
	for _, s := range texts(3) {
		f.Publish(testAlert(alert.Medium, s))
	}
	<-tried
	err := f.Close(t.Context()) // which has no deadline
	if err == nil || !strings.Contains(err.Error(), "3 alerts not written") {
		t.Errorf("Close: %v", err)
	}
	f.Publish(testAlert(alert.Medium, "late"))
	if diff := cmp.Diff([]Drop{{DropClosed, alert.Medium, 3}}, f.Stats()[0].Dropped); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestFanoutHeartbeats(t *testing.T) {
	f := newFanout(t, fastConfig())
	with, without := &fake{}, &fake{}
	f.Add("with", with, true)
	f.Add("without", without, false)
	f.Publish(&alert.Alert{Kind: alert.KindHeartbeat, Output: "heartbeat"})
	raised := testAlert(alert.Low, "alert")
	f.Publish(raised)
	last := &alert.Alert{Kind: alert.KindHeartbeat, Output: "last", Heartbeat: &alert.Heartbeat{}}
	f.Publish(last)
	if err := closeFanout(f); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{{"heartbeat", "alert", "last"}, {"alert"}}, [][]string{with.outputs(), without.outputs()}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if raised.GetSeq() != 1 || last.GetSeq() != 0 || last.GetBootId() != raised.GetBootId() || last.GetHeartbeat().GetLastSeq() != 1 {
		t.Errorf("the alert has number %d; the heartbeat after it has %d and says that %d was the last", raised.GetSeq(), last.GetSeq(),
			last.GetHeartbeat().GetLastSeq())
	}
}

// TestQueue compares the queue with a plain list in which the victim is searched for.
func TestQueue(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const maxCount, maxBytes = 20, 1000
	q := queue{maxCount: maxCount, maxBytes: maxBytes}
	type item struct {
		a    *alert.Alert
		size int
	}
	var model []item
	for i := range 20000 {
		if rng.IntN(3) == 0 {
			var want *alert.Alert
			if len(model) > 0 {
				want, model = model[0].a, model[1:]
			}
			if got := q.pop(); got != want {
				t.Fatalf("pop: got %v, want %v", got, want)
			}
			continue
		}
		a := testAlert(alert.Severity(rng.IntN(5)), fmt.Sprint(i))
		size := rng.IntN(maxBytes * 11 / 10)
		var want, got []*alert.Alert
		model = append(model, item{a, size})
		for over(len(model), maxCount) || sum(model, func(i item) int { return i.size }) > maxBytes {
			victim := 0
			for j, it := range model {
				if it.a.Severity < model[victim].a.Severity {
					victim = j
				}
			}
			if size > maxBytes { // it can never fit, so nothing makes way for it
				victim = len(model) - 1
			}
			// Older ones of the same severity go first; if all are more severe it is the new one.
			want = append(want, model[victim].a)
			model = append(model[:victim:victim], model[victim+1:]...)
		}
		q.push(a, size, func(a *alert.Alert) { got = append(got, a) })
		if diff := cmp.Diff(names(want), names(got)); diff != "" {
			t.Fatalf("push %d dropped (-want +got):\n%s", i, diff)
		}
	}
}

func over(n, limit int) bool { return n > limit }

func sum[T any](list []T, f func(T) int) (n int) {
	for _, v := range list {
		n += f(v)
	}
	return n
}

func names(list []*alert.Alert) []string {
	var out []string
	for _, a := range list {
		out = append(out, a.GetOutput())
	}
	return out
}

func TestConfigValidate(t *testing.T) {
	if err := (Config{}).Validate(); err != nil {
		t.Error(err)
	}
	for field, c := range map[string]Config{
		"QueueAlerts": {QueueAlerts: -1},
		"QueueBytes":  {QueueBytes: 10},
		"BackoffMax":  {BackoffMin: time.Hour},
		"StuckAfter":  {StuckAfter: -1},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func BenchmarkPublish(b *testing.B) {
	f := NewFanout(Config{}, nil, slog.New(slog.DiscardHandler))
	f.Add("fake", &fake{write: func(context.Context, *alert.Alert) error { return ErrAlert }}, false)
	a := testAlert(alert.High, "x")
	b.ReportAllocs()
	for b.Loop() {
		f.Publish(a)
	}
	closeFanout(f)
}
