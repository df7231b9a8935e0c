package process

import "tiercel.dev/sensor/process/procfs"

// link makes p the parent of e, unless that would close a circle; lost records can claim one.
func (t *Table) link(e, p *entry) {
	if e.parent == p {
		return
	}
	t.unlink(e)
	if p == nil || p == e || !e.mayDescendFrom(p) || p.descendsFrom(e) {
		return
	}
	e.parent, e.proc.Parent = p, &p.proc
	e.next = p.children
	if e.next != nil {
		e.next.prev = e
	}
	p.children = e
}

func (t *Table) unlink(e *entry) {
	if e.parent == nil {
		return
	}
	if e.prev != nil {
		e.prev.next = e.next
	} else {
		e.parent.children = e.next
	}
	if e.next != nil {
		e.next.prev = e.prev
	}
	e.parent, e.proc.Parent, e.next, e.prev = nil, nil, nil, nil
}

// descendsFrom walks only as far as start times tell nothing: beyond, mayDescendFrom rules a circle out.
func (e *entry) descendsFrom(a *entry) bool {
	for p := e.parent; p != nil && p.mayDescendFrom(a); p = p.parent {
		if p == a {
			return true
		}
	}
	return false
}

// reparent follows the parent that a record names.
func (t *Table) reparent(e *entry, ppid int32, start int64) {
	if known := e.parentStart != unlinked && e.proc.PPID != 0; known && (ppid != e.proc.PPID || start != e.parentStart) {
		t.count.reparented.Add(1)
	}
	e.proc.PPID, e.parentStart = ppid, start
	if ppid == 0 {
		t.unlink(e)
		return
	}
	p := t.find(ppid, start)
	if p == nil {
		p = t.discover(ppid, start)
	}
	t.link(e, p)
}

// handOn gives the children of a process about to be forgotten the parent they have by now. The kernel gives all of them
// to the same one, so it is enough to ask for one; a few are tried, since they may have ended too.
func (t *Table) handOn(e *entry) {
	const tries = 4
	for c, tried := e.children, 0; c != nil && tried < tries; c = c.next {
		if c.proc.Exited {
			continue
		}
		tried++
		f, err := t.source.Process(c.proc.PID)
		if err != nil || !c.startedAtTick(f.Start, f.Tick) {
			continue
		}
		t.handOver(e, f)
		return
	}
}

func (t *Table) handOver(e *entry, f procfs.Facts) {
	heir := t.parentOf(f, 0)
	if heir == e || heir == nil {
		return
	}
	for c := e.children; c != nil; {
		next := c.next
		if !c.proc.Exited {
			t.link(c, heir)
			c.proc.PPID, c.parentStart = heir.proc.PID, unlinked
		}
		c = next
	}
}
