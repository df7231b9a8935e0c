package capture

import (
	"bufio"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/klauspost/compress/zstd"

	"tiercel.dev/internal/event"
)

// A Reader reads a capture, which anybody may have written: it takes at most maxBlock bytes at once, and trusts no
// number in it.
type Reader struct {
	r      *bufio.Reader
	zstd   *zstd.Decoder
	header Header
	err    error // what Next returns from now on
	onList func(name string, l List)

	offset  int64  // of the next block
	crc     uint32 // of all bytes before it
	events  uint64
	unknown uint64 // events of unknown kinds
	skipped uint64 // those and records and blocks of unknown kinds

	block       string // the records not yet read of the block being read
	blockOffset int64  // where that block begins
	stored      []byte
	raw         []byte
	coder       coder
	ev          event.Event
	processes   []*event.Process // by number, from 1
	containers  []*event.Container
}

// NewReader reads the beginning of a capture. The errors are [ErrNotCapture], [ErrVersion], [ErrTruncated] and
// [ErrCorrupt], and those of r.
func NewReader(r io.Reader) (*Reader, error) {
	// The cap makes a block that decompresses to more than it says an error, and not an allocation.
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderMaxMemory(maxBlock), zstd.WithDecoderMaxWindow(maxBlock))
	if err != nil {
		return nil, fmt.Errorf("capture: %w", err)
	}
	c := &Reader{r: bufio.NewReaderSize(r, 64<<10), zstd: z}
	c.forget()
	if err := c.begin(); err != nil {
		z.Close()
		return nil, fmt.Errorf("capture: %w", err)
	}
	return c, nil
}

func (r *Reader) begin() error {
	prelude := make([]byte, preludeSize)
	if err := r.read(prelude, "the file's first bytes"); err != nil {
		return err
	}
	if err := checkPrelude(prelude); err != nil {
		return err
	}
	h, payload, err := r.next()
	if err != nil {
		return err
	}
	if h.kind != blockHeader {
		return r.corrupt("the first block is no header but of type %d", h.kind)
	}
	r.coder.reading, r.coder.own = true, true
	r.coder.parse(string(payload))
	r.coder.header(&r.header)
	if r.coder.err != nil {
		return r.corrupt("header: %w", r.coder.err)
	}
	return nil
}

// Header returns what the writer said of the capture.
func (r *Reader) Header() Header { return r.header }

// Skipped returns how many events, records and blocks of kinds unknown to this version were passed over.
func (r *Reader) Skipped() uint64 { return r.skipped }

// Next returns the next event, with its process, ancestors and container. The event is the Reader's and changes with
// the next call, as a process may: copy what must stay with [event.Event.Clone]. At the end of a whole capture the error
// is io.EOF; else it is one of those of [NewReader], and so are all after it.
func (r *Reader) Next() (*event.Event, error) {
	for r.err == nil {
		if r.block == "" {
			r.fail(r.fill())
			continue
		}
		found, err := r.record()
		if err != nil {
			r.fail(r.corrupt("%w", err))
		} else if found {
			r.events++
			return &r.ev, nil
		}
	}
	return nil, r.err
}

// Close lets the Reader's memory go. It does not close what it reads from.
func (r *Reader) Close() {
	r.zstd.Close()
	if r.err == nil {
		r.err = ErrClosed
	}
}

func (r *Reader) fail(err error) {
	switch {
	case err == nil:
	case err == io.EOF:
		r.err = io.EOF
	default:
		r.err = fmt.Errorf("capture: %w", err)
	}
}

// fill gets the next block of records. io.EOF means that the capture ended as it should.
func (r *Reader) fill() error {
	before := r.crc
	h, payload, err := r.next()
	if err != nil {
		return err
	}
	switch h.kind {
	case blockRecords:
		return r.decompress(h, payload)
	case blockEnd:
		return r.end(payload, before)
	case blockHeader:
		return r.corrupt("a second header")
	default:
		r.skipped++
		return nil
	}
}

func (r *Reader) decompress(h head, payload []byte) error {
	if cap(r.raw) < int(h.size) {
		r.raw = make([]byte, 0, h.size)
	}
	raw, err := r.zstd.DecodeAll(payload, r.raw[:0:h.size])
	if err != nil {
		return r.corrupt("block of %d bytes: %w", h.stored, err)
	}
	if len(raw) != int(h.size) {
		return r.corrupt("block of %d bytes has %d and not %d when decompressed", h.stored, len(raw), h.size)
	}
	r.block = string(raw)
	return nil
}

// end checks the capture as a whole. before is the checksum of what stands before the end block.
func (r *Reader) end(payload []byte, before uint32) error {
	var e ending
	r.coder.parse(string(payload))
	r.coder.ending(&e)
	switch {
	case r.coder.err != nil:
		return r.corrupt("end: %w", r.coder.err)
	case e.crc != before:
		return r.corrupt("checksum of the whole file: a block was taken out, put in or moved")
	case e.events != r.events+r.unknown:
		return r.corrupt("%d events, and the end says %d", r.events, e.events)
	}
	if _, err := r.r.Peek(1); err == nil {
		return fmt.Errorf("offset %d: %w: bytes follow the end", r.offset, ErrCorrupt)
	} else if !errors.Is(err, io.EOF) {
		return fmt.Errorf("offset %d: %w", r.offset, err)
	}
	return io.EOF
}

// next reads a block as it is stored.
func (r *Reader) next() (head, []byte, error) {
	r.blockOffset = r.offset
	var b [headSize]byte
	if err := r.read(b[:], "a block's head, or the end block, which is missing"); err != nil {
		return head{}, nil, err
	}
	h, err := parseHead(b[:])
	if err != nil {
		return head{}, nil, fmt.Errorf("offset %d: %w", r.blockOffset, err)
	}
	if cap(r.stored) < int(h.stored) {
		r.stored = make([]byte, h.stored)
	}
	r.stored = r.stored[:h.stored]
	if err := r.read(r.stored, "a block"); err != nil {
		return head{}, nil, err
	}
	if crc32.Checksum(r.stored, castagnoli) != h.payloadCRC {
		return head{}, nil, r.corrupt("checksum of a block of %d bytes", h.stored)
	}
	return h, r.stored, nil
}

// read fills b with the file's next bytes, which are a part of what.
func (r *Reader) read(b []byte, what string) error {
	n, err := io.ReadFull(r.r, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("offset %d: %w: have %d of %d bytes of %s", r.offset+int64(n), ErrTruncated, n, len(b), what)
	}
	if err != nil {
		return fmt.Errorf("offset %d: %w", r.offset+int64(n), err)
	}
	r.offset += int64(n)
	r.crc = crc32.Update(r.crc, castagnoli, b)
	return nil
}

func (r *Reader) corrupt(format string, args ...any) error {
	return fmt.Errorf("offset %d: %w: %w", r.blockOffset, ErrCorrupt, fmt.Errorf(format, args...))
}
