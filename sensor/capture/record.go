package capture

import (
	"fmt"

	"tiercel.dev/internal/event"
)

// record reads one record of the block. It reports whether that was an event.
func (r *Reader) record() (isEvent bool, err error) {
	kind, n := uvarint(r.block)
	if n == 0 {
		return false, fmt.Errorf("a record's kind is cut")
	}
	message, size := lengthAndBytes(r.block[n:])
	if size == 0 {
		return false, fmt.Errorf("a record of kind %d is cut", kind)
	}
	r.block = r.block[n+size:]
	switch kind {
	case recordProcess:
		return false, r.process(message)
	case recordContainer:
		return false, r.container(message)
	case recordEvent:
		return r.event(message)
	case recordReset:
		r.forget()
		return false, nil
	case recordList:
		return false, r.list(message)
	default:
		r.skipped++
		return false, nil
	}
}

func (r *Reader) forget() {
	r.processes, r.containers = nil, []*event.Container{event.Host}
}

// event reads an event into r.ev. One of a kind that this version does not know is skipped.
func (r *Reader) event(message string) (bool, error) {
	c := &r.coder
	c.own = false
	c.parse(message)
	if c.err == nil && (!c.given(1) || !isKind(c.in[1].number)) {
		r.skipped++
		r.unknown++
		return false, nil
	}
	var ref refs
	c.event(&r.ev, &ref)
	if c.err != nil {
		return false, fmt.Errorf("event: %w", c.err)
	}
	var err error
	if r.ev.Process, err = lookup(r.processes, ref.process); err != nil {
		return false, fmt.Errorf("event %d: process %w", r.ev.Num, err)
	}
	if r.ev.Container, err = lookup(r.containers, ref.container); err != nil {
		return false, fmt.Errorf("event %d: container %w", r.ev.Num, err)
	}
	return true, nil
}

// isKind reports whether this version knows the kind.
func isKind(n uint64) bool {
	return n < event.Kinds && event.Kind(n).Known()
}

// process reads a process, new or changed. A changed one is changed in place, so that the lineages it is in see it, as
// those of the live table do.
func (r *Reader) process(message string) error {
	var read event.Process
	var ref, parent uint64
	c := &r.coder
	c.own = true
	c.parse(message)
	c.process(&read, &ref, &parent)
	if c.err != nil {
		return fmt.Errorf("process: %w", c.err)
	}
	var err error
	if read.Parent, err = lookup(r.processes, parent); err != nil {
		return fmt.Errorf("process %d: parent %w", ref, err)
	}
	if r.processes, err = place(r.processes, ref); err != nil {
		return fmt.Errorf("process: %w", err)
	}
	*r.processes[ref-1] = read
	return nil
}

func (r *Reader) container(message string) error {
	var read event.Container
	var ref uint64
	c := &r.coder
	c.own = true
	c.parse(message)
	c.container(&read, &ref)
	if c.err != nil {
		return fmt.Errorf("container: %w", c.err)
	}
	if ref <= uint64(len(r.containers)) {
		return fmt.Errorf("container %d is given twice", ref)
	}
	var err error
	if r.containers, err = place(r.containers, ref); err != nil {
		return fmt.Errorf("container: %w", err)
	}
	*r.containers[ref-1] = read
	return nil
}

// lookup returns what has the number ref; nil for 0.
func lookup[T any](list []*T, ref uint64) (*T, error) {
	if ref == 0 {
		return nil, nil
	}
	if ref > uint64(len(list)) {
		return nil, fmt.Errorf("%d is not known", ref)
	}
	return list[ref-1], nil
}

// place makes room for the number ref, which is known or the next one.
func place[T any](list []*T, ref uint64) ([]*T, error) {
	switch {
	case ref == 0 || ref > uint64(len(list))+1 || ref > maxRefs:
		return list, fmt.Errorf("%d is out of order", ref)
	case ref == uint64(len(list))+1:
		return append(list, new(T)), nil
	}
	return list, nil
}
