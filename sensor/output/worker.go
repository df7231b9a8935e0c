package output

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"sync"
	"time"

	"tiercel.dev/alert"
)

// panicAttempts is how often an alert may make an output panic before it is given up.
const panicAttempts = 3

// closeGrace is for outputs that heed ctx to come back once it is done.
const closeGrace = 50 * time.Millisecond

var (
	errPanic      = errors.New("panic")
	errLeftBehind = errors.New("hangs; left behind")
)

// A worker runs one Output. Its queue is shared with Publish; the Output is touched by its own goroutine alone.
type worker struct {
	name       string
	heartbeats bool
	out        Output
	cfg        Config
	log        *slog.Logger

	wake    chan struct{} // something was queued, or closing began
	reopen  chan struct{}
	closing chan struct{} // closed: drain, then stop
	done    chan struct{} // closed by run
	ctx     context.Context
	cancel  context.CancelFunc

	mu      sync.Mutex
	queue   queue
	drops   drops
	current *alert.Alert // being written
	since   time.Time    // when that attempt began; zero between attempts
	failing bool
	ended   bool
	sent    uint64
	errors  map[string]uint64
	lastErr string
}

func newWorker(name string, o Output, heartbeats bool, cfg Config, log *slog.Logger) *worker {
	w := &worker{
		name: name, heartbeats: heartbeats, out: o, cfg: cfg, log: log.With("output", name),
		wake: make(chan struct{}, 1), reopen: make(chan struct{}, 1),
		closing: make(chan struct{}), done: make(chan struct{}),
		queue: queue{maxCount: cfg.QueueAlerts, maxBytes: cfg.QueueBytes},
		drops: drops{}, errors: map[string]uint64{},
	}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

func (w *worker) publish(a *alert.Alert, size int) {
	w.mu.Lock()
	if w.ended {
		w.drops.add(DropClosed, a)
	} else {
		w.queue.push(a, size, func(a *alert.Alert) { w.drops.add(DropFull, a) })
	}
	w.mu.Unlock()
	signal(w.wake)
}

func (w *worker) requestReopen() { signal(w.reopen) }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func (w *worker) run() {
	defer close(w.done)
	for {
		if a := w.next(); a != nil {
			if !w.deliver(a) {
				return
			}
			continue
		}
		select {
		case <-w.wake:
		case <-w.reopen:
			w.reopenNow()
		case <-w.closing:
			if w.empty() {
				return
			}
		}
	}
}

func (w *worker) next() *alert.Alert {
	// A reopen asked for before this alert was published must come before it.
	select {
	case <-w.reopen:
		w.reopenNow()
	default:
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended {
		return nil
	}
	w.current = w.queue.pop()
	return w.current
}

func (w *worker) empty() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ended || w.queue.count == 0
}

// deliver tries until a is written or given up. It returns false if the worker shall stop with a unsent.
func (w *worker) deliver(a *alert.Alert) bool {
	delay := w.cfg.BackoffMin
	for attempt := 1; ; attempt++ {
		err := w.attempt(a)
		if w.settle(a, err, attempt) {
			return true
		}
		if w.isClosing() {
			return false
		}
		w.sleep(delay)
		delay = min(delay*2, w.cfg.BackoffMax)
	}
}

func (w *worker) attempt(a *alert.Alert) (err error) {
	w.mu.Lock()
	w.since = time.Now()
	w.mu.Unlock()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%w: %v", errPanic, r)
		}
	}()
	return w.out.Write(w.ctx, a)
}

// settle records the attempt's end and reports whether a is done with.
func (w *worker) settle(a *alert.Alert, err error, attempt int) bool {
	w.mu.Lock()
	was := w.failing
	done := w.note(a, err, attempt)
	failing, lastErr, waiting := w.failing, w.lastErr, w.queue.count
	w.mu.Unlock()
	// Not under the lock, for which Publish waits: the log may be a pipe that nobody reads.
	switch {
	case failing && !was:
		w.log.Warn("output fails and is tried again", "err", lastErr)
	case was && !failing:
		w.log.Info("output works again", "waiting", waiting)
	}
	return done
}

// note does settle's work. w.mu is held.
func (w *worker) note(a *alert.Alert, err error, attempt int) bool {
	w.since = time.Time{}
	if w.ended {
		return true // counted by close
	}
	if err == nil {
		w.sent++
		w.current, w.failing = nil, false
		return true
	}
	w.errors[errorCode(err)]++
	w.lastErr = alert.Escape(err.Error())
	switch {
	case errors.Is(err, ErrAlert):
		w.drops.add(DropRejected, a)
	case errors.Is(err, errPanic) && attempt >= panicAttempts:
		w.drops.add(DropPanic, a)
	default:
		w.failing = true
		return false
	}
	w.current = nil
	return true
}

// sleep waits for a random half to whole of d, or until closing.
func (w *worker) sleep(d time.Duration) {
	t := time.NewTimer(d/2 + rand.N(d/2+1))
	defer t.Stop()
	for {
		select {
		case <-t.C:
			return
		case <-w.closing:
			return
		case <-w.reopen:
			w.reopenNow()
		}
	}
}

func (w *worker) isClosing() bool {
	select {
	case <-w.closing:
		return true
	default:
		return false
	}
}

func (w *worker) reopenNow() {
	r, ok := w.out.(Reopener)
	if !ok {
		return
	}
	if err := r.Reopen(); err != nil {
		w.log.Warn("file not reopened", "err", err)
	}
}

// close waits for the queue to drain, at most until ctx is done.
func (w *worker) close(ctx context.Context) error {
	close(w.closing)
	select {
	case <-w.done:
	case <-ctx.Done():
		w.cancel()
		select {
		case <-w.done:
		case <-time.After(closeGrace):
		}
	}
	left := w.end()
	w.cancel()
	var err error
	select {
	case <-w.done:
		err = w.closeOutput(ctx)
	default: // hangs in Write, and so might Close
		err = errLeftBehind
	}
	if left > 0 {
		err = errors.Join(err, fmt.Errorf("%d alerts not written", left))
	}
	if err != nil {
		return fmt.Errorf("output %s: %w", w.name, err)
	}
	return nil
}

func (w *worker) closeOutput(ctx context.Context) error {
	closed := make(chan error, 1)
	go func() { closed <- w.out.Close(ctx) }()
	select {
	case err := <-closed:
		return err
	case <-ctx.Done():
	}
	select {
	case err := <-closed:
		return err
	case <-time.After(closeGrace):
		return errLeftBehind
	}
}

// end counts what is left as dropped.
func (w *worker) end() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = true
	left := 0
	if w.current != nil {
		w.drops.add(DropClosed, w.current)
		w.current = nil
		left++
	}
	for a := w.queue.pop(); a != nil; a = w.queue.pop() {
		w.drops.add(DropClosed, a)
		left++
	}
	return left
}

func (w *worker) stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := Stats{
		Name: w.name, State: StateOK, Sent: w.sent, Errors: maps.Clone(w.errors), LastError: w.lastErr,
		Waiting: w.queue.count, Dropped: w.drops.list(),
	}
	if w.current != nil {
		s.Waiting++
	}
	switch {
	case w.ended:
		s.State = StateClosed
	case !w.since.IsZero() && time.Since(w.since) > w.cfg.StuckAfter:
		s.State = StateStuck
	case w.failing:
		s.State = StateFailing
	}
	if s.State == StateStuck || s.State == StateFailing {
		s.Oldest, _ = alert.ParseTime(w.current.GetTime())
	}
	return s
}
