package spool

import (
	"fmt"
	"log/slog"
	"testing"
	"time"
)

// A harness drives a spool without its goroutine, so that a test decides what happens when, and keeps the receiver's
// account: what arrived under which number of which stream.
type harness struct {
	t    *testing.T
	fs   *simFS
	cfg  Config
	s    *Spool
	put  map[string]map[uint64]bool // what was handed in, by stream
	seen map[string]map[uint64]bool // what arrived
	twin int                        // arrived more than once
}

func newHarness(t *testing.T, fs *simFS, cfg Config) *harness {
	t.Helper()
	cfg.FS = fs
	h := &harness{t: t, fs: fs, cfg: cfg, put: map[string]map[uint64]bool{}, seen: map[string]map[uint64]bool{}}
	h.open()
	return h
}

func (h *harness) open() {
	h.t.Helper()
	s, err := open(h.cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		h.t.Fatal(err)
	}
	h.s = s
}

// restart opens the spool again on what fs holds.
func (h *harness) restart(fs *simFS) {
	h.t.Helper()
	h.fs, h.cfg.FS = fs, fs
	h.open()
}

// publish hands in an alert of size bytes.
func (h *harness) publish(class, size int) (string, uint64) {
	id, seq := h.s.Next()
	if h.put[id] == nil {
		h.put[id] = map[uint64]bool{}
	}
	h.put[id][seq] = true
	h.s.Put(id, seq, class, record(id, seq, class, size))
	return id, seq
}

func record(id string, seq uint64, class, size int) []byte {
	b := fmt.Appendf(nil, "%s %d %d ", id, seq, class)
	for len(b) < size {
		b = append(b, byte(len(b)))
	}
	return b
}

// commit writes and syncs.
func (h *harness) commit() {
	h.s.failed = nil
	h.s.write()
	h.s.sync()
}

// receive takes up to max, and hands each to the receiver.
func (h *harness) receive(max int) []*Item {
	h.t.Helper()
	items := h.s.Take(max, 1<<20)
	for _, it := range items {
		var id string
		var seq uint64
		var class int
		if _, err := fmt.Sscanf(string(it.Data), "%s %d %d ", &id, &seq, &class); err != nil {
			h.t.Fatalf("record %q: %v", it.Data, err)
		}
		if want := string(record(id, seq, class, len(it.Data))); string(it.Data) != want || seq != it.Seq {
			h.t.Fatalf("record of alert %d altered: %q", it.Seq, it.Data)
		}
		if !h.put[id][seq] {
			h.t.Fatalf("alert %s/%d arrived and was never put in", id, seq)
		}
		if h.seen[id] == nil {
			h.seen[id] = map[uint64]bool{}
		}
		if h.seen[id][seq] {
			h.twin++
		}
		h.seen[id][seq] = true
	}
	return items
}

// drain receives everything.
func (h *harness) drain() {
	h.t.Helper()
	for items := h.receive(100); len(items) > 0; items = h.receive(100) {
		for _, it := range items {
			h.s.Ack(it)
		}
	}
}

// checkAccount fails unless the gaps in the current stream's numbers are as many as the losses counted.
func (h *harness) checkAccount() {
	h.t.Helper()
	cur := h.s.current()
	gaps := cur.last() - uint64(len(h.seen[cur.id]))
	if lost := h.lost(); lost != gaps {
		h.t.Errorf("%d numbers of %d are missing, %d losses counted: %v", gaps, cur.last(), lost, h.s.Stats().Lost)
	}
}

func (h *harness) lost(reasons ...string) uint64 {
	var n uint64
	for _, l := range h.s.Stats().Lost {
		match := len(reasons) == 0
		for _, r := range reasons {
			match = match || l.Reason == r
		}
		if match {
			n += l.Count
		}
	}
	return n
}

// finish ends the spool in good order, as Close does.
func (h *harness) finish() {
	h.s.mu.Lock()
	h.s.closed = true
	h.s.mu.Unlock()
	h.s.finish()
}

func smallConfig() Config {
	return Config{MaxBytes: 1 << 20, SegmentBytes: 8 << 10, MemoryBytes: 256 << 10, Reserve: 256,
		RetryMin: time.Microsecond, RetryMax: time.Microsecond, controlSize: 2 << 10}
}
