package process

import "time"

// limit brings the table back within its bounds: first it forgets the exited, then what /proc no longer has, then the
// processes that have been silent for longest. keep is the process of the present record.
func (t *Table) limit(keep *entry) {
	horizon := t.now - int64(t.cfg.ExitedFor)
	for e := t.exited.head; e != nil && e != keep; e = t.exited.head {
		if e.seen >= horizon && t.count.exited.Load() <= int64(t.cfg.MaxExited) && !t.over() {
			break
		}
		t.prune(e)
	}
	if t.over() {
		t.shrink(keep)
	}
	t.count.text.Store(t.text.bytes())
}

func (t *Table) over() bool {
	held := t.count.live.Load() + t.count.exited.Load()
	return held > int64(t.cfg.MaxProcesses) || t.text.bytes() > t.cfg.MaxTextBytes
}

func (t *Table) shrink(keep *entry) {
	const reconcileEvery = int64(10 * time.Second)
	if t.now >= t.reconcileAt {
		t.reconcileAt = t.now + reconcileEvery
		if pids, err := t.source.PIDs(); err == nil {
			t.reconcile(pids, t.now)
		}
		for e := t.exited.head; e != nil && e != keep && t.over(); e = t.exited.head {
			t.prune(e)
		}
	}
	for t.over() {
		victim := t.victim(keep)
		if victim == nil {
			return
		}
		t.remove(victim)
		t.count.evicted.Add(1)
	}
}

// victim picks, of a few processes, one without children before one with, and the longest silent of these. The map's
// random order makes the sample.
func (t *Table) victim(keep *entry) *entry {
	const sample = 16
	var worst *entry
	looked := 0
	for _, e := range t.byPID {
		if e == keep || e == keep.parent || e.proc.Exited {
			continue
		}
		if worst == nil || e.lessWorthThan(worst) {
			worst = e
		}
		if looked++; looked == sample {
			break
		}
	}
	return worst
}

func (e *entry) lessWorthThan(o *entry) bool {
	if (e.children == nil) != (o.children == nil) {
		return e.children == nil
	}
	return e.seen < o.seen
}

// reconcile marks as exited what is not among the numbers that /proc listed at boot time at, or later: their exit records
// were lost, or are still on their way.
func (t *Table) reconcile(pids []int32, at int64) {
	// A process gets its start time a little before /proc lists it.
	const settling = int64(time.Second)
	alive := make(map[int32]bool, len(pids))
	for _, pid := range pids {
		alive[pid] = true
	}
	for pid, e := range t.byPID {
		if !alive[pid] && !e.proc.Exited && e.proc.Start < at-settling {
			t.count.missedExits.Add(1)
			t.markExited(e)
		}
	}
}
