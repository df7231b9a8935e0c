package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"google.golang.org/protobuf/encoding/protowire"

	"tiercel.dev/internal/event"
)

// small is a capture of a few blocks with its events, and where its blocks begin.
func small(t testing.TB) (file []byte, events []*event.Event, blocks []int) {
	n := newNode(3)
	var b bytes.Buffer
	w, err := NewWriter(&b, testHeader, asIs)
	if err != nil {
		t.Fatal(err)
	}
	blocks = append(blocks, 0, preludeSize)
	for i := range 3 {
		setLists(w, i)
		blocks = append(blocks, b.Len())
		for range 3 {
			ev := n.next()
			events = append(events, ev.Clone())
			if err := w.Write(ev); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	blocks = append(blocks, b.Len())
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), events, blocks
}

func TestCutAnywhere(t *testing.T) {
	file, events, blocks := small(t)
	for cut := range len(file) {
		got, err := read(file[:cut])
		if !errors.Is(err, ErrTruncated) || !strings.Contains(err.Error(), fmt.Sprintf("offset %d: capture is truncated", cut)) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		whole := 0
		for _, end := range blocks[3:] {
			if end <= cut {
				whole += 3
			}
		}
		if d := cmp.Diff(events[:whole], got, addrs, equateEmpty); d != "" {
			t.Fatalf("cut at %d: not the events of the whole blocks: %s", cut, d)
		}
	}
}

var equateEmpty = cmp.FilterValues(func(a, b []*event.Event) bool { return len(a) == 0 && len(b) == 0 }, cmp.Ignore())

func TestFlippedAnywhere(t *testing.T) {
	file, events, blocks := small(t)
	for i := range file {
		for _, mask := range []byte{0x01, 0x80, 0xff} {
			damaged := bytes.Clone(file)
			damaged[i] ^= mask
			got, err := read(damaged)
			if i < len(magic) {
				if !errors.Is(err, ErrNotCapture) {
					t.Fatalf("byte %d: %v", i, err)
				}
				continue
			}
			block := 0
			for _, b := range blocks {
				if b <= i {
					block = b
				}
			}
			if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), fmt.Sprintf("offset %d:", block)) || !strings.Contains(err.Error(), "checksum") {
				t.Fatalf("byte %d of the block at %d: %v", i, block, err)
			}
			if d := cmp.Diff(events[:len(got)], got, addrs, equateEmpty); d != "" {
				t.Fatalf("byte %d: events that were never written: %s", i, d)
			}
		}
	}
}

func TestErrorsStay(t *testing.T) {
	file, _, _ := small(t)
	r, err := NewReader(bytes.NewReader(file[:len(file)-1]))
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = r.Next()
	}
	if _, again := r.Next(); again != err {
		t.Errorf("first %v, then %v", err, again)
	}
}

func TestNotACapture(t *testing.T) {
	for name, tt := range map[string]struct {
		file string
		want error
		text string
	}{
		"empty":         {"", ErrTruncated, "offset 0: capture is truncated: have 0 of 16 bytes"},
		"text":          {"- rule: a file of rules\n", ErrNotCapture, `it begins with "- rule: "`},
		"an executable": {"\x7fELF\x02\x01\x01\x00aaaaaaaaaaaaaaaa", ErrNotCapture, "offset 0: not a capture"},
		"newer":         {string(prelude(Version + 1)), ErrVersion, "newer version: 2, and this program reads up to 1"},
		"version 0":     {string(prelude(0)), ErrCorrupt, "version 0"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read([]byte(tt.file))
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %v, want %v with %q", err, tt.want, tt.text)
			}
		})
	}
}

func prelude(version uint32) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(magic), version)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// made builds a capture whose checksums are right and whose blocks are the caller's.
func made(blocks ...func([]byte) []byte) []byte {
	var c coder
	c.header(&Header{})
	b := appendBlock(appendPrelude(nil), blockHeader, c.out, len(c.out))
	for _, add := range blocks {
		b = add(b)
	}
	return b
}

func block(kind byte, payload []byte, size int) func([]byte) []byte {
	return func(b []byte) []byte { return appendBlock(b, kind, payload, size) }
}

// records is a block of records, given as kind and message by turns.
func records(parts ...any) func([]byte) []byte {
	var raw []byte
	for i := 0; i < len(parts); i += 2 {
		raw = protowire.AppendVarint(raw, uint64(parts[i].(int)))
		raw = protowire.AppendBytes(raw, parts[i+1].([]byte))
	}
	return block(blockRecords, compress(raw), len(raw))
}

func compress(raw []byte) []byte {
	z, err := zstd.NewWriter(nil)
	if err != nil {
		panic(err)
	}
	return z.EncodeAll(raw, nil)
}

func endOf(events uint64) func([]byte) []byte {
	return func(b []byte) []byte {
		var c coder
		c.ending(&ending{events, crc32.Checksum(b, castagnoli)})
		return appendBlock(b, blockEnd, c.out, len(c.out))
	}
}

// message is a message of numbers: field and value by turns.
func message(parts ...uint64) []byte {
	var b []byte
	for i := 0; i < len(parts); i += 2 {
		b = protowire.AppendTag(b, protowire.Number(parts[i]), protowire.VarintType)
		b = protowire.AppendVarint(b, parts[i+1])
	}
	return b
}

func TestUnknownIsSkippedAndCounted(t *testing.T) {
	open := uint64(event.Open)
	file := made(
		records(recordEvent, message(1, uint64(event.Kinds)), recordEvent, message(1, 250), recordEvent, message(1, 1<<40), recordEvent, message(5, 1),
			recordEvent, message(1, 0), recordEvent, message(1, uint64(event.Execve)-1)),
		records(99, []byte("a kind of record"), recordEvent, message(1, open, 5, 7, 9999, 1)),
		block(77, []byte("a kind of block"), 15),
		endOf(7),
	)
	r, err := NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	ev, err := r.Next()
	if err != nil || ev.Kind != event.Open || ev.Num != 7 {
		t.Fatalf("got %v, %v", ev, err)
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("got %v, want io.EOF", err)
	}
	if got := r.Skipped(); got != 8 {
		t.Errorf("skipped %d, want 6 events, a record and a block", got)
	}
}

// Files whose checksums are right, and whose contents no Writer wrote.
func TestHostileContents(t *testing.T) {
	open := uint64(event.Open)
	bomb := compress(make([]byte, 64<<20))
	whole := made(records(recordEvent, message(1, open)), endOf(1))
	tests := map[string]struct {
		file []byte
		text string
	}{
		"bomb":                          {made(block(blockRecords, bomb, 100)), "exceeds configured limit"},
		"bomb that says so":             {made(block(blockRecords, bomb, 64<<20)), "is larger than"},
		"bomb that says the most":       {made(block(blockRecords, bomb, maxBlock)), ""},
		"smaller than it says":          {made(block(blockRecords, compress([]byte("ab")), 100)), "has 2 and not 100"},
		"not compressed":                {made(block(blockRecords, []byte("abcdefgh"), 8)), "block of 8 bytes"},
		"bytes after the end":           {append(bytes.Clone(whole), 0), "bytes follow the end"},
		"a capture after the end":       {append(bytes.Clone(whole), whole...), "bytes follow the end"},
		"a block lost":                  {made(endOf(1)), "0 events, and the end says 1"},
		"end of another file":           {made(block(blockEnd, nil, 0)), "checksum of the whole file"},
		"second header":                 {made(block(blockHeader, nil, 0)), "a second header"},
		"no header":                     {appendBlock(appendPrelude(nil), blockEnd, nil, 0), "no header"},
		"bad header":                    {appendBlock(appendPrelude(nil), blockHeader, []byte{0xff}, 1), "header: a field's number is cut"},
		"bad end":                       {made(block(blockEnd, []byte{0xff}, 1)), "end: a field's number is cut"},
		"record cut":                    {made(block(blockRecords, compress([]byte{recordEvent, 50, 1}), 3)), "a record of kind 3 is cut"},
		"record's kind cut":             {made(block(blockRecords, compress([]byte{0xff}), 1)), "a record's kind is cut"},
		"unknown process":               {made(records(recordEvent, message(1, open, 2, 1))), "process 1 is not known"},
		"unknown container":             {made(records(recordEvent, message(1, open, 3, 2))), "container 2 is not known"},
		"unknown parent":                {made(records(recordProcess, message(1, 1, 2, 1))), "parent 1 is not known"},
		"process number 0":              {made(records(recordProcess, message(3, 1))), "0 is out of order"},
		"process number skipped":        {made(records(recordProcess, message(1, 2))), "2 is out of order"},
		"process number huge":           {made(records(recordProcess, message(1, 1<<63))), "is out of order"},
		"too many processes":            {made(tooMany()), "32769 is out of order"},
		"the host is not to be changed": {made(records(recordContainer, message(1, hostRef))), "given twice"},
		"container number 0":            {made(records(recordContainer, message(1, 0))), "given twice"},
		"container twice":               {made(records(recordContainer, message(1, 2), recordContainer, message(1, 2))), "container 2 is given twice"},
		"number too large":              {made(records(recordEvent, message(1, open, 4, 1<<16))), "field 4: 65536 has more than 16 bits"},
		"signed number too large":       {made(records(recordEvent, message(1, open, 11, 1<<40))), "field 11: 549755813888 is too large"},
		"field cut":                     {made(records(recordEvent, []byte{0x0a, 50})), "field 1 is cut"},
		"field of no type":              {made(records(recordEvent, []byte{0x0b})), "of no known type"},
		"bad address":                   {made(records(recordEvent, protowire.AppendString(protowire.AppendTag(message(1, open), 67, protowire.BytesType), "abc"))), "field 67"},
		"bad list":                      {made(records(recordProcess, protowire.AppendString(protowire.AppendTag(message(1, 1), 11, protowire.BytesType), "\x50"))), "a string of a list is cut"},
		"bad pairs":                     {made(records(recordContainer, protowire.AppendString(protowire.AppendTag(message(1, 2), 11, protowire.BytesType), "\x01k"))), "a key has no value"},
		"bad mounts":                    {made(records(recordContainer, protowire.AppendString(protowire.AppendTag(message(1, 2), 13, protowire.BytesType), "\x01s"))), "a mount has too few strings"},
		"forgotten process":             {made(records(recordProcess, message(1, 1), recordReset, []byte{}, recordEvent, message(1, open, 2, 1))), "process 1 is not known"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := read(tt.file)
			if !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), tt.text) || !strings.Contains(err.Error(), "offset ") {
				t.Errorf("got %v, want %q", err, tt.text)
			}
		})
	}
}

func tooMany() func([]byte) []byte {
	var parts []any
	for ref := range uint64(maxRefs + 1) {
		parts = append(parts, recordProcess, message(1, ref+1))
	}
	return records(parts...)
}

// A block taken out, or two exchanged, have right checksums of their own.
func TestBlocksMoved(t *testing.T) {
	a, b := records(recordEvent, message(1, uint64(event.Open), 5, 1)), records(recordEvent, message(1, uint64(event.Open), 5, 2))
	whole := made(a, b, endOf(2))
	end := whole[len(made(a, b)):]
	for name, file := range map[string][]byte{
		"taken out": append(made(a), end...), "exchanged": append(made(b, a), end...), "doubled": append(made(a, b, b), end...),
	} {
		if _, err := read(file); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "whole file") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got, err := read(whole); err != nil || len(got) != 2 {
		t.Errorf("the whole one: %d events, %v", len(got), err)
	}
}

// brokenDisk takes so many bytes and no more.
type brokenDisk struct {
	bytes.Buffer
	room  int
	quiet bool // takes less and says nothing
}

var errFull = errors.New("no space left on device")

func (d *brokenDisk) Write(b []byte) (int, error) {
	if len(b) <= d.room {
		d.room -= len(b)
		return d.Buffer.Write(b)
	}
	n, _ := d.Buffer.Write(b[:d.room])
	d.room = 0
	if d.quiet {
		return n, nil
	}
	return n, errFull
}

func TestDiskIsFull(t *testing.T) {
	file, events, blocks := small(t)
	for _, quiet := range []bool{false, true} {
		want := errFull
		if quiet {
			want = io.ErrShortWrite
		}
		disk := &brokenDisk{room: blocks[4] + 5, quiet: quiet}
		w, err := NewWriter(disk, testHeader, asIs)
		if err != nil {
			t.Fatal(err)
		}
		for i, ev := range events {
			setLists(w, i/3)
			err = w.Write(ev)
			if i%3 == 2 && err == nil {
				err = w.Flush()
			}
			if err != nil {
				break
			}
		}
		if !errors.Is(err, want) || !strings.Contains(err.Error(), "offset") {
			t.Fatalf("got %v, want %v", err, want)
		}
		if again := w.Close(); !errors.Is(again, want) {
			t.Errorf("closing: %v, want %v", again, want)
		}
		got, err := read(disk.Bytes())
		if !errors.Is(err, ErrTruncated) || len(got) != 6 {
			t.Errorf("%d events, %v", len(got), err)
		}
		if !bytes.HasPrefix(file, disk.Bytes()) {
			t.Error("other bytes than with room")
		}
	}
	if _, err := NewWriter(&brokenDisk{}, testHeader, asIs); !errors.Is(err, errFull) {
		t.Errorf("a capture was begun on a full disk: %v", err)
	}
}

func TestClosedWriter(t *testing.T) {
	w, err := NewWriter(io.Discard, testHeader, asIs)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Write(&event.Event{Kind: event.Open}); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want %v", err, ErrClosed)
	}
}

// A reader's own error is no fault of the capture.
func TestReadError(t *testing.T) {
	file, _, blocks := small(t)
	broken := errors.New("stale file handle")
	for _, at := range []int{3, blocks[2] + 3, len(file)} {
		r, err := NewReader(io.MultiReader(bytes.NewReader(file[:at]), failing{broken}))
		for err == nil {
			_, err = r.Next()
		}
		if !errors.Is(err, broken) || errors.Is(err, ErrTruncated) || errors.Is(err, ErrCorrupt) {
			t.Errorf("at %d: %v", at, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func FuzzReader(f *testing.F) {
	file, _, _ := small(f)
	f.Add(file, false)
	f.Add(file[:len(file)/2], false)
	f.Add([]byte{recordProcess, 4, 1 << 3, 1, 5 << 3, 2, recordEvent, 4, 1 << 3, 18, 2 << 3, 1}, true)
	f.Add([]byte{recordList, 10, 1<<3 | 2, 1, 'n', 2<<3 | 2, 0, 3<<3 | 2, 2, 0x80, 1}, true)
	f.Add([]byte{recordContainer, 2, 1 << 3, 2, recordEvent, 4, 1 << 3, 18, 3 << 3, 2}, true)
	f.Fuzz(func(t *testing.T, data []byte, inside bool) {
		if inside && len(data) < 1<<16 {
			// Past the checksums, which no fuzzer gets through by itself.
			data = made(block(blockRecords, compress(data), len(data)), endOf(0))
		}
		events, err := read(data)
		if err != nil && !errors.Is(err, ErrNotCapture) && !errors.Is(err, ErrVersion) && !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrCorrupt) {
			t.Fatalf("undocumented error: %v", err)
		}
		for _, ev := range events {
			if !isKind(uint64(ev.Kind)) {
				t.Fatalf("an event of kind %d", ev.Kind)
			}
		}
	})
}
