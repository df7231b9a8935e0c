package capture

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// A List holds the values of a list that the sensor fills and rules compare with, such as the addresses of the
// cluster's API servers. A replay knows them from nowhere else: it may be on another machine, years later.
type List struct {
	Texts []string
	Ints  []int64
}

// maxLists bounds a list as it is encoded, and a writer's lists together: with them a block is still far from maxBlock.
const maxLists = 1 << 20

// lists are those of a Writer, encoded, by name: as the reader knows them, and as the next event sees them.
type lists struct {
	written, next map[string][]byte
	set           bool // since the last event
}

// SetList tells what a list holds for the events written from now on; those before saw what it held before. It is
// written before the next event, if it has changed by then. Lists of more than 1 MiB together end the recording: a
// replay without them would give other alerts. The next call that can fails then.
func (w *Writer) SetList(name string, texts []string, ints []int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return
	}
	var c coder
	c.namedList(&name, &List{texts, ints})
	w.lists.next[name], w.lists.set = c.out, true
	size := 0
	for _, message := range w.lists.next {
		size += len(message)
	}
	if size > maxLists {
		w.err = fmt.Errorf("capture: lists of %d bytes together, and at most %d can be recorded", size, maxLists)
	}
}

// writeLists writes what changed since the last event, in the order of names, so that a replay's recording is equal.
func (w *Writer) writeLists() {
	if !w.lists.set {
		return
	}
	w.lists.set = false
	for _, name := range slices.Sorted(maps.Keys(w.lists.next)) {
		message := w.lists.next[name]
		if was, known := w.lists.written[name]; known && bytes.Equal(was, message) {
			continue
		}
		w.lists.written[name] = message
		w.record(recordList, message)
	}
}

// OnList has Next call f with each list that was set or changed, before it returns the first event that saw it so. What
// f is given is its own. A capture of a sensor that fills no list, or of a version that did not record them, has none.
func (r *Reader) OnList(f func(name string, l List)) { r.onList = f }

func (r *Reader) list(message string) error {
	if len(message) > maxLists {
		return fmt.Errorf("a list of %d bytes, and the largest has %d", len(message), maxLists)
	}
	var name string
	var l List
	c := &r.coder
	c.own = true
	c.parse(message)
	c.namedList(&name, &l)
	if c.err != nil {
		return fmt.Errorf("list: %w", c.err)
	}
	if r.onList != nil {
		r.onList(name, l)
	}
	return nil
}

func (c *coder) namedList(name *string, l *List) {
	c.text(1, name)
	c.list(2, &l.Texts)
	c.numbers(3, &l.Ints)
}

// numbers codes signed numbers as one field.
func (c *coder) numbers(field int, p *[]int64) {
	if !c.reading {
		var packed []byte
		for _, n := range *p {
			packed = protowire.AppendVarint(packed, protowire.EncodeZigZag(n))
		}
		c.bytes(field, &packed)
		return
	}
	*p = nil
	if !c.given(field) {
		return
	}
	for rest := c.in[field].bytes; rest != ""; {
		u, n := uvarint(rest)
		if n == 0 {
			c.fail("field %d: a number of a list is cut", field)
			return
		}
		*p = append(*p, protowire.DecodeZigZag(u))
		rest = rest[n:]
	}
}
