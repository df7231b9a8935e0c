package board

import (
	"encoding/json"
)

// How far back a reader can go on from. One that is further behind gets a snapshot instead: readers have a place in this
// one list and no queue of their own, so that a slow one costs nothing.
const (
	maxChanges     = 4096
	maxChangeBytes = 8 << 20
)

// A Change is one thing that happened. Seq counts up from 1 without gaps.
type Change struct {
	Seq  uint64
	Name string // "alert", "finding", "status", "rules", "asides", "fleet", "end", "snapshot"
	JSON json.RawMessage
}

// changes are the newest of them.
type changes struct {
	list  []Change
	last  uint64
	bytes int
	wake  chan struct{} // closed at the next
}

func newChanges() changes { return changes{wake: make(chan struct{})} }

func (c *changes) add(name string, text json.RawMessage) {
	c.last++
	c.list = append(c.list, Change{c.last, name, text})
	c.bytes += len(text)
	for len(c.list) > maxChanges || c.bytes > maxChangeBytes && len(c.list) > 1 {
		c.bytes -= len(c.list[0].JSON)
		c.list[0] = Change{} // the array stays until append moves on to another
		c.list = c.list[1:]
	}
	close(c.wake)
	c.wake = make(chan struct{})
}

// since are those after seq; ok is false if some of them are no longer kept, or seq has not been yet.
func (c *changes) since(seq uint64) (after []Change, ok bool) {
	first := c.last - uint64(len(c.list)) + 1
	if seq > c.last || seq+1 < first {
		return nil, false
	}
	return append(after, c.list[seq+1-first:]...), true
}

// Since returns what changed after seq, and a channel that is closed when there is more. Where seq is too far back, or 0, it
// is a snapshot that stands for all before it.
func (b *Board) Since(seq uint64) ([]Change, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if seq > 0 {
		if after, ok := b.changes.since(seq); ok {
			return after, b.changes.wake
		}
	}
	return []Change{{b.changes.last, "snapshot", b.snapshot()}}, b.changes.wake
}
