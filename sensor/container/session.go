package container

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tiercel.dev/internal/event"
	"tiercel.dev/sensor/container/cri"
)

const (
	listTimeout     = 10 * time.Second
	reconnectAfter  = 100 * time.Millisecond // and twice as long each time
	reconnectAtMost = 10 * time.Second
)

// conn is a connection to a runtime; [cri.Client] says what its methods promise.
type conn interface {
	Version(ctx context.Context) (string, error)
	Running(ctx context.Context) ([]string, error)
	Status(ctx context.Context, id string) (*event.Container, error)
	Watch(ctx context.Context, fn func(id string, ended bool)) error
	Wait(ctx context.Context)
	Close() error
}

// sessions are the connections that work now.
type sessions struct {
	starting atomic.Int64 // sockets that have not been tried yet
	mu       sync.Mutex
	up       []conn
}

func (s *sessions) connected() []conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.up)
}

func (s *sessions) add(c conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.up = append(s.up, c)
}

func (s *sessions) remove(c conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.up = slices.DeleteFunc(s.up, func(o conn) bool { return o == c })
}

// Start connects to the runtimes and looks up metadata in the background until ctx ends. It is called once.
func (r *Resolver) Start(ctx context.Context) {
	for range askers {
		r.running.Go(func() { r.ask(ctx) })
	}
	r.running.Go(func() { r.rounds(ctx) })
	for _, path := range r.cfg.Sockets {
		r.running.Go(func() { r.session(ctx, path) })
	}
}

// rounds does what is done now and then.
func (r *Resolver) rounds(ctx context.Context) {
	for pause(ctx, askRound) {
		r.retry()
		r.mail.askSweep()
	}
}

// session keeps a connection to the runtime behind path.
func (r *Resolver) session(ctx context.Context, path string) {
	wait, tried := reconnectAfter, false
	for ctx.Err() == nil {
		c, name, err := r.connect(ctx, path)
		if err == nil {
			r.log.Info("container runtime connected", "socket", path, "runtime", name)
			r.sessions.add(c)
			r.stats.connects.Add(1)
			r.stats.runtimes.Add(1)
		} else {
			r.stats.connectErrors.Add(1)
		}
		if !tried {
			tried = true
			r.sessions.starting.Add(-1)
			if err != nil {
				r.log.Info("no container runtime yet, looking for it again", "socket", path, "err", err)
			}
		}
		if err == nil {
			wait = reconnectAfter
			r.serve(ctx, c)
			r.stats.runtimes.Add(^uint64(0))
			if ctx.Err() == nil {
				r.stats.disconnects.Add(1)
				r.log.Warn("container runtime lost, looking for it again", "socket", path, "runtime", name)
			}
		}
		pause(ctx, wait)
		wait = min(2*wait, reconnectAtMost)
	}
}

func (r *Resolver) connect(ctx context.Context, path string) (conn, string, error) {
	c, err := r.dial(path)
	if err != nil {
		return nil, "", err
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	name, err := c.Version(ctx)
	if err != nil {
		c.Close()
		return nil, "", err
	}
	return c, name, nil
}

// serve lists, and follows the runtime's events, until the connection is lost.
func (r *Resolver) serve(ctx context.Context, c conn) {
	ctx, cancel := context.WithCancel(ctx)
	var both sync.WaitGroup
	both.Go(func() {
		c.Wait(ctx)
		r.sessions.remove(c)
		cancel()
	})
	both.Go(func() { r.watch(ctx, c) })
	r.retry() // those that were asked for while no runtime was there
	for {
		// Again and again, for a container that was started between the list and the events, or while there were none.
		r.list(ctx, c)
		if !pause(ctx, askRound) {
			break
		}
	}
	both.Wait()
	c.Close()
}

func (r *Resolver) watch(ctx context.Context, c conn) {
	for ctx.Err() == nil {
		err := c.Watch(ctx, func(id string, ended bool) {
			r.stats.runtimeEvents.Add(1)
			if ended {
				r.ended(id)
			} else {
				r.prefetch(ctx, id, false)
			}
		})
		r.log.Debug("container runtime ended its events", "err", err)
		pause(ctx, askRound) // CRI-O ends them at once unless it was told to serve them
	}
}

// list has all containers looked up that exist and were not.
func (r *Resolver) list(ctx context.Context, c conn) {
	timed, cancel := context.WithTimeout(ctx, listTimeout)
	ids, err := c.Running(timed)
	cancel()
	if err != nil {
		r.stats.listErrors.Add(1)
		r.log.Debug("container runtime does not list its containers", "err", err)
		return
	}
	for _, id := range ids {
		r.prefetch(ctx, id, true)
	}
}

// status asks each runtime in turn. Where several are connected the error is that of the one which may yet answer.
func (r *Resolver) status(ctx context.Context, id string) (*event.Container, error) {
	all := r.sessions.connected()
	if len(all) == 0 {
		return nil, errNoRuntime
	}
	var worst error
	for _, c := range all {
		began := time.Now()
		timed, cancel := context.WithTimeout(ctx, askTimeout)
		k, err := c.Status(timed, id)
		cancel()
		r.stats.took(time.Since(began))
		if err == nil {
			return k, nil
		}
		if worst == nil || !errors.Is(err, cri.ErrNotFound) {
			worst = err
		}
	}
	return nil, worst
}

// dial prepares a connection to the runtime behind path, if there is such a socket.
func dial(path string, cuts *cri.Cuts) (conn, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("%w: %w", cri.ErrUnavailable, err)
	}
	return cri.Dial(path, cuts)
}

// pause reports whether the time passed, and not ctx ended.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
