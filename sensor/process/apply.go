package process

import (
	"strings"

	"tiercel.dev/internal/event"
)

// Apply brings the table up to the record and sets ev.Process, which holds until the next call.
func (t *Table) Apply(ev *event.Event) {
	t.now = ev.Boot
	if ev.Time != 0 {
		t.offset = ev.Time - ev.Boot
	}
	if t.scan.waiting.Load() {
		t.takeScanned()
	}
	if ev.Task.TGID <= 0 {
		t.idle = event.Process{Name: "swapper", LoginUID: -1, UserName: "root", GroupName: "root", LoginName: noName}
		ev.Process = &t.idle
		return
	}
	var e *entry
	switch ev.Kind {
	case event.Fork:
		e = t.fork(ev)
	case event.Exec:
		e = t.exec(ev)
	case event.Exit:
		e = t.exit(ev)
	case event.CgroupPath:
		e = t.beforeRecord(&ev.Task)
	case event.CgroupMove:
		e = t.acting(ev)
		e.proc.CgroupID = ev.Cgroup.ID
	default:
		e = t.acting(ev)
	}
	ev.Process = &e.proc
}

// acting returns the record's process as it now is.
func (t *Table) acting(ev *event.Event) *entry {
	e := t.find(ev.Task.TGID, ev.Task.Start)
	if e == nil {
		e = t.unknown(&ev.Task)
	}
	t.takeOver(e, &ev.Task)
	return e
}

// beforeRecord is for the path of a cgroup, which comes right before the first record from there, with that record's
// facts: if that is an exec, they are ahead of it.
func (t *Table) beforeRecord(task *event.Task) *entry {
	if e := t.find(task.TGID, task.Start); e != nil {
		return e
	}
	return t.unknown(task)
}

// takeOver compares the table with the facts of a record, which an image's every record carries. It runs for every
// event, and does nothing for nearly all of them.
func (t *Table) takeOver(e *entry, task *event.Task) {
	p := &e.proc
	if e.tick != 0 {
		t.setStart(e, task.Start, 0)
	}
	if task.ExecID != p.ExecID || !e.execKnown || e.retryAt != 0 {
		if e.execKnown && task.ExecID < p.ExecID {
			return // from before the present image: a record that another CPU wrote late
		}
		t.reread(e, task)
	}
	e.seen = t.now
	if task.PPID != p.PPID || task.ParentStart != e.parentStart {
		t.reparent(e, task.PPID, task.ParentStart)
	}
	p.CgroupID = task.CgroupID
	p.Caps = task.Caps
	if task.UID != p.UID {
		p.UID = task.UID
		p.UserName = t.userName(e)
	}
	if task.GID != p.GID {
		p.GID = task.GID
		p.GroupName = t.groupName(e)
	}
	if task.Comm != p.Name {
		t.rename(e, task.Comm)
	}
}

// fork adds the child with its parent's facts. For a thread the process is its own.
func (t *Table) fork(ev *event.Event) *entry {
	parent := t.acting(ev)
	if ev.Fork.Thread || ev.Fork.TGID == ev.Task.TGID {
		return parent
	}
	child := t.find(ev.Fork.TGID, ev.Fork.Start)
	switch {
	case child == nil:
		child = &entry{}
	case !child.proc.Partial: // its own records, or the scan, came first
		if !child.execKnown {
			child.proc.ExecID, child.execKnown = ev.Task.ExecID, true
		}
		return child
	}
	fresh := child.proc.PID == 0
	t.inherit(child, parent, &ev.Fork, ev.Task.ExecID)
	if fresh {
		t.insert(child)
	}
	t.link(child, parent)
	child.proc.SessionName = t.sessionName(child)
	if behind := parent.readAt > ev.Fork.Start || parent.proc.ExecID != ev.Task.ExecID; behind || child.proc.Partial {
		// The parent's image is not, or not surely, the one that was forked.
		repaired := t.repair(child, "") // its name may be that of the thread that forked
		t.noteRepaired(child, repaired && (parent.proc.Partial || parent.proc.Repaired))
	}
	t.limit(child)
	return child
}

func (t *Table) inherit(child, parent *entry, f *event.ForkFacts, execID uint64) {
	exited, image, env, exePath, cwd := child.proc.Exited, child.image, child.env, child.exePath, child.cwd
	child.proc = parent.proc
	child.image, child.env = parent.image.share(), parent.env.share()
	child.exePath, child.cwd = parent.exePath.share(), parent.cwd.share()
	t.text.release(image, env, exePath, cwd)

	p := &child.proc
	p.Parent = nil
	if child.parent != nil {
		p.Parent = &child.parent.proc
	}
	p.PID, p.PPID, p.Exited = f.TGID, parent.proc.PID, exited
	p.ExecID = execID
	child.pidns = parent.pidns
	child.parentStart, child.execKnown, child.readAt = parent.proc.Start, true, 0
	child.blocked, child.retryAt = parent.blocked, parent.retryAt
	t.setStart(child, f.Start, 0)
	if f.CgroupID != 0 {
		p.CgroupID = f.CgroupID
	}
	if f.VPID == 1 && parent.proc.VPID != 0 {
		// Number 1 is the first of a new pid namespace, where its process group has no number.
		p.VPGID, p.PIDNSStart, child.pidns = 0, p.StartTime, 0
	}
	p.VPID = f.VPID
}

// exec replaces the image. The record alone describes it: nothing is read, unless the kernel had the arguments' memory
// paged out.
func (t *Table) exec(ev *event.Event) *entry {
	task := &ev.Task
	e := t.find(task.TGID, task.Start)
	switch {
	case e == nil:
		e = t.create(task)
		t.noteMissedFork(e)
	case e.execKnown && task.ExecID < e.proc.ExecID:
		return e // replaced since
	case e.execKnown && task.ExecID > e.proc.ExecID+1:
		t.count.missedExecs.Add(task.ExecID - e.proc.ExecID - 1)
	}
	p, x := &e.proc, &ev.Exec
	t.text.setImage(e, task.Comm, x.Args)
	t.text.setEnv(e, x.Env)
	t.text.setPaths(e, exePath(x), directory(x.CWD))
	p.ArgsTruncated = x.ArgsTruncated
	p.ExecID, e.execKnown, e.readAt, e.retryAt, e.blocked = task.ExecID, true, 0, 0, false
	if p.SID != x.SID {
		p.SessionName = ""
	}
	p.TTY, p.SID, p.PGID, p.VPID, p.VPGID = x.TTY, x.SID, x.PGID, x.VPID, x.VPGID
	p.LoginUID, p.SessionID = x.LoginUID, x.SessionID
	p.UpperLayer, p.Memfd, p.Writable = x.UpperLayer, x.Memfd, x.Writable
	p.Chrooted, p.OtherMount = x.Chrooted, x.OtherMount
	p.ExeIno, p.ExeCtime, p.ExeMtime = x.Ino, x.Ctime, x.Mtime
	if x.PIDNSStart != 0 {
		p.PIDNSStart = t.epoch(x.PIDNSStart)
	}
	p.Repaired, p.Partial = false, false
	if len(x.Args) == 0 {
		t.readArgs(e)
	}
	t.takeOver(e, task)
	t.nameAll(e)
	p.SessionName = t.sessionName(e)
	t.limit(e)
	return e
}

// exit ends a process with its last thread. One that is not known is kept as exited all the same, lest a scan that saw
// it alive, or its own fork record, brings it back.
func (t *Table) exit(ev *event.Event) *entry {
	if !ev.Exit.GroupDead {
		return t.acting(ev)
	}
	e := t.find(ev.Task.TGID, ev.Task.Start)
	if e == nil {
		e = t.create(&ev.Task)
		t.noteMissedFork(e)
		t.count.partial.Add(1)
	}
	t.takeOver(e, &ev.Task)
	t.markExited(e)
	t.limit(e)
	return e
}

// exePath gives the path of an executable the one form that Falco has for it.
func exePath(x *event.ExecFacts) string {
	if !x.Memfd {
		return x.ExePath
	}
	name := strings.TrimSuffix(strings.TrimPrefix(x.ExePath, "/"), " (deleted)")
	if !strings.HasPrefix(name, "memfd:") {
		name = "memfd:" + name
	}
	return name
}

// directory ends in a slash, unless it is not known.
func directory(path string) string {
	if path == "" || strings.HasSuffix(path, "/") {
		return path
	}
	return path + "/"
}
