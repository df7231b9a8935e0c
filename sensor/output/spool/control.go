package spool

import (
	"encoding/json"
	"fmt"
)

// The control files say what has become of which number and of which file. Two are written in place in turn, each
// filled with zeros to controlSize when made, so that noting that space was freed needs none: a snapshot begins a file,
// what changed follows, and when the file is full the next snapshot begins the other. A snapshot of a higher generation
// that is whole replaces all of the other file.
//
// A record is JSON, for those who must look inside one day.
const controlSize = 64 << 10

var controlNames = [2]string{"control-a", "control-b"}

// A controlRecord is a snapshot or what changed since the record before it: Segments and Gone hold what changed, the
// rest is always whole.
type controlRecord struct {
	NextNo   uint64                  `json:"next_no"`
	Streams  []streamRecord          `json:"streams"` // the last is the current one
	Lost     []Lost                  `json:"lost,omitempty"`
	Segments map[string]segmentState `json:"segments,omitempty"`
	Gone     []string                `json:"gone,omitempty"` // to be removed, if they are still there

	partial bool // of what was read: something about segments is missing
}

type streamRecord struct {
	ID string `json:"id"`
	// Upto is the last number that may have been given; of a stream that ended or a spool that was closed, that was.
	Upto    uint64 `json:"upto"`
	Exact   bool   `json:"exact,omitempty"`
	Decided runs   `json:"decided"`
}

// segmentState is what was durable of a segment when the record was written, and what of that is settled.
type segmentState struct {
	Count uint32 `json:"count"`
	Acked runs   `json:"acked,omitempty"`
}

func (r *controlRecord) valid() bool {
	for _, s := range r.Streams {
		if !s.Decided.valid() {
			return false
		}
	}
	for _, s := range r.Segments {
		if !s.Acked.valid() {
			return false
		}
	}
	return len(r.Streams) > 0
}

// control is the pair of files, used by the writer's goroutine alone.
type control struct {
	fs    FS
	size  int64 // of each file
	files [2]File
	cur   int    // written to
	gen   uint64 // of the snapshot in files[cur]
	index uint32
	off   int64
	begun bool // files[cur] can be added to
	whole bool // the snapshot in files[cur] is durable, so the other file is not needed
	dirty bool // written and not synced
}

// open opens or makes the files, filled to their size and synced.
func (c *control) open() error {
	for i, name := range controlNames {
		f, err := c.fs.Open(name, true)
		if err != nil {
			return err
		}
		c.files[i] = f
		size, err := f.Size()
		if err != nil {
			return err
		}
		if size < c.size {
			if _, err := f.WriteAt(make([]byte, c.size-size), size); err != nil {
				return err
			}
			if err := f.Sync(); err != nil {
				return err
			}
		}
	}
	return c.fs.SyncDir()
}

// load reads the newest state. ok is false if there is none, be it that the spool is new or that both files are
// damaged; used tells the two apart.
func (c *control) load() (state controlRecord, ok, used bool, err error) {
	var best uint64
	for i, f := range c.files {
		buf, err := readAll(f)
		if err != nil {
			return state, false, false, fmt.Errorf("%s: %w", controlNames[i], err)
		}
		used = used || !isZero(buf)
		c.gen = max(c.gen, highestGeneration(buf))
		if gen, st, partial, good := replayControl(buf); good && (!ok || gen > best) {
			best, c.cur, state, ok = gen, i, st, true
			state.partial = partial
		}
	}
	c.whole = ok
	return state, ok, used, nil
}

// highestGeneration looks at damaged files too: what is left of them must not be taken for a part of what will be
// written over them.
func highestGeneration(buf []byte) uint64 {
	var gen uint64
	s := scanner{buf: buf}
	for h, _, _, ok := s.next(); ok; h, _, _, ok = s.next() {
		gen = max(gen, h.seq)
	}
	return gen
}

// replayControl applies the records of one file. A damaged one among them is left out: what each says of streams and
// losses is whole, so only what it says of segments is missed, and partial tells that.
func replayControl(buf []byte) (gen uint64, state controlRecord, partial, ok bool) {
	s := scanner{buf: buf}
	next := uint32(0)
	for {
		h, data, off, good := s.next()
		switch {
		case !good:
			return gen, state, partial, next > 0
		case next == 0 && (h.index != 0 || off != 0):
			return 0, state, false, false // no snapshot to begin with
		case next > 0 && (h.seq != gen || h.index < next):
			continue // left from an earlier use of the file
		}
		var r controlRecord
		if json.Unmarshal(data, &r) != nil || !r.valid() {
			if next == 0 {
				return 0, state, false, false
			}
			continue
		}
		partial = partial || h.index != next
		gen, next = h.seq, h.index+1
		state.apply(r)
	}
}

func (r *controlRecord) apply(d controlRecord) {
	if r.Segments == nil {
		r.Segments = map[string]segmentState{}
	}
	r.NextNo, r.Streams, r.Lost = d.NextNo, d.Streams, d.Lost
	for name, s := range d.Segments {
		r.Segments[name] = s
	}
	for _, name := range d.Gone {
		delete(r.Segments, name)
	}
	r.Gone = append(r.Gone, d.Gone...)
}

// write adds a record, or begins the other file with what snapshot returns if this one is full or broken.
func (c *control) write(change controlRecord, snapshot func() controlRecord) error {
	if c.begun {
		data, err := json.Marshal(change)
		if err != nil {
			return err
		}
		if c.off+headerSize+int64(len(data)) <= c.size {
			return c.put(data)
		}
	}
	data, err := json.Marshal(snapshot())
	if err != nil {
		return err
	}
	if c.whole {
		c.cur = 1 - c.cur
	} // else the other file is the good one, and this one begins again
	c.begun, c.whole = true, false
	c.gen++
	c.off, c.index = 0, 0
	return c.put(data)
}

func (c *control) put(data []byte) error {
	b := appendRecord(nil, c.gen, c.index, data)
	if _, err := c.files[c.cur].WriteAt(b, c.off); err != nil {
		c.fail()
		return err
	}
	c.dirty = true
	c.off += int64(len(b))
	c.index++
	return nil
}

// synced notes that what was written is durable.
func (c *control) synced() { c.whole, c.dirty = true, false }

// fail gives up the current file after an error, since what it holds now is not known. The next write is a snapshot: to
// the other file if the snapshot here is durable, else here again, since then the other is the good one.
func (c *control) fail() { c.begun, c.dirty = false, false }

func (c *control) close() {
	for _, f := range c.files {
		if f != nil {
			f.Close()
		}
	}
}

func readAll(f File) ([]byte, error) {
	size, err := f.Size()
	if err != nil || size == 0 {
		return nil, err
	}
	buf := make([]byte, size)
	n, err := f.ReadAt(buf, 0)
	if n == len(buf) {
		err = nil
	}
	return buf[:n], err
}

func isZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
