package capture

import (
	"fmt"
	"hash/crc32"
	"io"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protowire"

	"tiercel.dev/internal/event"
	"tiercel.dev/sensor/redact"
)

// A block is written when it has this many bytes, or when an event comes this long after the block's first. Both depend
// on the events alone, so that recording again cuts at the same places. A recorder bounds what it loses when it is
// killed by calling Flush as often, since no event need ever come.
const (
	blockSize = 256 << 10
	blockSpan = time.Second
)

// A Writer writes a capture. Events are written by one goroutine; a timer may flush and others set lists meanwhile.
type Writer struct {
	mu     sync.Mutex
	w      io.Writer
	redact *redact.Redactor
	zstd   *zstd.Encoder
	err    error // the first, which all later calls return

	coder      coder
	records    []byte // of the block being filled
	stored     []byte // the same, compressed
	buf        []byte // the block being written
	blockStart int64  // time of the block's first event
	events     uint64
	written    int64
	crc        uint32 // of all bytes written

	known known
	lists lists
	own   event.Event // the event being written, without secrets
}

// NewWriter begins a capture on w, which it does not close.
func NewWriter(w io.Writer, h Header, r *redact.Redactor) (*Writer, error) {
	// One goroutine and one level: the same input must give the same bytes.
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, fmt.Errorf("capture: %w", err)
	}
	c := &Writer{w: w, redact: r, zstd: z, known: newKnown(), lists: lists{written: map[string][]byte{}, next: map[string][]byte{}}}
	c.coder.header(&h)
	c.write(appendBlock(appendPrelude(nil), blockHeader, c.coder.out, len(c.coder.out)))
	return c, c.err
}

// Write adds ev as the rules see it now, without its secrets; ev is not changed. Once it has failed the file can only be
// closed: it holds whole blocks, and maybe a part of one, and is read as a truncated capture.
func (w *Writer) Write(ev *event.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	if len(w.records) > 0 && (len(w.records) >= blockSize || ev.Time-w.blockStart >= int64(blockSpan) || ev.Time < w.blockStart) {
		if err := w.flush(); err != nil {
			return err
		}
	}
	if len(w.records) == 0 {
		w.blockStart = ev.Time
	}
	if w.known.full() {
		w.known = newKnown()
		w.record(recordReset, nil)
	}
	w.writeLists()
	r := refs{process: w.process(ev.Process), container: w.container(ev.Container)}
	w.own = *ev
	w.redact.Own(&w.own)
	w.own.Process, w.own.Container = nil, nil
	w.coder.out = w.coder.out[:0]
	w.coder.event(&w.own, &r)
	w.record(recordEvent, w.coder.out)
	w.events++
	return nil
}

// record adds a record to the block.
func (w *Writer) record(kind byte, message []byte) {
	w.records = append(w.records, kind)
	w.records = protowire.AppendBytes(w.records, message)
}

// Flush writes the block as far as it is filled: without it, the last events before the node fell silent stand in
// memory until the next one. It changes where blocks end, and so the file's bytes, but nothing that is read from it.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.flush()
}

func (w *Writer) flush() error {
	if w.err != nil || len(w.records) == 0 {
		return w.err
	}
	w.stored = w.zstd.EncodeAll(w.records, w.stored[:0])
	w.buf = appendBlock(w.buf[:0], blockRecords, w.stored, len(w.records))
	w.records = w.records[:0]
	w.write(w.buf)
	return w.err
}

// Close ends the capture. A file that was not closed reads as truncated.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.flush(); err != nil {
		return err
	}
	w.coder.out = w.coder.out[:0]
	w.coder.ending(&ending{w.events, w.crc})
	w.write(appendBlock(nil, blockEnd, w.coder.out, len(w.coder.out)))
	if w.err != nil {
		return w.err
	}
	w.err = ErrClosed
	w.zstd.Close()
	return nil
}

// Written returns how many events were written and how many bytes they took; events in the block being filled count as
// written and take none yet.
func (w *Writer) Written() (events uint64, bytes int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.events, w.written
}

func (w *Writer) write(b []byte) {
	n, err := w.w.Write(b)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	w.written += int64(n)
	w.crc = crc32.Update(w.crc, castagnoli, b)
	if err != nil {
		w.err = fmt.Errorf("capture: offset %d: %w", w.written, err)
	}
}
