package process

import (
	"errors"
	"strings"

	"tiercel.dev/internal/event"
	"tiercel.dev/sensor/process/procfs"
)

// create adds a process of which only a record's facts are known.
func (t *Table) create(task *event.Task) *entry {
	e := &entry{parentStart: unlinked, execKnown: true}
	p := &e.proc
	p.PID, p.ExecID, p.UID, p.GID, p.CgroupID = task.TGID, task.ExecID, task.UID, task.GID, task.CgroupID
	p.Caps, p.LoginUID, p.SessionID, p.Partial = task.Caps, -1, -1, true
	t.setStart(e, task.Start, 0)
	t.text.setImage(e, task.Comm, nil)
	t.insert(e)
	t.nameAll(e)
	return e
}

// unknown learns of a process whose fork was not seen: it is older than the table, or the record was lost.
func (t *Table) unknown(task *event.Task) *entry {
	e, err := t.read(task.TGID, task.Start, 0)
	if e != nil && !t.sameImage(e, task.Comm) {
		t.count.partial.Add(1)
		t.forgetImage(e)
		e.proc.Repaired = false
	}
	if e == nil {
		e = t.create(task)
		t.noteMissedFork(e)
		t.count.partial.Add(1)
		if errors.Is(err, procfs.ErrGone) {
			t.markExited(e)
		} else {
			e.retryAt = t.now + retryAfter
		}
	}
	t.limit(e)
	return e
}

// discover finds a process that records name as a parent. nil if nothing can be learned of it.
func (t *Table) discover(pid int32, start int64) *entry {
	e, _ := t.read(pid, start, 0)
	return e
}

// read adds a process from /proc, with its ancestors. A start of 0 stands for whichever process has the number.
func (t *Table) read(pid int32, start int64, depth int) (*entry, error) {
	f, err := t.source.Process(pid)
	if err != nil {
		t.countUnreadable(err)
		return nil, err
	}
	if start != 0 && start-start%f.Tick != f.Start {
		return nil, procfs.ErrGone // another process has the number
	}
	if known := t.findFacts(&f); known != nil {
		return known, nil
	}
	e := &entry{parentStart: unlinked}
	e.proc.PID = pid
	t.setStart(e, f.Start, f.Tick)
	if err := t.fill(e, f); err != nil {
		return nil, err
	}
	if start != 0 {
		t.setStart(e, start, 0)
	}
	t.insert(e)
	if f.Dead {
		t.markExited(e)
	}
	missed := t.noteMissedFork(e)
	switch {
	case e.proc.Partial:
		t.count.partial.Add(1)
	case missed:
		t.noteRepaired(e, true)
	}
	t.link(e, t.parentOf(f, depth+1))
	return e, nil
}

func (t *Table) findFacts(f *procfs.Facts) *entry {
	e := t.byPID[f.PID]
	for e != nil && !e.startedAtTick(f.Start, f.Tick) {
		e = e.older
	}
	return e
}

// parentOf finds the parent that /proc names, which it does by number alone.
func (t *Table) parentOf(f procfs.Facts, depth int) *entry {
	if f.PPID == 0 || depth > event.MaxAncestors {
		return nil
	}
	if head := t.byPID[f.PPID]; head != nil && !head.proc.Exited {
		return head
	}
	p, err := t.read(f.PPID, 0, depth)
	if err != nil {
		return nil
	}
	return p
}

// fill takes over what /proc says of a process.
func (t *Table) fill(e *entry, f procfs.Facts) error {
	img, err := within(t.guard, func() (procfs.Image, error) { return t.source.Image(f.PID, f.Start) })
	if err != nil && !errors.Is(err, errBlocked) {
		t.countUnreadable(err)
		return err
	}
	if err != nil {
		img.ArgsTruncated = true // at their first byte
	}
	if err != nil {
		t.blocked(e)
	}
	now, _ := t.source.Clock()
	at := place{mountNS: f.MountNS}
	t.set(e, &reading{
		Facts: f, Image: img, at: now,
		user:  t.names.user(f.PID, at, f.UID, t.now),
		group: t.names.group(f.PID, at, f.GID, t.now),
		login: t.names.login(f.PID, at, f.LoginUID, t.now),
	})
	return nil
}

// reading is all that was read of one process.
type reading struct {
	procfs.Facts
	procfs.Image
	at                 int64 // ns since boot
	blocked            bool  // the image was not read in time
	user, group, login string
}

// whole reports whether the image is among it. Of a process that is about to end only the kernel's facts are left.
func (r *reading) whole() bool {
	return r.Kernel || r.ExePath != "" || len(r.Args) != 0 || r.ArgsTruncated
}

func (t *Table) set(e *entry, r *reading) {
	t.text.setImage(e, r.Name, r.Args)
	t.text.setEnv(e, r.Env)
	t.text.setPaths(e, r.ExePath, directory(r.CWD))
	e.readAt = r.at
	p := &e.proc
	p.ArgsTruncated = r.ArgsTruncated
	p.Partial = !r.whole()
	if p.SID != r.SID {
		p.SessionName = ""
	}
	p.TTY, p.SID, p.PGID, p.VPID, p.VPGID = r.TTY, r.SID, r.PGID, r.VPID, r.VPGID
	p.UID, p.GID, p.LoginUID, p.SessionID, p.Caps = r.UID, r.GID, r.LoginUID, r.SessionID, r.Caps
	p.UserName, p.GroupName, p.LoginName = r.user, r.group, r.login
	p.UpperLayer, p.Memfd, p.Writable = event.TriUnknown, r.Memfd, false
	p.Chrooted, p.OtherMount = false, false
	p.ExeIno, p.ExeCtime, p.ExeMtime = r.Ino, r.Ctime, r.Mtime
	if e.parent == nil {
		p.PPID = r.PPID
	}
	p.SessionName = t.sessionName(e)
	t.setPIDNS(e, r.PIDNS)
}

// setPIDNS finds the start of the namespace's first process, which /proc does not tell of the others.
func (t *Table) setPIDNS(e *entry, inode uint64) {
	const most = 4096 // namespaces; of further ones the start stays unknown
	e.pidns = inode
	if inode == 0 {
		return
	}
	if e.proc.VPID == 1 && len(t.pidns) < most {
		t.pidns[inode] = e.proc.Start
	}
	if start, ok := t.pidns[inode]; ok {
		e.proc.PIDNSStart = t.epoch(start)
	}
}

// sessionName is the name of the session's leader: its number is the session's, which the kernel gives to no other
// process while the session has members. Of a leader that is forgotten the name stays.
func (t *Table) sessionName(e *entry) string {
	p := &e.proc
	if p.SID == p.PID {
		return p.Name
	}
	if leader := t.byPID[p.SID]; leader != nil {
		return leader.proc.Name
	}
	if e.parent != nil && e.parent.proc.SID == p.SID {
		return e.parent.proc.SessionName
	}
	return p.SessionName
}

// rename takes over another name (prctl, /proc/PID/comm).
func (t *Table) rename(e *entry, comm string) {
	t.text.rename(e, strings.Clone(comm))
	if e.proc.SID == e.proc.PID {
		e.proc.SessionName = e.proc.Name
	}
}

// setStart sets the start, which is exact unless tick says what it is rounded down to.
func (t *Table) setStart(e *entry, start, tick int64) {
	e.tick = tick
	e.proc.Start, e.proc.StartTime = start, t.epoch(start)
}

// epoch turns ns since boot into ns since the epoch.
func (t *Table) epoch(boot int64) int64 {
	if t.offset == 0 {
		return 0
	}
	return boot + t.offset
}

// noteMissedFork counts a process whose fork record should have come first, and reports whether it should have.
func (t *Table) noteMissedFork(e *entry) bool {
	missed := t.began != 0 && e.proc.Start >= t.began
	if missed {
		t.count.missedForks.Add(1)
	}
	return missed
}

func (t *Table) countUnreadable(err error) {
	if !errors.Is(err, procfs.ErrGone) && !errors.Is(err, errBlocked) && !errors.Is(err, procfs.ErrPIDNamespace) {
		t.count.unreadable.Add(1)
	}
}
