package probe

import (
	"errors"
	"time"

	"github.com/cilium/ebpf/ringbuf"

	"tiercel.dev/internal/event"
)

// drainSleep is how long the reader lets records gather once it has read all there were. Without it every record wakes
// the reader, at 3 µs for the process that caused it; with it there are at most 500 wake-ups a second. An idle reader
// blocks, and the first record after that wakes it at once.
const drainSleep = 2 * time.Millisecond

// Next waits for the next record. What it returns holds until the next call. It ends with [ErrClosed], after Stop only
// when all records were returned.
func (p *Probe) Next() ([]byte, error) {
	if p.drained {
		p.sleep(drainSleep)
	}
	switch err := p.reader.ReadInto(&p.record); {
	case errors.Is(err, ringbuf.ErrFlushed):
		return nil, ErrClosed
	case err != nil:
		return nil, err
	}
	p.drained = p.record.Remaining == 0
	return p.record.RawSample, nil
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
