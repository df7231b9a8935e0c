package process

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"
)

// A process whose memory never answers costs one wait, and neither the table nor other processes.
func TestStalledProcess(t *testing.T) {
	w := newWorld(t, Config{})
	w.table.guard.timeout = time.Millisecond
	bad, _ := w.fork(w.tasks[1])
	release := make(chan struct{})
	defer close(release)
	w.stall[bad.pid] = release
	for range 3 {
		got := w.apply(w.does(bad))
		if got.ExePath != "/usr/lib/systemd/systemd" || !got.ArgsTruncated || lineage(got) != "init(100) init(1)" {
			t.Errorf("what the kernel tells without the process: got %+v", got)
		}
	}
	if s := w.table.Stats(); s.Blocked != 1 {
		t.Errorf("waited %d times", s.Blocked)
	}
	good, _ := w.fork(w.tasks[1])
	w.table.guard.timeout = time.Minute
	w.sees(good)
}

// What was not read in time is read later: the machine may have been busy.
func TestStalledForAWhile(t *testing.T) {
	w := newWorld(t, Config{})
	scanned, _ := w.fork(w.tasks[1])
	w.exec(scanned, "java", "-jar", "scanned")
	lacking, fork := w.fork(w.tasks[1])
	w.apply(fork)
	late, _ := w.fork(w.tasks[1])
	release := make(chan struct{})
	for _, task := range []*task{scanned, late, lacking} {
		w.stall[task.pid] = release
	}
	w.table.guard.timeout = time.Millisecond
	delete(w.tasks, late.pid) // the scan does not find it, and its fork record is lost
	w.scan()
	w.tasks[late.pid] = late
	w.exec(late, "java", "-jar", "late")
	exec := w.exec(lacking, "java", "-jar", "lacking")
	exec.Exec.Args = nil
	w.apply(exec)
	for _, task := range []*task{scanned, late, lacking} {
		if got := w.apply(w.does(task)); len(got.Args) != 0 || !got.ArgsTruncated {
			t.Errorf("%d: got %+v", task.pid, got)
		}
	}
	waited := w.table.Stats().Blocked
	w.now += unblockAfter
	for _, task := range []*task{scanned, late, lacking} {
		w.apply(w.does(task))
	}
	if n := w.table.Stats().Blocked - waited; n != 1 {
		t.Errorf("waited %d times in a second for those that still stall", n)
	}
	close(release)
	w.table.guard.timeout = time.Minute
	before := w.table.Stats()
	w.now += unblockAfter
	for _, task := range []*task{scanned, late, lacking} {
		w.now += retryAfter
		w.sees(task)
	}
	if s := w.table.Stats(); s.Blocked != before.Blocked || s.Repaired != before.Repaired {
		t.Errorf("got %+v, before %+v", s, before)
	}
	w.table.consistent(t)
}

func TestGuardBoundsStalledReads(t *testing.T) {
	var blocked atomic.Uint64
	g := newGuard(time.Millisecond, &blocked)
	release := make(chan struct{})
	var begun atomic.Int32
	stuck := func() (int, error) { begun.Add(1); <-release; return 0, nil }
	for range 2 * maxStuck {
		if _, err := within(g, stuck); !errors.Is(err, errBlocked) {
			t.Fatalf("got %v", err)
		}
	}
	close(release)
	if begun.Load() > maxStuck || blocked.Load() != 2*maxStuck {
		t.Errorf("began %d, counted %d", begun.Load(), blocked.Load())
	}
	g.timeout = time.Minute
	for len(g.running) == maxStuck { // until one has returned
		time.Sleep(time.Millisecond)
	}
	if n, err := within(g, func() (int, error) { return 7, nil }); n != 7 || err != nil {
		t.Errorf("got %d, %v", n, err)
	}
}
