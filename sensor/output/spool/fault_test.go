package spool

import (
	"errors"
	"math/rand/v2"
	"strings"
	"syscall"
	"testing"
)

// stored is a spool of n alerts of all severities on a fresh disk, closed in good order.
func stored(t *testing.T, n, size int) *harness {
	t.Helper()
	h := newHarness(t, newSimFS(), smallConfig())
	for i := range n {
		h.publish(1+i%4, size)
	}
	h.commit()
	h.finish()
	return h
}

func (h *harness) segmentNames() []string {
	var out []string
	names, _ := h.fs.List()
	for _, n := range names {
		if strings.HasSuffix(n, ".seg") {
			out = append(out, n)
		}
	}
	return out
}

// copyFS is a disk with the same content.
func (f *simFS) copyFS() *simFS {
	out := newSimFS()
	for name, i := range f.names {
		c := &simInode{data: append([]byte(nil), i.data...), synced: append([]byte(nil), i.data...)}
		out.names[name], out.durable[name] = c, c
	}
	return out
}

// again is a receiver that starts anew on fs.
func (h *harness) again(fs *simFS) *harness {
	g := &harness{t: h.t, cfg: h.cfg, put: h.put, seen: map[string]map[uint64]bool{}}
	g.restart(fs)
	return g
}

func TestCleanRestart(t *testing.T) {
	h := stored(t, 20, 500)
	first := h.s.current().id
	h.restart(h.fs)
	for _, it := range h.receive(7) {
		h.s.Ack(it)
	}
	h.finish()
	h.restart(h.fs)
	if id, seq := h.publish(4, 10); id != first || seq != 21 {
		t.Errorf("goes on with %d of %s, not 21 of %s", seq, id, first)
	}
	h.commit()
	h.drain()
	if h.twin != 0 {
		t.Errorf("%d alerts came twice", h.twin)
	}
	h.checkAccount()
	if h.lost() != 0 {
		t.Errorf("lost: %v", h.s.Stats().Lost)
	}
	h.finish()
	h.restart(h.fs)
	if st := h.s.Stats(); st.OnDisk != 0 || st.Bytes != 0 || len(h.segmentNames()) != 0 {
		t.Errorf("left: %+v, %v", st, h.segmentNames())
	}
}

// A flipped byte anywhere in a file costs at most the record it is in, and that is counted.
func TestFlippedByte(t *testing.T) {
	h := stored(t, 24, 60)
	for _, name := range h.segmentNames() {
		for off := 0; off < len(h.fs.names[name].data); off += 2 {
			fs := h.fs.copyFS()
			fs.names[name].data[off] ^= 0x10
			g := h.again(fs)
			g.drain()
			g.checkAccount()
			if lost := g.lost(LostDamaged); lost != 1 || g.lost() != 1 {
				t.Fatalf("%s, byte %d: lost %v", name, off, g.s.Stats().Lost)
			}
		}
	}
}

// The same while the sensor runs: what goes bad after Open is noticed when it is read.
func TestFlippedByteAfterOpen(t *testing.T) {
	h := stored(t, 24, 60)
	for _, name := range h.segmentNames() {
		for off := 0; off < len(h.fs.names[name].data); off += 3 {
			fs := h.fs.copyFS()
			g := h.again(fs)
			fs.names[name].data[off] ^= 0x10
			g.drain()
			g.checkAccount()
			if lost := g.lost(LostDamaged); lost != 1 || g.lost() != 1 {
				t.Fatalf("%s, byte %d: lost %v", name, off, g.s.Stats().Lost)
			}
		}
	}
}

// A file cut anywhere loses what was behind the cut, and no more.
func TestCutAnywhere(t *testing.T) {
	h := stored(t, 24, 60)
	name := h.segmentNames()[0]
	for size := range h.fs.names[name].data {
		fs := h.fs.copyFS()
		fs.names[name].data = fs.names[name].data[:size]
		g := h.again(fs)
		g.drain()
		g.checkAccount()
		record := len(h.fs.names[name].data) / 6
		if want := uint64(6 - size/record); g.lost(LostDamaged) != want {
			t.Fatalf("cut at %d of 6 records of %d: lost %v, want %d", size, record, g.s.Stats().Lost, want)
		}
	}
}

// A file that is gone is counted with its severity.
func TestMissingFile(t *testing.T) {
	h := stored(t, 24, 60)
	fs := h.fs.copyFS()
	delete(fs.names, h.segmentNames()[0])
	g := h.again(fs)
	g.drain()
	g.checkAccount()
	if g.lost(LostDamaged) != 6 {
		t.Errorf("lost: %v", g.s.Stats().Lost)
	}
}

// Whatever happens to one control file, every alert arrives, and no number is given to another.
func TestDamagedControl(t *testing.T) {
	h := newHarness(t, newSimFS(), smallConfig())
	for i := range 30 {
		h.publish(1+i%4, 60)
		h.commit()
		if i%5 == 0 {
			h.s.note()
		}
	}
	for _, name := range controlNames {
		data := h.fs.names[name].data
		for off := 0; off < len(data) && !isZero(data[off:]); off += 7 {
			fs := h.fs.copyFS()
			fs.names[name].data[off] ^= 0x10
			g := h.again(fs)
			if id, seq := g.s.Next(); h.put[id][seq] {
				t.Fatalf("%s, byte %d: number %d given again", name, off, seq)
			}
			g.drain()
			if n := len(g.seen[h.s.current().id]); n != 30 {
				t.Fatalf("%s, byte %d: %d of 30 alerts arrived, lost %v", name, off, n, g.s.Stats().Lost)
			}
		}
	}
}

func TestBothControlsDamaged(t *testing.T) {
	h := stored(t, 24, 60)
	old := h.s.current().id
	fs := h.fs.copyFS()
	for _, name := range controlNames {
		for i := range 200 {
			fs.names[name].data[i] = 0xff
		}
	}
	g := h.again(fs)
	if id, seq := g.s.Next(); id == old || seq != 1 {
		t.Errorf("number %d of %s", seq, id)
	}
	g.drain()
	if n := len(g.seen[old]); n != 24 {
		t.Errorf("%d of 24 alerts arrived", n)
	}
}

// On a full disk alerts stay in memory, are delivered from there, and go to the disk again when there is room.
func TestDiskFull(t *testing.T) {
	h := newHarness(t, newSimFS(), smallConfig())
	h.fs.limit = h.fs.bytes() + 20<<10
	for range 40 {
		h.publish(3, 1000)
		h.commit()
	}
	st := h.s.Stats()
	if !errors.Is(st.DiskError, syscall.ENOSPC) || st.InMemory == 0 || st.OnDisk == 0 {
		t.Fatalf("stats: %+v", st)
	}
	// The control files, written in place, still work; that is no sign of room.
	h.s.failed = nil
	h.s.touch()
	h.s.note()
	if st := h.s.Stats(); st.DiskError == nil {
		t.Error("a note ended the state of a full disk")
	}
	// Some are sent from memory meanwhile, and some of these come back.
	for i, it := range h.receive(60) {
		if it.entry != nil && i%2 == 0 {
			h.s.Ack(it)
		} else {
			h.s.Nack(it)
		}
	}
	h.fs.limit = 0
	h.commit()
	if st := h.s.Stats(); st.DiskError != nil || st.InMemory != 0 {
		t.Fatalf("with room again: %+v", st)
	}
	h.finish()
	h.restart(h.fs)
	h.drain()
	h.checkAccount()
	if h.lost() != 0 {
		t.Errorf("lost: %v", h.s.Stats().Lost)
	}
}

// When others fill the disk, what is less severe makes way.
func TestDiskFullSevere(t *testing.T) {
	h := newHarness(t, newSimFS(), smallConfig())
	for range 10 {
		h.publish(1, 1000)
	}
	h.commit()
	h.fs.limit = h.fs.bytes()
	h.publish(4, 1000)
	h.commit()
	if st := h.s.Stats(); st.DiskError != nil || h.lost(LostFull) == 0 {
		t.Fatalf("stats: %+v", st)
	}
	h.drain()
	h.checkAccount()
}

// Memory is bounded: the least severe goes first, and is counted.
func TestMemoryFull(t *testing.T) {
	cfg := smallConfig()
	cfg.MemoryBytes = 64 << 10
	cfg.Reserve = 1000
	h := newHarness(t, newSimFS(), cfg)
	h.fs.fail = func(op, name string) error {
		if op == "write" || op == "create" {
			return syscall.EROFS
		}
		return nil
	}
	for i := range 400 {
		h.publish(1+i%4, 1000)
		if i%10 == 0 {
			h.commit()
		}
	}
	st := h.s.Stats()
	if !errors.Is(st.DiskError, syscall.EROFS) || h.s.memory > cfg.MemoryBytes {
		t.Fatalf("memory %d, stats %+v", h.s.memory, st)
	}
	if h.lost(LostMemory) != 400-uint64(st.InMemory) {
		t.Errorf("lost %v, %d in memory", st.Lost, st.InMemory)
	}
	for _, l := range st.Lost {
		if l.Class < 4 && l.Count != 100 {
			t.Errorf("class %d lost %d of 100 while a more severe one was lost too", l.Class, l.Count)
		}
	}
	h.drain()
	h.checkAccount()
}

// A disk that cannot be written to at all is no reason not to start; when it can, numbers and files go there.
func TestReadOnlyAtStart(t *testing.T) {
	fs := newSimFS()
	fs.fail = func(op, name string) error { return syscall.EROFS }
	h := newHarness(t, fs, smallConfig())
	id, _ := h.publish(4, 100)
	h.commitAttached()
	if st := h.s.Stats(); !errors.Is(st.DiskError, syscall.EROFS) || st.InMemory != 1 {
		t.Fatalf("stats: %+v", st)
	}
	fs.fail = nil
	h.commitAttached()
	if st := h.s.Stats(); st.DiskError != nil || st.OnDisk != 1 {
		t.Fatalf("writable again: %+v", st)
	}
	h.finish()
	h.restart(h.fs)
	if id2, seq := h.publish(4, 100); id2 != id || seq != 2 {
		t.Errorf("goes on with %d of %s", seq, id2)
	}
	h.commit()
	h.drain()
	h.checkAccount()
}

// commitAttached is a round of run with the retry due.
func (h *harness) commitAttached() {
	h.s.step(h.s.retryAt.Add(1))
	h.s.step(h.s.syncDue)
}

// After a sync that failed the kernel may drop the pages and report success the next time.
func TestSyncFails(t *testing.T) {
	h := newHarness(t, newSimFS(), smallConfig())
	h.publish(2, 500)
	h.commit()
	failed := ""
	h.fs.fail = func(op, name string) error {
		if op == "sync" && strings.HasSuffix(name, ".seg") && failed == "" {
			failed = name
			i := h.fs.names[name]
			i.data, i.writes = append([]byte(nil), i.synced...), nil
			return syscall.EIO
		}
		return nil
	}
	h.publish(2, 500)
	h.publish(2, 500)
	h.commit()
	if st := h.s.Stats(); !errors.Is(st.DiskError, syscall.EIO) || st.Accepted != 1 {
		t.Fatalf("stats: %+v", st)
	}
	h.commit()
	if st := h.s.Stats(); st.DiskError != nil || st.Accepted != 3 {
		t.Fatalf("stats after another: %+v", st)
	}
	h.restart(h.fs.copyFS()) // as after kill -9
	h.drain()
	h.checkAccount()
	if got := len(h.seen[h.s.current().id]); got != 3 {
		t.Errorf("%d of 3 alerts arrived", got)
	}
}

// Records of a failed sync that turn up after a crash, though they were delivered from memory, are not delivered again.
func TestSyncFailsAndRecordsStay(t *testing.T) {
	h := newHarness(t, newSimFS(), smallConfig())
	h.publish(2, 500)
	h.commit() // keeps the file there
	h.fs.fail = func(op, name string) error {
		if strings.HasSuffix(name, ".seg") && (op == "sync" || op == "truncate" || op == "create") {
			return syscall.EIO
		}
		return nil
	}
	for range 5 {
		h.publish(2, 500)
	}
	h.commit()
	for _, it := range h.receive(100) {
		if it.entry != nil {
			h.s.Ack(it)
		} else {
			h.s.Nack(it)
		}
	}
	h.s.failed = nil
	h.s.note()
	h.restart(h.fs.copyFS()) // as after kill -9
	h.drain()
	h.checkAccount()
	if got := len(h.seen[h.s.current().id]); h.twin != 1 || got != 6 {
		t.Errorf("%d alerts came twice, one was given back; %d at all", h.twin, got)
	}
}

// Whenever power is lost, one of the two control files is whole, however often they were written without a sync.
func TestControlAlwaysWhole(t *testing.T) {
	fs := newSimFS()
	c := control{fs: fs, size: 2 << 10}
	if err := c.open(); err != nil {
		t.Fatal(err)
	}
	record := controlRecord{Streams: []streamRecord{{ID: strings.Repeat("a", 200)}}}
	for i := range 200 {
		record.NextNo = uint64(i)
		if err := c.write(record, func() controlRecord { return record }); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if err := c.files[c.cur].Sync(); err != nil {
				t.Fatal(err)
			}
			c.synced()
		}
		for seed := range uint64(4) {
			left := control{fs: fs.crash(rand.New(rand.NewPCG(seed, uint64(i)))), size: c.size}
			if err := left.open(); err != nil {
				t.Fatal(err)
			}
			if _, ok, _, err := left.load(); !ok || err != nil {
				t.Fatalf("after write %d: no state is left: %v", i, err)
			}
		}
	}
}

// A place that cannot be read is tried again, not given up at once.
func TestReadFails(t *testing.T) {
	h := stored(t, 8, 100)
	h.restart(h.fs)
	h.fs.fail = func(op, name string) error {
		if op == "read" {
			return syscall.EIO
		}
		return nil
	}
	if items := h.receive(10); len(items) != 0 || h.lost() != 0 {
		t.Fatalf("%d items, lost %v", len(items), h.s.Stats().Lost)
	}
	h.fs.fail = nil
	h.drain()
	h.checkAccount()
	if h.lost() != 0 {
		t.Errorf("lost: %v", h.s.Stats().Lost)
	}

	h = stored(t, 8, 100)
	h.restart(h.fs)
	h.fs.fail = func(op, name string) error {
		if op == "read" && strings.Contains(name, "-4-") {
			return syscall.EIO
		}
		return nil
	}
	for range readAttempts + 1 {
		h.drain()
	}
	h.checkAccount()
	if h.lost(LostDamaged) != 2 {
		t.Errorf("bad sector: lost %v", h.s.Stats().Lost)
	}
}
