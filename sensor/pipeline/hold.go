package pipeline

import (
	"slices"
	"time"

	"tiercel.dev/internal/event"
)

const (
	defaultHeldBytes = 16 << 20
	defaultHoldFor   = 2 * time.Second
)

// A hold keeps the events of containers whose metadata is on its way, in order for each container, so that a rule on an
// image or a namespace sees it. Held events are copies: the table and the reader's buffers move on beneath them.
type hold struct {
	max      int // events
	maxBytes int
	holdFor  int64 // ns
	queues   map[string]*heldQueue
	order    []string // container ids, the longest held first
	size     int
	charges  charges // what the events take
	kept     func()  // called when the first event is held

	held    uint64 // events that were held
	expired uint64 // events let go without metadata, because their time was up
	full    uint64 // events let go without metadata, because too many were held, or too much in them
}

type heldQueue struct {
	since  int64 // when the first of them happened, ns since the epoch
	events []*event.Event
}

func newHold(maxEvents int) *hold {
	return &hold{
		max: maxEvents, maxBytes: defaultHeldBytes, holdFor: int64(defaultHoldFor),
		queues: make(map[string]*heldQueue), charges: newCharges(), kept: func() {},
	}
}

// has reports whether events of this container are held, behind which its next one must queue.
func (h *hold) has(id string) bool { return h.size > 0 && h.queues[id] != nil }

// add keeps a copy of ev. It reports false if there is no room.
func (h *hold) add(ev *event.Event) bool {
	if h.size >= h.max {
		h.full++
		return false
	}
	h.charges.add(ev)
	if h.charges.bytes > h.maxBytes {
		h.charges.sub(ev)
		h.full++
		return false
	}
	id := ev.Container.FullID
	q := h.queues[id]
	if q == nil {
		q = &heldQueue{since: ev.Time}
		h.queues[id] = q
		h.order = append(h.order, id)
	}
	q.events = append(q.events, ev.Clone())
	h.size++
	h.held++
	if h.size == 1 {
		h.kept()
	}
	return true
}

// take removes and returns the events of a container.
func (h *hold) take(id string) []*event.Event {
	q := h.queues[id]
	if q == nil {
		return nil
	}
	delete(h.queues, id)
	i := slices.Index(h.order, id)
	h.order = slices.Delete(h.order, i, i+1)
	h.size -= len(q.events)
	for _, ev := range q.events {
		h.charges.sub(ev)
	}
	return q.events
}

// oldest returns the container whose events are held longest, or "".
func (h *hold) oldest() string {
	if len(h.order) == 0 {
		return ""
	}
	return h.order[0]
}

// wake returns when the time of the oldest events is up, or false if none are held.
func (h *hold) wake() (int64, bool) {
	if h.size == 0 {
		return 0, false
	}
	return h.queues[h.order[0]].since + h.holdFor, true
}
