package route_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"

	"tiercel.dev/alert"
	"tiercel.dev/functions/route"
	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/objects"
	localscc "tiercel.dev/local/scc"
)

// A flood beyond the service's quota: every alert is in a finding in the end, and the severest are first.
func TestBudget(t *testing.T) {
	w := newWorld(t, localscc.Config{WritesPerMinute: 60})
	r := w.router(func(cfg *route.Config) { cfg.WritesPerMinute = 60 })
	const n = 120
	for i := range uint64(n) {
		severity := alert.Low
		if i%40 == 0 { // fewer than the budget keeps for them
			severity = alert.Critical
		}
		if err := r.Handle(t.Context(), act("s", i+1, fmt.Sprint(i), severity)); err != nil {
			t.Fatal(err)
		}
	}
	critical := 0
	for _, f := range w.scc.Findings() {
		if f.Severity == pb.Finding_CRITICAL {
			critical++
		}
	}
	if critical != n/40 {
		t.Errorf("%d of %d critical findings were written at once", critical, n/40)
	}
	if len(w.scc.Findings()) == n {
		t.Error("the budget held nothing back")
	}
	for range 20 { // what is not urgent has a part of the minute's at once
		w.flush(r)
	}
	if got := w.says(); len(got) != n || strings.Trim(fmt.Sprint(got), "[]1 ") != "" {
		t.Errorf("%d findings: %v", len(got), got)
	}
}

// The service has less to give than the settings say: it is asked once, and then left alone.
func TestPatience(t *testing.T) {
	var asked atomic.Int64
	w := newWorld(t, localscc.Config{WritesPerMinute: 5, Fail: func(*pb.Finding) (error, bool) { asked.Add(1); return nil, false }})
	r := w.router(nil)
	const n = 20
	refused := 0
	for i := range uint64(n) {
		err := r.Handle(t.Context(), act("s", i+1, fmt.Sprint(i), alert.High))
		if errors.Is(err, fault.ErrQuota) {
			refused++
			err = r.Handle(t.Context(), act("s", i+1, fmt.Sprint(i), alert.High)) // Pub/Sub delivers it again
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if asked.Load() != 6 || refused != 1 {
		t.Errorf("asked %d times, refused %d", asked.Load(), refused)
	}
	for range n / 4 {
		w.later(time.Minute)
		if err := r.Flush(t.Context()); err != nil && !errors.Is(err, fault.ErrQuota) {
			t.Fatal(err)
		}
	}
	if got := w.says(); len(got) != n || strings.Trim(fmt.Sprint(got), "[]1 ") != "" {
		t.Errorf("%d findings: %v", len(got), got)
	}
}

// A flush that comes while what the last one took still counts waits for it, and does not leave the minute to nobody.
func TestFlushWaits(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	r := w.router(func(cfg *route.Config) { cfg.WritesPerMinute, cfg.FlushWait = 100, time.Minute })
	const n = 120
	for i := range uint64(n) {
		if err := r.Handle(t.Context(), act("s", i+1, fmt.Sprint(i), alert.Low)); err != nil {
			t.Fatal(err)
		}
	}
	written := len(w.scc.Findings())
	if written == n || written == 0 {
		t.Fatalf("%d findings were written at once", written)
	}
	w.later(time.Minute)
	done := make(chan error)
	go func() { done <- r.Flush(t.Context()) }()
	for {
		select {
		case err := <-done:
			if got := len(w.scc.Findings()); err != nil || got != n {
				t.Errorf("%d of %d findings, %v", got, n, err)
			}
			return
		case <-time.After(10 * time.Millisecond):
			w.later(time.Second)
		}
	}
}

// What is urgent and comes while a flush waits with others is written before them.
func TestFlushLooksAgain(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	r := w.router(func(cfg *route.Config) { cfg.WritesPerMinute, cfg.FlushWait = 60, 20*time.Second })
	const low, critical = 150, 70 // more than a minute has
	handle := func(n int, severity alert.Severity) {
		for i := range uint64(n) {
			if err := r.Handle(t.Context(), act(severity.String(), i+1, severity.String()+fmt.Sprint(i), severity)); err != nil {
				t.Fatal(err)
			}
		}
	}
	handle(low, alert.Low)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- r.Flush(ctx) }()
	handle(critical, alert.Critical)
	for {
		written := map[pb.Finding_Severity]int{}
		for _, f := range w.scc.Findings() {
			written[f.Severity]++
		}
		if written[pb.Finding_CRITICAL] == critical {
			if written[pb.Finding_LOW] == low {
				t.Error("all others were written before")
			}
			cancel()
			<-done
			return
		}
		select {
		case err := <-done:
			if len(w.scc.Findings()) < low+critical {
				t.Fatalf("the flush ended with %v written, %v", written, err)
			}
			done <- nil // all were written since
		case <-time.After(100 * time.Millisecond):
			w.later(2 * time.Second)
		}
	}
}

// Something urgent and new for which there is no write waits for one where it is, since no flush may be under way.
func TestUrgentWaits(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	r := w.router(func(cfg *route.Config) { cfg.WritesPerMinute, cfg.UrgentWait = 20, time.Minute })
	const n = 19 // but for a twentieth that is for others
	done := make(chan error)
	go func() {
		var errs []error
		for i := range uint64(n + 1) {
			errs = append(errs, r.Handle(t.Context(), act("s", i+1, fmt.Sprint(i), alert.High)))
		}
		done <- errors.Join(errs...)
	}()
	for began := w.clock(); ; {
		select {
		case err := <-done:
			if got := len(w.scc.Findings()); err != nil || got != n+1 || w.clock().Sub(began) < time.Minute {
				t.Errorf("%d findings after %v, %v", got, w.clock().Sub(began), err)
			}
			return
		case <-time.After(10 * time.Millisecond):
			if len(w.scc.Findings()) == n {
				w.later(time.Second)
			}
		}
	}
}

// listed tells of the ledger's listings.
type listed struct {
	route.Store
	times atomic.Int64
}

func (l *listed) List(ctx context.Context, prefix string) iter.Seq2[objects.Object, error] {
	if prefix == "ledger/" {
		l.times.Add(1)
	}
	return l.Store.List(ctx, prefix)
}

// A flush that has nothing to write stays while so few writes are left that what is urgent may find none.
func TestFlushStaysForUrgent(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	store := &listed{Store: w.bucket}
	r := w.router(func(cfg *route.Config) { cfg.WritesPerMinute, cfg.FlushWait, cfg.Store = 60, 20*time.Second, store })
	const low, critical = 54, 10
	for i := range uint64(low) {
		if err := r.Handle(t.Context(), act("s", i+1, fmt.Sprint(i), alert.Low)); err != nil {
			t.Fatal(err)
		}
	}
	if got := len(w.scc.Findings()); got != low {
		t.Fatalf("%d findings are not urgent", got)
	}
	done := make(chan error)
	go func() { done <- r.Flush(t.Context()) }()
	for store.times.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	for i := range uint64(critical) {
		if err := r.Handle(t.Context(), act("u", i+1, fmt.Sprint("u", i), alert.Critical)); err != nil {
			t.Fatal(err)
		}
	}
	for {
		select {
		case err := <-done:
			if got := len(w.scc.Findings()); err != nil || got != low+critical {
				t.Errorf("the flush ended with %d findings, %v", got, err)
			}
			return
		case <-time.After(100 * time.Millisecond):
			w.later(2 * time.Second)
		}
	}
}
