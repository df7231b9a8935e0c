package process

import (
	"errors"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"tiercel.dev/sensor/process/procfs"
)

// ErrScanning: a scan is under way. The caller has nothing to do: that one will see what this one would have.
var ErrScanning = errors.New("a scan is under way")

// scans carries what scans read to the goroutine that applies records, which alone changes the table.
type scans struct {
	running atomic.Bool
	waiting atomic.Bool
	queued  atomic.Int64 // processes read and not yet in the table
	mu      sync.Mutex
	batches []batch
	loose   []*entry // scanned before their parents or their namespace's init were
}

// batch is a part of a scan.
type batch struct {
	began  int64 // ns since boot: when the scan began
	offset int64 // from there to the epoch
	pruned uint64
	found  []reading
	last   bool
	pids   []int32 // last only: every number that /proc listed
}

func (s *scans) add(b batch) {
	s.mu.Lock()
	s.batches = append(s.batches, b)
	s.queued.Add(int64(len(b.found)))
	s.mu.Unlock()
	s.waiting.Store(true)
}

func (s *scans) take() []batch {
	s.waiting.Store(false)
	s.mu.Lock()
	defer s.mu.Unlock()
	batches := s.batches
	s.batches = nil
	s.queued.Store(0)
	return batches
}

// Scan reads all processes from /proc. It is called once the programs are attached, from any goroutine: what it reads
// enters the table with the next records, and never over what records said meanwhile. A later scan finds the processes
// whose exit records were lost; it is worth calling after many losses.
func (t *Table) Scan() error {
	if !t.scan.running.CompareAndSwap(false, true) {
		return ErrScanning
	}
	defer t.scan.running.Store(false)
	boot, epoch := t.source.Clock()
	head := batch{began: boot, offset: epoch - boot, pruned: t.count.pruned.Load()}
	pids, err := t.source.PIDs()
	if err != nil {
		return err
	}
	t.scan.add(head)
	wanted := pids
	if len(wanted) > t.cfg.MaxProcesses {
		t.count.evicted.Add(uint64(len(wanted) - t.cfg.MaxProcesses))
		wanted = wanted[:t.cfg.MaxProcesses]
	}
	const batchLen = 128
	names := newNames(t.source, t.guard, math.MaxInt, &t.count.unnamed) // the table's own belong to another goroutine
	for part := range slices.Chunk(wanted, batchLen) {
		b := head
		for _, pid := range part {
			if r, ok := t.readAll(pid, names, boot); ok {
				b.found = append(b.found, r)
			}
		}
		t.scan.add(b)
	}
	head.last, head.pids = true, pids
	t.scan.add(head)
	return nil
}

func (t *Table) readAll(pid int32, names *names, now int64) (reading, bool) {
	f, err := t.source.Process(pid)
	if err != nil {
		t.countUnreadable(err)
		return reading{}, false
	}
	img, err := within(t.guard, func() (procfs.Image, error) { return t.source.Image(pid, f.Start) })
	if err != nil && !errors.Is(err, errBlocked) {
		t.countUnreadable(err)
		return reading{}, false
	}
	if err != nil {
		img.ArgsTruncated = true
	}
	at := place{mountNS: f.MountNS}
	read, _ := t.source.Clock()
	return reading{
		Facts: f, Image: img, at: read, blocked: err != nil,
		user: names.user(pid, at, f.UID, now), group: names.group(pid, at, f.GID, now),
		login: names.login(pid, at, f.LoginUID, now),
	}, true
}

func (t *Table) takeScanned() {
	for _, b := range t.scan.take() {
		if t.offset == 0 {
			t.offset = b.offset
		}
		if t.began == 0 {
			t.began = b.began
		}
		t.now = max(t.now, b.began) // no record may have been applied yet
		for i := range b.found {
			t.merge(&b.found[i], b.pruned)
		}
		if b.last {
			t.finish(&b)
		}
	}
}

// merge adds a scanned process, unless records told of it or of a younger holder of its number.
func (t *Table) merge(r *reading, pruned uint64) {
	if head := t.byPID[r.PID]; head != nil && head.proc.Start >= r.Start {
		return
	}
	// An exit that came while the scan ran has left an exited entry there; unless such entries were forgotten since.
	if t.count.pruned.Load() != pruned {
		if f, err := t.source.Process(r.PID); err != nil || f.Start != r.Start {
			return
		}
	}
	e := &entry{parentStart: unlinked}
	e.proc.PID = r.PID
	t.setStart(e, r.Start, r.Tick)
	t.set(e, r)
	if r.blocked {
		t.blocked(e)
	}
	t.insert(e)
	if r.Dead {
		t.markExited(e)
	}
	t.settle(e)
	if r.PPID != 0 && e.parent == nil || e.proc.SessionName == "" || e.proc.PIDNSStart == 0 {
		t.scan.loose = append(t.scan.loose, e)
	}
	t.limit(e)
}

// settle finds what other processes tell of e.
func (t *Table) settle(e *entry) {
	if p := t.byPID[e.proc.PPID]; e.parent == nil && p != nil {
		t.link(e, p)
	}
	if e.proc.SessionName == "" {
		e.proc.SessionName = t.sessionName(e)
	}
	if start, ok := t.pidns[e.pidns]; ok && e.proc.PIDNSStart == 0 {
		e.proc.PIDNSStart = t.epoch(start)
	}
}

func (t *Table) finish(b *batch) {
	for _, e := range t.scan.loose {
		if !e.removed {
			t.settle(e)
		}
	}
	t.scan.loose = nil
	t.reconcile(b.pids, b.began)
}
