package route_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/alert"
	"tiercel.dev/functions/route"
	localscc "tiercel.dev/local/scc"
)

// TestDeathAnywhere has an instance die before and after each of its calls in turn; another takes the delivery over.
func TestDeathAnywhere(t *testing.T) {
	handle := func(seq uint64) func(*world, *route.Router) error {
		return func(w *world, r *route.Router) error { return r.Handle(w.t.Context(), act("s", seq, "x", alert.High)) }
	}
	written := func(w *world) {
		if err := handle(1)(w, w.router(nil)); err != nil {
			w.t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name   string
		before func(*world)
		do     func(*world, *route.Router) error
		want   float64
	}{
		{"a new finding", func(*world) {}, handle(1), 1},
		{"a repeat after a while", func(w *world) { written(w); w.later(2 * time.Minute) }, handle(2), 2},
		{"a flush", func(w *world) {
			written(w)
			for seq := range uint64(3) {
				if err := handle(seq+2)(w, w.router(nil)); err != nil {
					w.t.Fatal(err)
				}
			}
			w.later(2 * time.Minute)
		}, func(w *world, r *route.Router) error { return r.Flush(w.t.Context()) }, 4},
		{"beyond the budget", func(*world) {}, func(w *world, r *route.Router) error {
			return errors.Join(r.Handle(w.t.Context(), act("s", 1, "x", alert.Low)))
		}, 1},
	} {
		for _, after := range []bool{false, true} {
			for at := 1; ; at++ {
				w := newWorld(t, localscc.Config{})
				tt.before(w)
				c := &cut{at: at, after: after}
				dying := w.router(func(cfg *route.Config) {
					cfg.Store, cfg.Findings = cutStore{cfg.Store, c}, cutFindings{cfg.Findings, c}
					if tt.name == "beyond the budget" {
						cfg.BytesPerDay = 1
					}
				})
				err := tt.do(w, dying)
				if err == nil && c.calls < at {
					if at < 5 {
						t.Fatalf("%s took %d calls only", tt.name, at-1)
					}
					break // every call had its turn
				}
				heir := w.router(nil)
				if err != nil {
					if err := tt.do(w, heir); err != nil {
						t.Errorf("%s: call %d: %v", tt.name, at, err)
					}
				}
				w.flush(heir)
				w.expect(fmt.Sprintf("%s: died at call %d, carried out %v", tt.name, at, after), tt.want)
			}
		}
	}
}

// flaky fails some calls, before or after they were carried out.
type flaky struct {
	mu     sync.Mutex
	random *rand.Rand
}

func (f *flaky) cut() *cut {
	f.mu.Lock()
	defer f.mu.Unlock()
	return &cut{at: 1 + f.random.IntN(20), after: f.random.IntN(2) == 0}
}

// Instances that die at any call, and deliveries until one is acknowledged: every alert is in one finding's count, once.
func TestStorm(t *testing.T) {
	const findings, alerts, instances = 3, 8, 5
	w := newWorld(t, localscc.Config{})
	seed := rand.Uint64()
	f := &flaky{random: rand.New(rand.NewPCG(seed, 0))}
	var all sync.WaitGroup
	for instance := range instances {
		all.Go(func() {
			for seq := range uint64(alerts) {
				for finding := range findings {
					m := act(fmt.Sprint("s", seq%4), seq*findings+uint64(finding)+1, fmt.Sprint(finding), alert.High)
					for {
						c := f.cut()
						dying := w.router(func(cfg *route.Config) {
							cfg.Store, cfg.Findings = cutStore{cfg.Store, c}, cutFindings{cfg.Findings, c}
						})
						if dying.Handle(t.Context(), m) == nil {
							break
						}
					}
				}
				if instance == 0 {
					w.later(20 * time.Second)
				}
			}
		})
	}
	all.Wait()
	heir := w.router(nil)
	w.flush(heir)
	w.flush(heir)
	w.expect(fmt.Sprintf("seed %d", seed), alerts, alerts, alerts)
}

// slow holds a write back until it is let go.
type slow struct {
	route.Findings
	reached, free chan struct{}
}

func (s slow) Create(ctx context.Context, id string, f *pb.Finding) error {
	close(s.reached)
	<-s.free
	return s.Findings.Create(ctx, id, f)
}

// A writer that outlives its lease puts an old sum over a newer one. It finds out, and the next flush mends it.
func TestSlowWriter(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	s := slow{reached: make(chan struct{}), free: make(chan struct{})}
	sleeper := w.router(func(cfg *route.Config) { s.Findings = cfg.Findings; cfg.Findings = s })
	result := make(chan error)
	go func() { result <- sleeper.Handle(t.Context(), act("s", 1, "x", alert.High)) }()
	<-s.reached
	other := w.router(nil)
	if err := other.Handle(t.Context(), act("s", 2, "x", alert.High)); err != nil {
		t.Fatal(err)
	}
	w.expect("under another's lease")
	w.later(2 * time.Minute)
	if err := other.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.expect("after the lease", 2)
	close(s.free)
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	w.expect("overtaken", 1)
	w.flush(other)
	w.expect("mended", 2)
}

// Nobody knows whether a write is carried out that had no answer: nothing is written meanwhile, and what an operator says
// in between is not written over.
func TestNoAnswer(t *testing.T) {
	for _, carriedOut := range []bool{false, true} {
		var once sync.Once
		var writes atomic.Int64
		w := newWorld(t, localscc.Config{Fail: func(*pb.Finding) (err error, _ bool) {
			writes.Add(1)
			once.Do(func() { err = status.Error(codes.DeadlineExceeded, "on demand") })
			return err, carriedOut
		}})
		r := w.router(nil)
		if err := r.Handle(t.Context(), act("s", 1, "x", alert.High)); err == nil {
			t.Fatal("no error")
		}
		if carriedOut {
			w.scc.SetFindingState(t.Context(), &pb.SetFindingStateRequest{Name: w.scc.Findings()[0].Name, State: pb.Finding_INACTIVE})
		}
		if err := r.Handle(t.Context(), act("s", 1, "x", alert.High)); err != nil || writes.Load() != 1 {
			t.Errorf("delivered again: %v, %d writes", err, writes.Load())
		}
		w.flush(r)
		w.expect("after the flush", 1)
		if got := w.scc.Findings()[0].State == pb.Finding_INACTIVE; got != carriedOut {
			t.Errorf("carried out %v, inactive %v", carriedOut, got)
		}
	}
}
