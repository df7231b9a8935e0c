package command

import (
	"fmt"
	"io"
	"sync/atomic"
	"time"
)

// messages writes to standard error in a goroutine of its own. Standard error may be a pipe that nobody reads or a
// terminal that was stopped, and who writes there would wait for it: the sensor would no longer watch, and not end when it
// is told to. What finds no room is counted, and told when there is room again.
type messages struct {
	w     io.Writer
	lines chan []byte
	stop  chan struct{}
	done  chan struct{}
	lost  atomic.Uint64
}

// maxMessages may wait. A sensor says far less in a day, unless it is asked for its debug messages.
const maxMessages = 1024

func newMessages(w io.Writer) *messages {
	m := &messages{w: w, lines: make(chan []byte, maxMessages), stop: make(chan struct{}), done: make(chan struct{})}
	go m.run()
	return m
}

// Write never waits.
func (m *messages) Write(line []byte) (int, error) {
	select {
	case m.lines <- append([]byte(nil), line...):
	default:
		m.lost.Add(1)
	}
	return len(line), nil
}

func (m *messages) run() {
	defer close(m.done)
	for {
		select {
		case line := <-m.lines:
			m.pass(line)
		case <-m.stop:
			for len(m.lines) > 0 {
				m.pass(<-m.lines)
			}
			return
		}
	}
}

func (m *messages) pass(line []byte) {
	m.w.Write(line)
	if n := m.lost.Swap(0); n > 0 {
		fmt.Fprintf(m.w, "%d messages are missing here: standard error was not read\n", n)
	}
}

// close waits until all is written, at most for grace.
func (m *messages) close(grace time.Duration) {
	close(m.stop)
	select {
	case <-m.done:
	case <-time.After(grace):
	}
}
