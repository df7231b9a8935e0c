package process

import (
	"errors"
	"sync/atomic"
	"time"
)

// errBlocked: a read did not return in time, or so many did not that no further one is begun.
var errBlocked = errors.New("read is blocked")

// maxStuck bounds the reads that never returned, each of which keeps an operating system thread.
const maxStuck = 16

// guard runs reads that a hostile process can stall for ever (its memory served by userfaultfd, its files by FUSE) away
// from the goroutine that reads records.
type guard struct {
	running chan struct{}
	timeout time.Duration
	blocked *atomic.Uint64
}

func newGuard(timeout time.Duration, blocked *atomic.Uint64) *guard {
	return &guard{running: make(chan struct{}, maxStuck), timeout: timeout, blocked: blocked}
}

func within[T any](g *guard, read func() (T, error)) (T, error) {
	var zero T
	select {
	case g.running <- struct{}{}:
	default:
		g.blocked.Add(1)
		return zero, errBlocked
	}
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		defer func() { <-g.running }()
		value, err := read()
		answers <- answer{value, err}
	}()
	timer := time.NewTimer(g.timeout)
	defer timer.Stop()
	select {
	case a := <-answers:
		return a.value, a.err
	case <-timer.C:
		g.blocked.Add(1)
		return zero, errBlocked
	}
}
