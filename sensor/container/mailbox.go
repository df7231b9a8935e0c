package container

import (
	"sync"
	"sync/atomic"

	"tiercel.dev/internal/event"
)

// mailbox carries what the background finds out to the goroutine that reads records. That one looks at a flag per event
// and takes the lock only if something waits. There is one letter per container, so that an idle reader costs no more
// memory than there are look-ups.
type mailbox struct {
	waiting atomic.Bool
	ready   chan struct{}

	mu      sync.Mutex
	letters map[string]letter
	sweep   bool
}

// letter is the news of one container.
type letter struct {
	container *event.Container // its metadata
	missing   bool             // there is none to be had now
	expired   bool             // its events have been held long enough
	ended     bool             // the runtime says so
}

func newMailbox() mailbox {
	return mailbox{ready: make(chan struct{}, 1), letters: make(map[string]letter)}
}

// post adds news of a container; signal tells a reader that holds its events.
func (m *mailbox) post(id string, l letter, signal bool) {
	m.mu.Lock()
	old := m.letters[id]
	if l.container == nil {
		l.container = old.container
	}
	m.letters[id] = letter{l.container, l.missing || old.missing, l.expired || old.expired, l.ended || old.ended}
	m.mu.Unlock()
	m.waiting.Store(true)
	if signal {
		m.signal()
	}
}

// signal tells a reader that holds events to look again.
func (m *mailbox) signal() {
	select {
	case m.ready <- struct{}{}:
	default:
	}
}

func (m *mailbox) askSweep() {
	m.mu.Lock()
	m.sweep = true
	m.mu.Unlock()
	m.waiting.Store(true)
}

func (m *mailbox) take() (letters map[string]letter, sweep bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waiting.Store(false)
	letters, sweep = m.letters, m.sweep
	m.letters, m.sweep = make(map[string]letter), false
	return letters, sweep
}
