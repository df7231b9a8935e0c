package spool

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// A full spool drops the least severe first, the oldest of those; the counts outlive a restart.
func TestFullDropsLeastSevere(t *testing.T) {
	cfg := smallConfig()
	cfg.MaxBytes = 256 << 10
	h := newHarness(t, newSimFS(), cfg)
	for range 200 {
		h.publish(1, 1000)
		h.publish(2, 1000)
		h.commit()
	}
	before := h.s.Stats()
	if before.Bytes > cfg.MaxBytes {
		t.Errorf("%d bytes used", before.Bytes)
	}
	if h.lost() != h.lost(LostFull) || before.Lost[0].Class != 1 || before.Lost[0].Count < 140 || len(before.Lost) > 1 {
		t.Errorf("lost %v", before.Lost)
	}
	for range 300 {
		h.publish(4, 1000)
		h.commit()
	}
	for _, l := range h.s.Stats().Lost {
		if l.Class < 4 && l.Count != 200 {
			t.Errorf("%d of 200 of class %d lost while class 4 was dropped", l.Count, l.Class)
		}
	}
	// What is less severe than all that is stored gets in while there is room, and no further.
	dropped := h.lost()
	for range 50 {
		h.publish(3, 1000)
		h.commit()
	}
	for range 20 {
		h.publish(2, 3000)
		h.commit()
	}
	lost := h.s.Stats().Lost
	h.finish()
	h.restart(h.fs)
	if diff := cmp.Diff(lost, h.s.Stats().Lost); diff != "" {
		t.Errorf("lost after restart (-want +got):\n%s", diff)
	}
	h.drain()
	h.checkAccount()
	last := lost[len(lost)-1]
	if last.Class != 4 || h.lost()-dropped < 30 || dropped != 400+last.Count {
		t.Errorf("%d lost before, %v after: a less severe alert took the place of a more severe one", dropped, lost)
	}
}

// What is under way to the receiver is not dropped: it might arrive and be counted as lost all the same.
func TestFullKeepsWhatIsUnderWay(t *testing.T) {
	cfg := smallConfig()
	cfg.MaxBytes = 256 << 10
	h := newHarness(t, newSimFS(), cfg)
	for range 10 {
		h.publish(1, 1000)
	}
	h.commit()
	items := h.receive(5)
	for range 400 {
		h.publish(2, 1000)
		h.commit()
	}
	for _, it := range items {
		h.s.Ack(it)
	}
	h.drain()
	h.checkAccount()
	if h.lost() == 0 {
		t.Error("nothing was dropped")
	}
}

// What was delivered makes room before anything is dropped.
func TestDeliveredMakesRoom(t *testing.T) {
	cfg := smallConfig()
	cfg.MaxBytes = 256 << 10
	h := newHarness(t, newSimFS(), cfg)
	for range 100 {
		h.publish(1, 1000) // stay
	}
	for range 600 {
		h.publish(2, 1000)
		h.commit()
		for _, it := range h.receive(1) {
			h.s.Ack(it)
		}
	}
	h.drain()
	if h.lost() != 0 {
		t.Errorf("lost %v", h.s.Stats().Lost)
	}
}

// The severest is sent first, each severity in order, and what came back before others.
func TestTakeOrder(t *testing.T) {
	h := stored(t, 12, 100)
	h.restart(h.fs)
	got := func(items []*Item) (out []uint64) {
		for _, it := range items {
			out = append(out, it.Seq)
		}
		return out
	}
	first := h.receive(2)
	second := h.receive(4)
	h.s.Nack(second[1])
	h.s.Nack(first[0])
	rest := h.receive(100)
	want := [][]uint64{{4, 8}, {12, 3, 7, 11}, {3, 4, 2, 6, 10, 1, 5, 9}}
	if diff := cmp.Diff(want, [][]uint64{got(first), got(second), got(rest)}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := len(h.receive(100)); n != 0 {
		t.Errorf("%d more", n)
	}
}

func TestDiscard(t *testing.T) {
	h := stored(t, 4, 100)
	h.restart(h.fs)
	h.s.Discard(h.receive(1)[0])
	for _, it := range h.receive(10) {
		h.s.Ack(it)
	}
	if diff := cmp.Diff([]Lost{{LostDiscarded, 4, 1}}, h.s.Stats().Lost); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if st := h.s.Stats(); st.OnDisk != 0 || st.Delivered != 3 {
		t.Errorf("stats: %+v", st)
	}
}

// When the numbers set aside run out before the disk has taken more, a new stream begins; no number repeats, both
// streams arrive whole.
func TestTurnover(t *testing.T) {
	h := newHarness(t, newSimFS(), smallConfig())
	ids := map[string]bool{}
	for range 600 { // 256 are set aside
		id, _ := h.publish(3, 50)
		ids[id] = true
	}
	if len(ids) != 2 {
		t.Fatalf("%d streams", len(ids))
	}
	h.commit()
	h.s.note()
	h.restart(h.fs.copyFS()) // as after kill -9
	h.drain()
	n := 0
	for id := range ids {
		n += len(h.seen[id])
	}
	if n != 600 {
		t.Errorf("%d of 600 arrived", n)
	}
	h.checkAccount()
}

// After a start the last number is the run's before, so that a heartbeat can tell of what was lost with it.
func TestLastNumber(t *testing.T) {
	h := newHarness(t, newSimFS(), smallConfig())
	if id, last := h.s.Last(); id == "" || last != 0 {
		t.Errorf("before the first: %q, %d", id, last)
	}
	for range 3 {
		h.publish(1, 100)
	}
	id, seq := h.publish(2, 100)
	h.commit()
	h.finish()
	h.restart(h.fs)
	if gotID, got := h.s.Last(); gotID != id || got != seq {
		t.Errorf("after a restart: %q, %d; want %q, %d", gotID, got, id, seq)
	}
}

// Numbers that were given and never came back are counted at the next start.
func TestUnseenNumbers(t *testing.T) {
	h := newHarness(t, newSimFS(), smallConfig())
	h.publish(3, 50)
	h.s.Next()
	h.s.Next()
	h.publish(3, 50)
	h.commit()
	h.finish()
	h.restart(h.fs)
	h.drain()
	h.checkAccount()
	if h.lost(LostUnseen) != 2 {
		t.Errorf("lost %v", h.s.Stats().Lost)
	}
}

func TestTooLarge(t *testing.T) {
	h := newHarness(t, newSimFS(), smallConfig())
	id, seq := h.s.Next()
	if err := h.s.Put(id, seq, 3, make([]byte, MaxData+1)); !errors.Is(err, ErrLarge) {
		t.Errorf("error: %v", err)
	}
	h.checkAccount()
}

func testSpool(t *testing.T, cfg Config) *Spool {
	t.Helper()
	s, err := Open(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeSpool(t, s) })
	return s
}

func closeSpool(t *testing.T, s *Spool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Errorf("close: %v", err)
	}
}

func TestLockAndModes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "spool")
	s := testSpool(t, Config{Dir: dir})
	_, err := Open(Config{Dir: dir}, slog.New(slog.DiscardHandler))
	if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), dir) {
		t.Errorf("second: %v", err)
	}
	id, seq := s.Next()
	s.Put(id, seq, 1, []byte("x"))
	waitFor(t, "accepted", func() bool { return s.Stats().Accepted == 1 })
	if st, _ := os.Stat(dir); st.Mode().Perm() != 0o700 {
		t.Errorf("directory: %v", st.Mode())
	}
	entries, _ := os.ReadDir(dir)
	if len(entries) != 4 {
		t.Errorf("%d files", len(entries))
	}
	for _, e := range entries {
		if info, _ := e.Info(); info.Mode() != 0o600 {
			t.Errorf("%s: %v", e.Name(), info.Mode())
		}
	}
	closeSpool(t, s)
	testSpool(t, Config{Dir: dir})
}

func waitFor(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for range 20000 {
		if cond() {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Fatalf("not seen: %s", what)
}

// Everything at once on a real disk, under a spool that is too small.
func TestConcurrentUse(t *testing.T) {
	s := testSpool(t, Config{Dir: t.TempDir(), MaxBytes: 512 << 10, SegmentBytes: 16 << 10, MemoryBytes: 128 << 10})
	const each, publishers = 2000, 3
	arrived := map[uint64]bool{}
	id := ""
	var mu sync.Mutex
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(p)))
			for i := range each {
				boot, seq := s.Next()
				mu.Lock()
				id = boot
				mu.Unlock()
				s.Put(boot, seq, rng.IntN(Classes), make([]byte, rng.IntN(1500)))
				if i%20 == 0 {
					time.Sleep(time.Millisecond)
				}
			}
		})
	}
	var reader sync.WaitGroup
	reader.Go(func() {
		rng := rand.New(rand.NewPCG(2, 2))
		for {
			items := s.Take(50, 1<<20)
			for _, it := range items {
				switch rng.IntN(4) {
				case 0:
					s.Nack(it)
				default:
					arrived[it.Seq] = true
					s.Ack(it)
				}
			}
			if len(items) > 0 {
				continue
			}
			select {
			case <-s.Ready():
			case <-stop:
				if st := s.Stats(); st.OnDisk+st.InMemory == 0 {
					return
				}
				time.Sleep(time.Millisecond)
			}
		}
	})
	wg.Wait()
	close(stop)
	reader.Wait()
	var lost uint64
	for _, l := range s.Stats().Lost {
		lost += l.Count
	}
	s.mu.Lock()
	streams, last := len(s.streams), s.current().last()
	s.mu.Unlock()
	if streams != 1 || last != each*publishers || s.current().id != id {
		t.Skipf("numbers ran out on this disk: %d streams", streams)
	}
	if gaps := last - uint64(len(arrived)); gaps != lost {
		t.Errorf("%d numbers missing, %d losses counted: %v", gaps, lost, s.Stats().Lost)
	}
}

// A real full disk.
func TestRealDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=300k"); err != nil {
		if os.Getenv("TIERCEL_REQUIRE_BPF") == "1" {
			t.Fatalf("mount a tmpfs: %v", err)
		}
		t.Skipf("needs to mount a tmpfs of 300 KiB: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	s := testSpool(t, Config{Dir: dir, RetryMin: time.Millisecond, RetryMax: 5 * time.Millisecond})
	var last uint64
	for range 300 {
		id, seq := s.Next()
		s.Put(id, seq, 3, make([]byte, 1000))
		last = seq
	}
	waitFor(t, "full", func() bool { return errors.Is(s.Stats().DiskError, unix.ENOSPC) })
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size=2m"); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "all on disk", func() bool { st := s.Stats(); return st.DiskError == nil && st.InMemory == 0 })
	n := 0
	for items := s.Take(100, 1<<20); len(items) > 0; items = s.Take(100, 1<<20) {
		n += len(items)
	}
	if st := s.Stats(); uint64(n) != last || len(st.Lost) != 0 {
		t.Errorf("%d of %d arrived, lost %v", n, last, st.Lost)
	}
}

func TestCounter(t *testing.T) {
	path := filepath.Join("/dev/shm", "tiercel-test-"+filepath.Base(t.TempDir())+"-"+time.Now().Format("150405.000000000"))
	t.Cleanup(func() { os.Remove(path) })
	h := newHarness(t, newSimFS(), smallConfig())
	if c, err := openCounter(path); err != nil {
		t.Skipf("no tmpfs at /dev/shm: %v", err)
	} else {
		h.cfg.Counter = path
		_ = c
	}
	h.restart(newSimFS())
	for range 5 {
		h.publish(3, 100)
	}
	h.commit()
	h.publish(3, 100)
	h.publish(3, 100)
	h.restart(h.fs.copyFS()) // as after kill -9: two were in memory alone
	if diff := cmp.Diff([]Lost{{LostCrash, 0, 2}}, h.s.Stats().Lost); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, seq := h.publish(3, 100); seq != 8 {
		t.Errorf("goes on with %d", seq)
	}
	h.commit()
	h.drain()
	h.checkAccount()

	// Without a count of this stream what was set aside is the bound.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	h.publish(3, 100)
	h.restart(h.fs.copyFS())
	h.drain()
	h.checkAccount()
	if h.lost(LostCrash) < 200 {
		t.Errorf("lost %v", h.s.Stats().Lost)
	}
}

// A counter that others may write to, or that is on a disk, is not used.
func TestCounterRefused(t *testing.T) {
	disk := filepath.Join(t.TempDir(), "counter")
	if _, err := openCounter(disk); err == nil {
		var st unix.Statfs_t
		if unix.Statfs(filepath.Dir(disk), &st); st.Type != unix.TMPFS_MAGIC {
			t.Error("taken on a disk")
		}
	}
	shm := filepath.Join("/dev/shm", "tiercel-test-open-"+time.Now().Format("150405.000000000"))
	if err := os.WriteFile(shm, nil, 0o666); err != nil {
		t.Skipf("no /dev/shm: %v", err)
	}
	t.Cleanup(func() { os.Remove(shm) })
	if err := os.Chmod(shm, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := openCounter(shm); err == nil || !strings.Contains(err.Error(), "not a file of ours alone") {
		t.Errorf("open to all: %v", err)
	}
}

func TestValidate(t *testing.T) {
	if err := (Config{Dir: "x"}).Validate(); err != nil {
		t.Error(err)
	}
	for field, c := range map[string]Config{
		"Dir":          {},
		"MaxBytes":     {Dir: "x", MaxBytes: 1},
		"SegmentBytes": {Dir: "x", SegmentBytes: 1},
		"MemoryBytes":  {Dir: "x", MemoryBytes: 1},
		"CommitDelay":  {Dir: "x", CommitDelay: time.Second},
		"RetryMax":     {Dir: "x", RetryMin: time.Hour},
		"Reserve":      {Dir: "x", Reserve: 1},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}
