package spool

// An entry is a record that is not durable yet: in the queue, or written and not synced.
type entry struct {
	stream *stream
	seq    uint64
	class  int
	data   []byte
}

// cost is what an entry is taken to use of memory.
func (e *entry) cost() int { return len(e.data) + 64 }

// queue holds what is to be written, one list per class: files are per class too, so order between classes is not
// needed.
type queue struct {
	lists [Classes][]*entry
	count int
}

func (q *queue) push(e *entry) {
	q.lists[e.class] = append(q.lists[e.class], e)
	q.count++
}

// putBack returns entries of one class to the front.
func (q *queue) putBack(entries []*entry) {
	if len(entries) == 0 {
		return
	}
	c := entries[0].class
	q.lists[c] = append(append(make([]*entry, 0, len(entries)+len(q.lists[c])), entries...), q.lists[c]...)
	q.count += len(entries)
}

// takeAll empties the queue.
func (q *queue) takeAll() [Classes][]*entry {
	lists := q.lists
	*q = queue{}
	return lists
}

// takeSevere takes the oldest of the most severe, nil if the queue is empty.
func (q *queue) takeSevere() *entry {
	for c := Classes - 1; c >= 0; c-- {
		if len(q.lists[c]) > 0 {
			return q.takeOldest(c)
		}
	}
	return nil
}

// takeLeast takes the oldest of the least severe if that is at most class c.
func (q *queue) takeLeast(c int) *entry {
	for v := 0; v <= c; v++ {
		if len(q.lists[v]) > 0 {
			return q.takeOldest(v)
		}
	}
	return nil
}

func (q *queue) takeOldest(c int) *entry {
	e := q.lists[c][0]
	q.lists[c][0] = nil
	q.lists[c] = q.lists[c][1:]
	q.count--
	return e
}
