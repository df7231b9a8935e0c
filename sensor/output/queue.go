package output

import (
	"tiercel.dev/alert"
)

// queue holds alerts in the order they came, one list per severity, so that making room for a severe one costs a step
// per severity and not a search. It is not safe for concurrent use.
type queue struct {
	lists              [severities]fifo
	count, bytes       int
	maxCount, maxBytes int
	pushed             uint64
}

// severities is one more than the highest; heartbeats and severities of the future below them are 0.
const severities = int(alert.Critical) + 1

type entry struct {
	alert *alert.Alert
	size  int
	order uint64
}

// class is a's list: its severity. A severity this version does not know is taken for the highest.
func class(a *alert.Alert) int { return min(max(int(a.GetSeverity()), 0), severities-1) }

// push adds a and calls drop for each alert that has to go: the oldest of the least severe, or a itself if all that
// wait are more severe.
func (q *queue) push(a *alert.Alert, size int, drop func(*alert.Alert)) {
	c := class(a)
	if size > q.maxBytes {
		drop(a)
		return
	}
	for q.count >= q.maxCount || q.bytes+size > q.maxBytes {
		victim := q.least()
		if victim > c {
			drop(a)
			return
		}
		drop(q.take(victim).alert)
	}
	q.pushed++
	q.lists[c].push(entry{a, size, q.pushed})
	q.count++
	q.bytes += size
}

// pop returns what came first, or nil.
func (q *queue) pop() *alert.Alert {
	first := -1
	for c := range q.lists {
		if q.lists[c].len() > 0 && (first < 0 || q.lists[c].head().order < q.lists[first].head().order) {
			first = c
		}
	}
	if first < 0 {
		return nil
	}
	return q.take(first).alert
}

func (q *queue) least() int {
	for c := range q.lists {
		if q.lists[c].len() > 0 {
			return c
		}
	}
	return severities
}

func (q *queue) take(c int) entry {
	e := q.lists[c].pop()
	q.count--
	q.bytes -= e.size
	return e
}

// fifo is a slice whose front moves; the space before it is reclaimed when it is half of the whole.
type fifo struct {
	entries []entry
	front   int
}

func (f *fifo) len() int     { return len(f.entries) - f.front }
func (f *fifo) head() *entry { return &f.entries[f.front] }
func (f *fifo) push(e entry) { f.entries = append(f.entries, e) }

func (f *fifo) pop() entry {
	e := f.entries[f.front]
	f.entries[f.front] = entry{}
	f.front++
	if f.front*2 >= len(f.entries) {
		n := copy(f.entries, f.entries[f.front:])
		clear(f.entries[n:])
		f.entries, f.front = f.entries[:n], 0
	}
	return e
}
