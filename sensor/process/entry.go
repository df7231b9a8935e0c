package process

import (
	"tiercel.dev/internal/event"
)

// unlinked in parentStart differs from what any record says, so that the next one links the entry anew.
const unlinked = -1

// entry is one process in the table.
type entry struct {
	proc event.Process

	tick        int64 // proc.Start is rounded down to a multiple of it (from /proc); 0: exact
	parentStart int64 // of proc.PPID, as the last record said
	seen        int64 // ns since boot: the last record
	readAt      int64 // ns since boot: when /proc was read; the image may be as young as that
	retryAt     int64 // ns since boot: when to ask /proc again for what could not be read; 0: never
	pidns       uint64

	image        *held[image]
	env          *held[[]string]
	exePath, cwd *held[struct{}]

	// The tree of processes. proc.Parent is &parent.proc.
	parent, children, next, prev *entry

	older *entry // the process that had the number before

	nextExited, prevExited *entry

	execKnown bool // proc.ExecID comes from a record
	removed   bool
	blocked   bool // the image's memory could not be read in time
}

// startedAt reports whether this process started at start, which is exact.
func (e *entry) startedAt(start int64) bool {
	return e.proc.Start == start || e.tick != 0 && start-start%e.tick == e.proc.Start
}

// startedAtTick reports the same for a start that is rounded down to a multiple of tick.
func (e *entry) startedAtTick(start, tick int64) bool {
	return e.proc.Start-e.proc.Start%tick == start
}

// mayDescendFrom holds for no process younger than e. A parent is always older: a process is handed on to an ancestor
// or to its namespace's init. A number that was used again since is told by this.
func (e *entry) mayDescendFrom(p *entry) bool {
	tick := max(e.tick, p.tick, 1)
	return p.proc.Start/tick <= e.proc.Start/tick
}

// find returns the process, or nil.
func (t *Table) find(pid int32, start int64) *entry {
	e := t.byPID[pid]
	for e != nil && !e.startedAt(start) {
		e = e.older
	}
	return e
}

// insert adds a new process. One that holds the number already either ended unnoticed or, being younger, proves that e
// has ended.
func (t *Table) insert(e *entry) {
	pid := e.proc.PID
	head := t.byPID[pid]
	if head != nil {
		t.count.reused.Add(1)
	}
	e.seen = t.now
	if head == nil || head.proc.Start <= e.proc.Start {
		e.older = head
		t.byPID[pid] = e
		t.count.live.Add(1)
		if head != nil && !head.proc.Exited {
			t.count.missedExits.Add(1)
			t.markExited(head)
		}
		t.shorten(e)
		return
	}
	for head.older != nil && head.older.proc.Start > e.proc.Start {
		head = head.older
	}
	e.older, head.older = head.older, e
	t.count.live.Add(1)
	t.markExited(e)
}

// shorten forgets all but the last few holders of a number, lest a number used over and over makes find slow.
func (t *Table) shorten(e *entry) {
	const most = 4
	for n := 0; e.older != nil; n++ {
		if n == most {
			t.prune(e.older)
			return
		}
		e = e.older
	}
}

// remove forgets a process. Its children stay without a parent until their next record names one.
func (t *Table) remove(e *entry) {
	t.unlink(e)
	for e.children != nil {
		c := e.children
		t.unlink(c)
		c.parentStart = unlinked
	}
	at := t.byPID[e.proc.PID]
	switch {
	case at != e:
		for at.older != e {
			at = at.older
		}
		at.older = e.older
	case e.older != nil:
		t.byPID[e.proc.PID] = e.older
	default:
		delete(t.byPID, e.proc.PID)
	}
	t.text.drop(e)
	if e.proc.Exited {
		t.exited.drop(e)
		t.count.exited.Add(-1)
	} else {
		t.count.live.Add(-1)
	}
	e.removed = true
}

// queue holds the exited processes, the longest dead first.
type queue struct{ head, tail *entry }

func (t *Table) markExited(e *entry) {
	if e.proc.Exited {
		return
	}
	e.proc.Exited = true
	e.seen = t.now
	t.count.live.Add(-1)
	t.count.exited.Add(1)
	t.exited.add(e)
}

func (q *queue) add(e *entry) {
	e.prevExited = q.tail
	if q.tail == nil {
		q.head = e
	} else {
		q.tail.nextExited = e
	}
	q.tail = e
}

func (q *queue) drop(e *entry) {
	if e.prevExited == nil {
		q.head = e.nextExited
	} else {
		e.prevExited.nextExited = e.nextExited
	}
	if e.nextExited == nil {
		q.tail = e.prevExited
	} else {
		e.nextExited.prevExited = e.prevExited
	}
	e.nextExited, e.prevExited = nil, nil
}

// prune forgets an exited process.
func (t *Table) prune(e *entry) {
	t.handOn(e)
	t.remove(e)
	t.count.pruned.Add(1)
}
