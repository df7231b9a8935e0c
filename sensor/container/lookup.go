package container

import (
	"context"
	"errors"
	"sync"
	"time"

	"tiercel.dev/internal/event"
	"tiercel.dev/sensor/container/cri"
)

const (
	askers       = 4                     // look-ups at a time
	askAgain     = 30 * time.Millisecond // between look-ups of a container that is waited for
	askTimeout   = 2 * time.Second       // of one look-up, longer than events are held: metadata is of use to the next event too
	askRound     = 30 * time.Second      // between rounds for the containers that no runtime knew
	queuedUrgent = 1024
	queuedLater  = 1024
)

// errNoRuntime: there is no connection to any runtime.
var errNoRuntime = errors.New("no container runtime is connected")

// lookups are the containers that a runtime is or was asked for. Each is there until the Resolver forgets the container.
type lookups struct {
	urgent chan string // events wait for these
	later  chan string

	mu   sync.Mutex
	jobs map[string]*job
}

type job struct {
	state  jobState
	wanted bool      // events wait, or waited, for it
	until  time.Time // when they stop waiting
	timer  *time.Timer
}

type jobState int

const (
	queued  jobState = iota
	asking           // a runtime is being asked
	resting          // to be queued again in a moment
	missing          // to be queued again at the next round
	done
)

func newLookups() lookups {
	return lookups{
		urgent: make(chan string, queuedUrgent),
		later:  make(chan string, queuedLater),
		jobs:   make(map[string]*job),
	}
}

// want has a container looked up because an event names it, and reports whether it is worth waiting for.
func (r *Resolver) want(id string) bool {
	l := &r.lookups
	l.mu.Lock()
	defer l.mu.Unlock()
	j := l.jobs[id]
	if j == nil {
		j = new(job)
		l.jobs[id] = j
	}
	switch j.state {
	case asking, resting: // what was asked for in advance is now waited for
	default:
		j.state = queued
		select {
		case l.urgent <- id:
		default:
			r.stats.queueFull.Add(1)
			j.state = missing
			return false
		}
	}
	if r.cfg.HoldFor == 0 {
		return false
	}
	j.wanted = true
	j.until = time.Now().Add(r.cfg.HoldFor)
	j.timer = time.AfterFunc(r.cfg.HoldFor, func() { r.mail.post(id, letter{expired: true}, true) })
	r.stats.holds.Add(1)
	return true
}

// prefetch has a container looked up before any event names it, because the runtime told of it. wait is for lists, which
// may be longer than the queue.
func (r *Resolver) prefetch(ctx context.Context, id string, wait bool) {
	if len(id) != idLen || !isHex(id) {
		r.stats.badIDs.Add(1)
		return
	}
	l := &r.lookups
	l.mu.Lock()
	if l.jobs[id] != nil {
		l.mu.Unlock()
		return
	}
	if len(l.jobs) >= r.cfg.MaxContainers {
		l.mu.Unlock()
		r.stats.queueFull.Add(1)
		return
	}
	l.jobs[id] = new(job)
	l.mu.Unlock()
	if wait {
		select {
		case l.later <- id:
		case <-ctx.Done():
			l.forget(id)
		}
		return
	}
	select {
	case l.later <- id:
	default:
		r.stats.queueFull.Add(1)
		l.forget(id)
	}
}

// ended notes that a container has ended, if it is one that was asked for.
func (r *Resolver) ended(id string) {
	r.lookups.mu.Lock()
	known := r.lookups.jobs[id] != nil
	r.lookups.mu.Unlock()
	if known {
		r.mail.post(id, letter{ended: true}, false)
	}
}

// ask is one of the goroutines that look up.
func (r *Resolver) ask(ctx context.Context) {
	l := &r.lookups
	for {
		var id string
		select {
		case id = <-l.urgent:
		default:
			select {
			case id = <-l.urgent:
			case id = <-l.later:
			case <-ctx.Done():
				return
			}
		}
		if l.start(id) {
			c, err := r.status(ctx, id)
			r.stats.outcome[outcomeOf(err)].Add(1)
			r.finish(id, c, err)
		}
	}
}

// start reports whether a container that was queued is still to be looked up: it may have been so from the other queue.
func (l *lookups) start(id string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	j := l.jobs[id]
	if j == nil || j.state != queued {
		return false
	}
	j.state = asking
	return true
}

func (r *Resolver) finish(id string, c *event.Container, err error) {
	l := &r.lookups
	l.mu.Lock()
	defer l.mu.Unlock()
	j := l.jobs[id]
	switch {
	case j == nil: // forgotten meanwhile
	case err == nil:
		j.state = done
		j.stop()
		r.mail.post(id, letter{container: c}, j.wanted)
	case r.soon(j, err):
		j.state = resting
		time.AfterFunc(askAgain, func() { r.requeue(id) })
	case !j.wanted && errors.Is(err, cri.ErrNotFound): // gone before it was ever seen
		delete(l.jobs, id)
	default:
		j.state = missing
		j.stop()
		if j.wanted { // else the news could end a wait that begins before they are read
			r.mail.post(id, letter{missing: true}, true)
		}
	}
}

// soon reports whether to ask again in a moment: events wait for the answer, or a runtime connected just after it was found
// that there was none, too late for its first round. With nobody there and nobody being looked for, waiting is vain.
func (r *Resolver) soon(j *job, err error) bool {
	waited := j.wanted && time.Until(j.until) > askAgain
	if !errors.Is(err, errNoRuntime) {
		return waited
	}
	return len(r.sessions.connected()) > 0 || waited && r.sessions.starting.Load() > 0
}

func (r *Resolver) requeue(id string) {
	l := &r.lookups
	l.mu.Lock()
	defer l.mu.Unlock()
	j := l.jobs[id]
	if j == nil || j.state != resting {
		return
	}
	j.state = queued
	select {
	case l.urgent <- id:
	default:
		r.stats.queueFull.Add(1)
		j.state = missing
		j.stop()
		r.mail.post(id, letter{missing: true}, true)
	}
}

// retry queues the containers that no runtime knew, as many as there is room for.
func (r *Resolver) retry() {
	l := &r.lookups
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, j := range l.jobs {
		if j.state != missing {
			continue
		}
		select {
		case l.later <- id:
			j.state = queued
		default:
			return
		}
	}
}

// again marks a container, whose metadata was refused, for the next round.
func (l *lookups) again(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if j := l.jobs[id]; j != nil && j.state == done {
		j.state = missing
	}
}

func (l *lookups) forget(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if j := l.jobs[id]; j != nil {
		j.stop()
		delete(l.jobs, id)
	}
}

func (j *job) stop() {
	if j.timer != nil {
		j.timer.Stop()
	}
}
