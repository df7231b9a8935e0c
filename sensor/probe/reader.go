package probe

import (
	"errors"
	"os"
	"time"
	"unsafe"

	"github.com/cilium/ebpf/ringbuf"
	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

// drainSleep is how long the reader lets records gather once it has read all there were. Without it every record wakes
// the reader, at 3 µs for the process that caused it; with it there are at most 250 wake-ups a second. An idle reader
// blocks, and the first record after that wakes it at once.
const drainSleep = 4 * time.Millisecond

// nanosleep sleeps without telling the Go runtime. time.Sleep wakes other threads for each of its timers, and a system
// call that the runtime knows of has it look every 20 µs whether it lasts: up to 3,000 wake-ups a second either way,
// which every process on the node would pay for. The price is a processor of the runtime's that is taken while records
// come; a signal, as the runtime sends one to stop the world, ends the sleep.
func nanosleep(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0)
}

// sleeper chooses how the reader sleeps. Where the runtime has a single processor, nothing else of the sensor would run
// during a nanosleep: outputs, container look-ups and metrics would get what is left between two of them.
func sleeper(processors int) func(time.Duration) {
	if processors == 1 {
		return time.Sleep
	}
	return nanosleep
}

// Next waits for the next record. What it returns holds until the next call. It ends with [ErrClosed], after Stop only
// when all records were returned.
func (p *Probe) Next() ([]byte, error) {
	for {
		if raw := p.decoder.overdue(p.flushed); raw != nil {
			return raw, nil
		}
		if p.flushed {
			return nil, ErrClosed
		}
		if p.drained {
			p.sleep(drainSleep)
		}
		if due := p.decoder.operations.due(); due != p.deadline {
			p.reader.SetDeadline(due)
			p.deadline = due
		}
		switch err := p.reader.ReadInto(&p.record); {
		case errors.Is(err, os.ErrDeadlineExceeded):
			p.drained = false
		case errors.Is(err, ringbuf.ErrFlushed):
			p.flushed = true
		case err != nil:
			return nil, err
		default:
			p.drained = p.record.Remaining == 0
			return p.record.RawSample, nil
		}
	}
}

// Decode decodes a record that Next returned; see [Decoder.Decode].
func (p *Probe) Decode(raw []byte, ev *event.Event) error {
	err := p.decoder.Decode(raw, ev)
	if ev.Boot >= p.clock {
		p.decoder.SetBootTime(bootTime())
		p.clock = ev.Boot + refreshClock
	}
	return err
}
