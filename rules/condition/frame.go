package condition

import (
	"net/netip"
	"sync"

	"tiercel.dev/internal/event"
)

// A frame is one evaluation: the event, the variables of loops, and the first error not yet absorbed by && or ||.
type frame struct {
	ev    *event.Event
	err   error
	slots [maxSlots]slotValue

	// Scratch for lists that fields make, used as stacks and kept between evaluations.
	texts []string
	ints  []int64
	addrs []netip.Addr

	// What is known of the event already, in a Program.
	kept   []uint8
	sifted []sifted
}

// maxSlots bounds the variables alive at once: two for each exists or all around a place.
const maxSlots = 16

type slotValue struct {
	text string
	addr netip.Addr
	num  int64
	flag bool
	err  error
}

// fail notes an error; the first one counts.
func (f *frame) fail(err error) {
	if f.err == nil {
		f.err = err
	}
}

// take returns the error noted since, and clears it.
func (f *frame) take() error {
	err := f.err
	f.err = nil
	return err
}

var frames = sync.Pool{New: func() any { return new(frame) }}

func newFrame(ev *event.Event) *frame {
	f := frames.Get().(*frame)
	f.ev, f.err = ev, nil
	return f
}

// prepare makes room for what a table keeps, and forgets what another event left.
func (f *frame) prepare(slots, sieves int) {
	f.kept, f.sifted = zeros(f.kept, slots), zeros(f.sifted, sieves)
}

func zeros[T any](in []T, n int) []T {
	if cap(in) < n {
		return make([]T, n)
	}
	in = in[:n]
	clear(in)
	return in
}

// release gives the frame back for another event.
func (f *frame) release() {
	f.texts, f.ints, f.addrs = f.texts[:0], f.ints[:0], f.addrs[:0]
	f.ev = nil
	frames.Put(f)
}
