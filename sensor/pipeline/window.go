package pipeline

import (
	"cmp"
	"time"

	"tiercel.dev/alert"
)

// throttleKey is a rule and the values of its throttle's fields, as [keyOf] bounds them.
type throttleKey struct{ rule, per string }

type window struct {
	key    throttleKey
	end    int64 // ns since the epoch
	every  time.Duration
	repeat *alert.Alert // the first repeat; nil if there was none
	size   int          // of repeat, in bytes on the wire

	count       uint64 // of the repeats after it
	first, last int64  // of those, ns since the epoch

	at [2]int // its places in the throttle's two heaps
}

// byEnd is a [container/heap] of windows, the earliest end first and then by name: the order in which alerts are sent
// must not depend on a map's.
type byEnd struct {
	windows []*window
	heap    int // which of window.at is this heap's
}

const (
	ofAll     = iota // every open window
	ofKeeping        // those with a repeat
)

func (h *byEnd) Len() int { return len(h.windows) }

func (h *byEnd) Less(i, j int) bool {
	a, b := h.windows[i], h.windows[j]
	return cmp.Or(
		cmp.Compare(a.end, b.end),
		cmp.Compare(a.key.rule, b.key.rule),
		cmp.Compare(a.key.per, b.key.per)) < 0
}

func (h *byEnd) Swap(i, j int) {
	h.windows[i], h.windows[j] = h.windows[j], h.windows[i]
	h.windows[i].at[h.heap], h.windows[j].at[h.heap] = i, j
}

func (h *byEnd) Push(x any) {
	w := x.(*window)
	w.at[h.heap] = len(h.windows)
	h.windows = append(h.windows, w)
}

func (h *byEnd) Pop() any {
	last := len(h.windows) - 1
	w := h.windows[last]
	h.windows[last] = nil
	h.windows = h.windows[:last]
	return w
}
