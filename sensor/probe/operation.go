package probe

import (
	"math"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

// resultLater is RESULT_LATER of bpf/wire.h: the record of an io_uring operation that has begun.
const resultLater = math.MinInt64

const (
	// operationPatience is how long an operation is waited for whose end may never show: one second is far more than a
	// file takes to open, and an alert of it is still timely.
	operationPatience = time.Second
	// maxOperations bounds what is held meanwhile, at some hundred bytes and their paths each.
	maxOperations = 4096
)

// An operationID names the record of an operation that has begun.
type operationID struct {
	cpu uint16
	seq uint64
}

// operations holds the events of io_uring operations that have begun, until their ends show.
type operations struct {
	held  map[operationID]*event.Event
	queue []waiting // in the order in which they began; ended ones go when they are first
	now   func() time.Time
}

type waiting struct {
	id    operationID
	until time.Time
}

func newOperations() operations {
	return operations{held: make(map[operationID]*event.Event), now: time.Now}
}

// begin holds the event back. One too many is told without its result.
func (d *Decoder) begin(h *bpfEventHeader, ev *event.Event) {
	o := &d.operations
	if len(o.held) >= maxOperations {
		ev.Ret = 0
		settle(ev)
		return
	}
	id := operationID{h.Cpu, h.Seq}
	o.held[id] = ev.Clone()
	o.queue = append(o.queue, waiting{id, o.now().Add(operationPatience)})
	*ev = event.Event{
		Kind: event.Operation, CPU: ev.CPU, Seq: ev.Seq, Boot: ev.Boot, Time: ev.Time, Via: ev.Via, Task: ev.Task,
	}
}

// end makes of ev the event that was held. An end whose beginning was lost, or told already, tells nothing.
func (d *Decoder) end(raw []byte, ev *event.Event) error {
	v, err := view[bpfOperationEnd](raw)
	if err != nil {
		return err
	}
	unheld := *ev
	id := operationID{uint16(v.Cpu), v.Seq}
	held := d.operations.held[id]
	if held != nil {
		delete(d.operations.held, id)
		held.CPU, held.Seq, held.Boot, held.Time, held.Ret = ev.CPU, ev.Seq, ev.Boot, ev.Time, ev.Ret
		*ev = *held
	}
	t := textsOf(raw, &v)
	switch {
	case ev.Kind.IsSend():
		d.sent(&v.Fd, &t, ev)
	case v.Fd.Socket.Family != 0:
		asked := ev.FD.Unix
		d.socket(&v.Fd, &t, ev)
		if ev.FD.Unix == "" {
			ev.FD.Unix = asked
		}
	case v.Fd.File.Mode != 0 && makes(ev.Kind):
		d.opened(&v.Fd.File, &t, ev)
	case v.Fd.File.Mode != 0:
		d.file(&v.Fd.File, &t, &ev.FD)
	}
	settle(ev)
	if held == nil {
		*ev = unheld
	}
	return t.err()
}

// makes reports whether the result of an operation of the kind is a descriptor.
func makes(kind event.Kind) bool {
	switch kind {
	case event.Openat, event.Openat2, event.Socket, event.Accept4, event.Dup:
		return true
	}
	return false
}

// settle gives a descriptor that was made, be it seen or not, the number that was returned.
func settle(ev *event.Event) {
	if ev.Ret >= 0 && makes(ev.Kind) {
		ev.FD.Valid, ev.FD.Num = true, int32(ev.Ret)
	}
}

// due is when the oldest operation will have been waited for long enough; zero if there is none.
func (o *operations) due() time.Time {
	for len(o.queue) > 0 && o.held[o.queue[0].id] == nil {
		o.queue = o.queue[1:]
	}
	if len(o.queue) == 0 {
		o.queue = nil
		return time.Time{}
	}
	return o.queue[0].until
}

// overdue is a record that ends the oldest operation, if its end has not shown in time, or at once: as a success, so that
// a rule that asks for one sees it. It returns nil if there is none.
func (d *Decoder) overdue(atOnce bool) []byte {
	o := &d.operations
	if len(o.queue) == 0 {
		return nil
	}
	due := o.due()
	if due.IsZero() || !atOnce && o.now().Before(due) {
		return nil
	}
	id := o.queue[0].id
	end := &bpfOperationEnd{Seq: id.seq, Cpu: uint32(id.cpu)}
	size := unsafe.Sizeof(*end)
	end.Header = bpfEventHeader{
		KtimeNs: uint64(clock(unix.CLOCK_BOOTTIME)), Kind: uint16(event.Operation), Size: uint32(size),
		Cpu: id.cpu, Seq: d.next[id.cpu] - 1, // no gap
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(end)), size)
}
