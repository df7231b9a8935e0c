package pipeline

import "tiercel.dev/internal/event"

// A hold keeps the events of containers whose metadata is on its way, in order for each container, so that a rule on an
// image or a namespace sees it. Held events are copies: the table and the reader's buffers move on beneath them.
type hold struct {
	max    int // events
	queues map[string]*heldQueue
	order  []string // container ids, the longest held first
	size   int

	held    uint64 // events that were held
	expired uint64 // events let go without metadata, because their time was up
	full    uint64 // events let go without metadata, because too many were held
}

type heldQueue struct{ events []*event.Event }

func newHold(maxEvents int) *hold {
	return &hold{max: maxEvents, queues: make(map[string]*heldQueue)}
}

// has reports whether events of this container are held, behind which its next one must queue.
func (h *hold) has(id string) bool { return h.size > 0 && h.queues[id] != nil }

// add keeps a copy of ev.
func (h *hold) add(ev *event.Event) {
	id := ev.Container.FullID
	q := h.queues[id]
	if q == nil {
		q = new(heldQueue)
		h.queues[id] = q
		h.order = append(h.order, id)
	}
	q.events = append(q.events, ev.Clone())
	h.size++
	h.held++
}

// take removes and returns the events of a container.
func (h *hold) take(id string) []*event.Event {
	q := h.queues[id]
	if q == nil {
		return nil
	}
	delete(h.queues, id)
	for i, o := range h.order {
		if o == id {
			h.order = append(h.order[:i], h.order[i+1:]...)
			break
		}
	}
	h.size -= len(q.events)
	return q.events
}

// oldest returns the container whose events are held longest, or "".
func (h *hold) oldest() string {
	if len(h.order) == 0 {
		return ""
	}
	return h.order[0]
}
