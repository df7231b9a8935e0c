package container

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"tiercel.dev/internal/event"
	"tiercel.dev/sensor/container/cri"
)

// with runs a test under a fake clock, with a Resolver that was started with f as its only runtime. What is made of
// channels and timers must be made under that clock too: in change or in test.
func with(t *testing.T, f *fake, change func(*Config), test func(*testing.T, *Resolver)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg := offline()
		cfg.Sockets = []string{"/fake"}
		if change != nil {
			change(&cfg)
		}
		r := New(cfg, quiet)
		r.dial = f.dial
		ctx, cancel := context.WithCancel(t.Context())
		defer func() {
			cancel()
			r.Wait()
		}()
		r.Start(ctx)
		test(t, r)
	})
}

// seen attaches the record of a pod's container in cgroup id.
func seen(r *Resolver, id uint64, full string) *event.Event {
	r.Attach(path(id, "/kubepods/pod"+podA+"/"+full))
	ev := open(id)
	r.Attach(ev)
	return ev
}

func signalled(r *Resolver) bool {
	select {
	case <-r.Ready():
		return true
	default:
		return false
	}
}

func TestLookedUpOnDemand(t *testing.T) {
	f := newFake()
	with(t, f, nil, func(t *testing.T, r *Resolver) {
		synctest.Wait()
		ev := seen(r, 10, idA)
		if ev.Container.Metadata != event.MetadataMissing || !r.Pending(ev) {
			t.Fatalf("container %+v, pending %v", ev.Container, r.Pending(ev))
		}
		// The runtime knows of it a little later, as of a pod's sandbox.
		time.Sleep(100 * time.Millisecond)
		if !r.Pending(ev) || signalled(r) {
			t.Error("not waited for")
		}
		f.add(complete(idA, podA))
		time.Sleep(askAgain)
		synctest.Wait()
		if !signalled(r) || r.Pending(ev) {
			t.Errorf("still pending after the answer")
		}
		if got := r.Lookup(idA); got != f.known[idA] {
			t.Errorf("Lookup = %+v", got)
		}
		if ev.Container.Metadata != event.MetadataMissing {
			t.Error("a container that was handed out was changed")
		}
		r.Attach(ev)
		if ev.Container != f.known[idA] {
			t.Errorf("Attach: %+v", ev.Container)
		}
		s := r.Stats()
		if s.Holds != 1 || s.HoldsExpired != 0 || s.Found != 1 || s.NotFound != 4 || s.Lookups != 5 {
			t.Errorf("stats %+v", s)
		}
		time.Sleep(r.cfg.HoldFor)
		synctest.Wait()
		if signalled(r) {
			t.Error("the timer of a hold that ended was not stopped")
		}
	})
}

// A container of which the runtime never hears, or that is gone before it is asked.
func TestHoldExpires(t *testing.T) {
	f := newFake()
	with(t, f, nil, func(t *testing.T, r *Resolver) {
		synctest.Wait()
		began := time.Now()
		ev := seen(r, 10, idA)
		<-r.Ready()
		if r.Pending(ev) {
			t.Error("still pending")
		}
		if took := time.Since(began); took > r.cfg.HoldFor {
			t.Errorf("held for %v", took)
		}
		if c := r.Lookup(idA); c.Metadata != event.MetadataMissing || c.ID != idA[:12] {
			t.Errorf("Lookup = %+v", c)
		}
		// It is tried again at a low rate.
		asked := f.times(idA)
		time.Sleep(10 * askRound)
		if n := f.times(idA) - asked; n < 9 || n > 11 {
			t.Errorf("asked %d times in ten rounds", n)
		}
		f.add(complete(idA, podA))
		time.Sleep(askRound)
		synctest.Wait()
		if r.Lookup(idA) != f.known[idA] {
			t.Error("not found although it is there")
		}
	})
}

func TestRuntimeHangs(t *testing.T) {
	f := newFake()
	with(t, f, nil, func(t *testing.T, r *Resolver) {
		synctest.Wait()
		f.set(func(f *fake) { f.hang = true })
		began := time.Now()
		ev := seen(r, 10, idA)
		<-r.Ready()
		if r.Pending(ev) || time.Since(began) != r.cfg.HoldFor {
			t.Errorf("held for %v, pending %v", time.Since(began), r.Pending(ev))
		}
		time.Sleep(askTimeout)
		synctest.Wait()
		s := r.Stats()
		if s.HoldsExpired != 1 || s.Timeouts != 1 || s.Latency.Max != askTimeout || s.Latency.Sum != askTimeout || s.Latency.Buckets[len(LatencyBounds)-1] != 1 {
			t.Errorf("stats %+v", s)
		}
		// It comes to its senses.
		f.set(func(f *fake) { f.hang = false })
		f.add(complete(idA, podA))
		time.Sleep(askRound)
		synctest.Wait()
		if r.Lookup(idA) != f.known[idA] {
			t.Error("not asked again")
		}
	})
}

func TestLookupsAtATime(t *testing.T) {
	f := newFake()
	with(t, f, nil, func(t *testing.T, r *Resolver) {
		synctest.Wait()
		f.set(func(f *fake) { f.hang = true })
		for i := range uint64(queuedUrgent + askers + 10) {
			seen(r, 100+i, fmt.Sprintf("%064x", i))
			synctest.Wait()
		}
		if f.most != askers {
			t.Errorf("%d look-ups at a time, want %d", f.most, askers)
		}
		s := r.Stats()
		if s.QueueFull != 10 || s.Holds != queuedUrgent+askers {
			t.Errorf("stats %+v", s)
		}
		if ev := seen(r, 1, fmt.Sprintf("%064x", 99999)); r.Pending(ev) {
			t.Error("held although it is not looked up")
		}
	})
}

func TestHoldNothing(t *testing.T) {
	f := newFake(complete(idA, podA))
	slow := func(c *Config) { c.HoldFor, f.slow = 0, make(chan struct{}) }
	with(t, f, slow, func(t *testing.T, r *Resolver) {
		if ev := seen(r, 10, idA); r.Pending(ev) {
			t.Error("held")
		}
		close(f.slow)
		time.Sleep(askAgain)
		synctest.Wait()
		if r.Lookup(idA) != f.known[idA] {
			t.Error("not looked up")
		}
	})
}

// What was being fetched anyway is waited for once an event names it.
func TestPrefetchBecomesWanted(t *testing.T) {
	f := newFake(complete(idA, podA))
	slow := func(*Config) { f.slow = make(chan struct{}) }
	with(t, f, slow, func(t *testing.T, r *Resolver) {
		synctest.Wait()
		ev := seen(r, 10, idA)
		if !r.Pending(ev) || f.times(idA) != 1 {
			t.Errorf("pending %v, asked %d times", r.Pending(ev), f.times(idA))
		}
		close(f.slow)
		<-r.Ready()
		if r.Pending(ev) || r.Lookup(idA) != f.known[idA] || f.times(idA) != 1 {
			t.Errorf("pending %v, asked %d times", r.Pending(ev), f.times(idA))
		}
	})
}

func TestRuntimeNamesAnotherPod(t *testing.T) {
	other := "ffffffff-8a52-4d6a-9d5e-3c5b9f1f6a01"
	f := newFake(complete(idA, other))
	with(t, f, nil, func(t *testing.T, r *Resolver) {
		ev := seen(r, 10, idA)
		<-r.Ready()
		if r.Pending(ev) || r.Lookup(idA).Metadata != event.MetadataMissing || r.Stats().RefusedPod != 1 {
			t.Errorf("Lookup = %+v, stats %+v", r.Lookup(idA), r.Stats())
		}
		f.add(complete(idA, podA))
		time.Sleep(askRound)
		synctest.Wait()
		if r.Lookup(idA) != f.known[idA] {
			t.Errorf("Lookup = %+v after it told the truth", r.Lookup(idA))
		}
	})
	// The same where the runtime told first and the kernel's path came later.
	f = newFake(complete(idA, other))
	with(t, f, nil, func(t *testing.T, r *Resolver) {
		synctest.Wait()
		if ev := seen(r, 10, idA); ev.Container.Metadata != event.MetadataMissing || r.Stats().RefusedPod != 1 {
			t.Errorf("container %+v, stats %+v", ev.Container, r.Stats())
		}
	})
}

func TestLookupErrorsAreCounted(t *testing.T) {
	tests := []struct {
		err  error
		of   func(Stats) uint64
		name string
	}{
		{cri.ErrNotFound, func(s Stats) uint64 { return s.NotFound }, "not found"},
		{cri.ErrTimeout, func(s Stats) uint64 { return s.Timeouts }, "timeout"},
		{cri.ErrUnavailable, func(s Stats) uint64 { return s.Unavailable }, "unavailable"},
		{cri.ErrRefused, func(s Stats) uint64 { return s.Refused }, "refused"},
		{cri.ErrUnsupported, func(s Stats) uint64 { return s.Unsupported }, "unsupported"},
		{cri.ErrRuntime, func(s Stats) uint64 { return s.Errors }, "error"},
		{errors.New("anything else"), func(s Stats) uint64 { return s.Errors }, "anything else"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFake()
			f.fail = fmt.Errorf("status: %w", tt.err)
			with(t, f, nil, func(t *testing.T, r *Resolver) {
				synctest.Wait()
				ev := seen(r, 10, idA)
				time.Sleep(r.cfg.HoldFor)
				synctest.Wait()
				if s := r.Stats(); tt.of(s) == 0 || tt.of(s) != s.Lookups || r.Pending(ev) {
					t.Errorf("pending %v, stats %+v", r.Pending(ev), s)
				}
			})
		})
	}
}

// Forgotten while it was looked up: the answer is for nobody.
func TestEvictedDuringLookup(t *testing.T) {
	f := newFake()
	slow := func(c *Config) { c.MaxContainers, f.slow = 1, make(chan struct{}) }
	with(t, f, slow, func(t *testing.T, r *Resolver) {
		synctest.Wait()
		f.add(complete(idA, podA), complete(idB, podA))
		seen(r, 10, idA)
		synctest.Wait()
		seen(r, 11, idB)
		close(f.slow)
		synctest.Wait()
		ev := seen(r, 11, idB)
		if ev.Container != f.known[idB] || r.Stats().Containers != 1 || len(r.lookups.jobs) != 1 {
			t.Errorf("container %+v, stats %+v, %d jobs", ev.Container, r.Stats(), len(r.lookups.jobs))
		}
	})
}

// Events that are held for a container that had to make room are let go at once, and not with the next one's.
func TestEvictedWhilePending(t *testing.T) {
	f := newFake()
	slow := func(c *Config) { c.MaxContainers, f.slow = 1, make(chan struct{}) }
	with(t, f, slow, func(t *testing.T, r *Resolver) {
		synctest.Wait()
		ev := seen(r, 10, idA)
		if !r.Pending(ev) || signalled(r) {
			t.Fatalf("pending %v", r.Pending(ev))
		}
		seen(r, 11, idB)
		if !signalled(r) || r.Pending(ev) {
			t.Errorf("not signalled; pending %v", r.Pending(ev))
		}
		close(f.slow)
	})
}
