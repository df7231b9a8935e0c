package capture

import (
	"bytes"

	"tiercel.dev/internal/event"
)

// known is what the reader of the capture has been told.
type known struct {
	processes  map[identity]*written
	containers map[*event.Container]uint64
}

// identity tells processes apart; the table may have changed since, or made the same process a new one.
type identity struct {
	pid   int32
	start int64
}

// written is a process as it was last written.
type written struct {
	ref    uint64
	as     event.Process // the process then; Parent is nil
	parent uint64
	record []byte // without secrets: what changes only in what is taken out has not changed
}

// hostRef is the number of [event.Host], which is never written; 0 is no container.
const hostRef = 1

func newKnown() known {
	return known{make(map[identity]*written), map[*event.Container]uint64{event.Host: hostRef}}
}

// full reports that the next event might not find room.
func (k *known) full() bool {
	return len(k.processes)+event.MaxAncestors >= maxRefs || len(k.containers) >= maxRefs
}

// process writes p and its ancestors as far as the reader does not know them, and returns p's number. 0 is no process.
func (w *Writer) process(p *event.Process) uint64 {
	var chain [event.MaxAncestors + 1]*event.Process
	n := 0
	for ; p != nil && n < len(chain) && !contains(chain[:n], p); p = p.Parent {
		chain[n] = p
		n++
	}
	ref := uint64(0)
	for n--; n >= 0; n-- {
		ref = w.one(chain[n], ref)
	}
	return ref
}

// contains reports whether p is in the chain already, by identity: lost events can make a cycle.
func contains(chain []*event.Process, p *event.Process) bool {
	for _, q := range chain {
		if q.PID == p.PID && q.Start == p.Start {
			return true
		}
	}
	return false
}

func (w *Writer) one(p *event.Process, parent uint64) uint64 {
	id := identity{p.PID, p.Start}
	last := w.known.processes[id]
	if last != nil && last.parent == parent && same(&last.as, p) {
		return last.ref
	}
	if last == nil {
		last = &written{ref: uint64(len(w.known.processes)) + 1}
		w.known.processes[id] = last
	}
	last.as, last.parent = *p, parent
	last.as.Parent = nil
	safe := w.redact.Process(p)
	w.coder.out = w.coder.out[:0]
	w.coder.process(safe, &last.ref, &last.parent)
	if !bytes.Equal(w.coder.out, last.record) {
		last.record = bytes.Clone(w.coder.out)
		w.record(recordProcess, w.coder.out)
	}
	return last.ref
}

// container writes c if the reader does not know it. Containers do not change, so their addresses tell them apart.
func (w *Writer) container(c *event.Container) uint64 {
	if c == nil {
		return 0
	}
	if ref := w.known.containers[c]; ref != 0 {
		return ref
	}
	ref := uint64(len(w.known.containers)) + 1
	w.known.containers[c] = ref
	w.coder.out = w.coder.out[:0]
	w.coder.container(c, &ref)
	w.record(recordContainer, w.coder.out)
	return ref
}
