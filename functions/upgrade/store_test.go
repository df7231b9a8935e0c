package upgrade

import (
	"context"
	"errors"
	"sync"

	"tiercel.dev/internal/objects"
)

// errCrash is what a process says that is gone.
var errCrash = errors.New("crashed")

// memory is a Store with the preconditions of Cloud Storage. hook is called before and after each call, and its error is what comes of it: after
// the call it is a lost answer.
type memory struct {
	mu      sync.Mutex
	objects map[string]objects.Object
	last    int64
	hook    func() error
}

func newMemory() *memory {
	return &memory{objects: map[string]objects.Object{}, hook: func() error { return nil }}
}

func (m *memory) Get(_ context.Context, name string) (objects.Object, error) {
	if err := m.hook(); err != nil {
		return objects.Object{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[name]
	if !ok {
		return o, objects.ErrNotFound
	}
	return o, nil
}

func (m *memory) Put(_ context.Context, name string, data []byte, meta map[string]string, generation int64) (int64, error) {
	if err := m.hook(); err != nil {
		return 0, err
	}
	written, err := m.put(name, data, meta, generation)
	if err != nil {
		return 0, err
	}
	return written, m.hook()
}

func (m *memory) put(name string, data []byte, meta map[string]string, generation int64) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.objects[name].Generation != generation {
		return 0, objects.ErrConflict
	}
	m.last++
	m.objects[name] = objects.Object{Name: name, Generation: m.last, Data: data, Meta: meta}
	return m.last, nil
}

func (m *memory) Delete(_ context.Context, name string, generation int64) error {
	if err := m.hook(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if o, ok := m.objects[name]; ok && o.Generation != generation {
		return objects.ErrConflict
	}
	delete(m.objects, name)
	return nil
}
