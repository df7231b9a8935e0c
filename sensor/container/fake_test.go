package container

import (
	"context"
	"sync"

	"tiercel.dev/internal/event"
	"tiercel.dev/sensor/container/cri"
)

// fake is a runtime without a socket, for tests under a fake clock: goroutines that wait for a real socket would keep the
// clock from moving.
type fake struct {
	mu      sync.Mutex
	down    bool
	hang    bool
	slow    chan struct{} // a Status in progress waits for it
	fail    error
	known   map[string]*event.Container
	asked   map[string]int
	lost    context.CancelFunc
	gone    context.Context
	watcher func(id string, ended bool)
	atOnce  int // Status calls now
	most    int // the most at a time
}

func newFake(containers ...*event.Container) *fake {
	f := &fake{known: make(map[string]*event.Container), asked: make(map[string]int)}
	f.add(containers...)
	return f
}

// complete is metadata as a runtime gives it.
func complete(id, podUID string) *event.Container {
	return &event.Container{
		ID: id[:12], FullID: id, Metadata: event.MetadataComplete, Runtime: "containerd", Name: "web",
		Pod: &event.Pod{Name: "web-1", Namespace: "shop", UID: podUID},
	}
}

func (f *fake) add(containers ...*event.Container) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range containers {
		f.known[c.FullID] = c
	}
}

func (f *fake) set(change func(*fake)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *fake) times(id string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[id]
}

// restart breaks the connection.
func (f *fake) restart() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lost()
}

func (f *fake) tell(id string, ended bool) {
	f.mu.Lock()
	watcher := f.watcher
	f.mu.Unlock()
	watcher(id, ended)
}

func (f *fake) dial(string) (conn, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.down {
		return nil, cri.ErrUnavailable
	}
	f.gone, f.lost = context.WithCancel(context.Background())
	return f, nil
}

func (f *fake) Version(ctx context.Context) (string, error) {
	f.mu.Lock()
	hang := f.hang
	f.mu.Unlock()
	if hang {
		<-ctx.Done()
		return "", cri.ErrTimeout
	}
	return "containerd", nil
}

func (f *fake) Running(context.Context) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var ids []string
	for id := range f.known {
		ids = append(ids, id)
	}
	return ids, nil
}

func (f *fake) Status(ctx context.Context, id string) (*event.Container, error) {
	f.mu.Lock()
	f.asked[id]++
	f.atOnce++
	f.most = max(f.most, f.atOnce)
	hang, slow := f.hang, f.slow
	f.mu.Unlock()
	defer f.set(func(f *fake) { f.atOnce-- })
	if hang {
		<-ctx.Done()
		return nil, cri.ErrTimeout
	}
	if slow != nil {
		<-slow
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	switch c := f.known[id]; {
	case f.fail != nil:
		return nil, f.fail
	case f.gone.Err() != nil:
		return nil, cri.ErrUnavailable
	case c != nil:
		return c, nil
	}
	return nil, cri.ErrNotFound
}

func (f *fake) Watch(ctx context.Context, fn func(id string, ended bool)) error {
	f.set(func(f *fake) { f.watcher = fn })
	<-ctx.Done()
	return ctx.Err()
}

func (f *fake) Wait(ctx context.Context) {
	f.mu.Lock()
	gone := f.gone
	f.mu.Unlock()
	select {
	case <-gone.Done():
	case <-ctx.Done():
	}
}

func (f *fake) Close() error { return nil }
