package container

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"tiercel.dev/sensor/container/cri"
)

func TestListedAtStart(t *testing.T) {
	f := newFake(complete(idA, podA))
	with(t, f, nil, func(t *testing.T, r *Resolver) {
		synctest.Wait()
		ev := seen(r, 10, idA)
		if ev.Container != f.known[idA] || r.Pending(ev) {
			t.Errorf("container %+v, pending %v", ev.Container, r.Pending(ev))
		}
		if f.times(idA) != 1 || r.Stats().Holds != 0 {
			t.Errorf("asked %d times, stats %+v", f.times(idA), r.Stats())
		}
	})
}

func TestNoRuntime(t *testing.T) {
	f := newFake()
	f.down = true
	with(t, f, nil, func(t *testing.T, r *Resolver) {
		synctest.Wait()
		ev := seen(r, 10, idA)
		synctest.Wait()
		if r.Pending(ev) || !signalled(r) {
			t.Error("held although there is nobody to ask")
		}
		if s := r.Stats(); s.NoRuntime != 1 || s.Runtimes != 0 || s.ConnectErrors == 0 || s.Latency.Sum != 0 {
			t.Errorf("stats %+v", s)
		}
		// It appears: what is known so far is looked up at once.
		f.add(complete(idA, podA))
		f.set(func(f *fake) { f.down = false })
		time.Sleep(reconnectAtMost)
		synctest.Wait()
		if r.Lookup(idA) != f.known[idA] || r.Stats().Connects != 1 || r.Stats().Runtimes != 1 {
			t.Errorf("Lookup = %+v, stats %+v", r.Lookup(idA), r.Stats())
		}
	})
}

// While nobody knows yet whether there is a runtime, events are worth holding.
func TestHeldWhileConnecting(t *testing.T) {
	f := newFake()
	f.hang = true
	with(t, f, nil, func(t *testing.T, r *Resolver) {
		ev := seen(r, 10, idA)
		time.Sleep(r.cfg.HoldFor / 2)
		synctest.Wait()
		if !r.Pending(ev) {
			t.Error("given up while the first connection is being made")
		}
		time.Sleep(askTimeout)
		synctest.Wait()
		if r.Pending(ev) {
			t.Error("held for ever")
		}
		f.set(func(f *fake) { f.hang = false })
		time.Sleep(askTimeout + reconnectAtMost)
		synctest.Wait()
		if s := r.Stats(); s.Runtimes != 1 {
			t.Errorf("not connected after the runtime woke up: stats %+v", s)
		}
	})
}

// A runtime connects between the look-up that found none and the note of that.
func TestConnectedJustAfter(t *testing.T) {
	f := newFake()
	with(t, f, nil, func(t *testing.T, r *Resolver) {
		synctest.Wait()
		f.add(complete(idA, podA))
		r.lookups.jobs[idA] = &job{state: asking}
		r.finish(idA, nil, errNoRuntime)
		time.Sleep(askAgain)
		synctest.Wait()
		if r.Lookup(idA) != f.known[idA] {
			t.Errorf("Lookup = %+v", r.Lookup(idA))
		}
	})
}

func TestNoSockets(t *testing.T) {
	with(t, newFake(), func(c *Config) { c.Sockets = nil }, func(t *testing.T, r *Resolver) {
		if ev := seen(r, 10, idA); r.Pending(ev) {
			t.Error("held although nobody is to be asked")
		}
		if s := r.Stats(); s.Lookups != 0 || s.Holds != 0 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestRestart(t *testing.T) {
	f := newFake(complete(idA, podA))
	with(t, f, nil, func(t *testing.T, r *Resolver) {
		synctest.Wait()
		f.set(func(f *fake) { f.down = true })
		f.restart()
		synctest.Wait()
		if s := r.Stats(); s.Runtimes != 0 || s.Disconnects != 1 {
			t.Errorf("stats %+v", s)
		}
		if ev := seen(r, 10, idA); ev.Container != f.known[idA] {
			t.Errorf("what was known is forgotten: %+v", ev.Container)
		}
		if ev := seen(r, 11, idB); r.Pending(ev) {
			synctest.Wait()
			if r.Pending(ev) {
				t.Error("held although nobody is there")
			}
		}
		f.add(complete(idB, podA))
		f.set(func(f *fake) { f.down = false })
		time.Sleep(reconnectAtMost)
		synctest.Wait()
		if r.Lookup(idB) != f.known[idB] || f.times(idA) != 1 {
			t.Errorf("Lookup = %+v, asked for what is known %d times", r.Lookup(idB), f.times(idA))
		}
		if s := r.Stats(); s.Connects != 2 || s.Runtimes != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

// The connection breaks while a container is looked up: the answer of the next one counts.
func TestRestartDuringLookup(t *testing.T) {
	f := newFake()
	with(t, f, nil, func(t *testing.T, r *Resolver) {
		synctest.Wait()
		slow := make(chan struct{})
		f.set(func(f *fake) { f.slow = slow })
		ev := seen(r, 10, idA)
		synctest.Wait()
		f.set(func(f *fake) { f.slow = nil })
		f.restart()
		synctest.Wait()
		close(slow)
		f.add(complete(idA, podA))
		time.Sleep(2 * reconnectAfter)
		synctest.Wait()
		if r.Pending(ev) || r.Lookup(idA) != f.known[idA] {
			t.Errorf("pending %v, Lookup = %+v, stats %+v", r.Pending(ev), r.Lookup(idA), r.Stats())
		}
	})
}

func TestRuntimeEvents(t *testing.T) {
	f := newFake()
	with(t, f, nil, func(t *testing.T, r *Resolver) {
		synctest.Wait()
		f.add(complete(idA, podA))
		f.tell(idA, false)
		f.tell("../../etc", false)
		f.tell("", false)
		f.tell(idB, false) // never existed
		f.tell(idB, true)
		synctest.Wait()
		if f.times(idA) != 1 {
			t.Errorf("asked %d times", f.times(idA))
		}
		ev := seen(r, 10, idA)
		if ev.Container != f.known[idA] {
			t.Errorf("container %+v", ev.Container)
		}
		if s := r.Stats(); s.RuntimeEvents != 5 || s.BadIDs != 2 || s.Containers != 1 || s.Holds != 0 {
			t.Errorf("stats %+v", s)
		}
		if len(r.lookups.jobs) != 1 {
			t.Errorf("%d containers remembered", len(r.lookups.jobs))
		}
		f.tell(idA, true)
		synctest.Wait()
		ev.Boot = 1 + keepEnded
		r.Attach(ev) // a last event
		time.Sleep(askRound)
		synctest.Wait()
		late := open(99)
		late.Boot = ev.Boot + keepEnded + 1
		r.Attach(late)
		time.Sleep(askRound)
		synctest.Wait()
		r.Attach(late)
		if s := r.Stats(); s.Containers != 0 || s.ContainersEnded != 1 || len(r.lookups.jobs) != 0 {
			t.Errorf("stats %+v, %d remembered", s, len(r.lookups.jobs))
		}
	})
}

// A container may be started between the list and the events.
func TestListedAgain(t *testing.T) {
	f := newFake()
	with(t, f, nil, func(t *testing.T, r *Resolver) {
		synctest.Wait()
		f.add(complete(idA, podA))
		time.Sleep(askRound)
		synctest.Wait()
		if r.Lookup(idA) != f.known[idA] {
			t.Errorf("Lookup = %+v", r.Lookup(idA))
		}
	})
}

// A runtime that tells of more containers than fit does not fill the memory while no event comes.
func TestRuntimeTellsOfTooMany(t *testing.T) {
	f := newFake()
	with(t, f, func(c *Config) { c.MaxContainers = 50 }, func(t *testing.T, r *Resolver) {
		synctest.Wait()
		for i := range 500 {
			c := complete(fmt.Sprintf("%064x", i), podA)
			f.add(c)
			f.tell(c.FullID, false)
			f.tell(c.FullID, true)
			synctest.Wait()
		}
		if len(r.mail.letters) > 50 || len(r.lookups.jobs) > 50 || r.Stats().QueueFull != 450 {
			t.Errorf("%d letters, %d jobs, stats %+v", len(r.mail.letters), len(r.lookups.jobs), r.Stats())
		}
	})
}

// The runtime that does not know a container does not hide the fault of the one that might.
func TestStatusOfTwoRuntimes(t *testing.T) {
	a, b := newFake(), newFake()
	a.gone, b.gone = t.Context(), t.Context()
	r := New(offline(), quiet)
	for _, order := range [][]conn{{a, b}, {b, a}} {
		r.sessions.up = order
		b.fail = cri.ErrTimeout
		if _, err := r.status(t.Context(), idA); !errors.Is(err, cri.ErrTimeout) {
			t.Errorf("status: %v, want %v", err, cri.ErrTimeout)
		}
		b.fail = nil
		if _, err := r.status(t.Context(), idA); !errors.Is(err, cri.ErrNotFound) {
			t.Errorf("status: %v, want %v", err, cri.ErrNotFound)
		}
	}
}
