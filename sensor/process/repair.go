package process

import (
	"errors"
	"time"

	"tiercel.dev/internal/event"
	"tiercel.dev/sensor/process/procfs"
)

// retryAfter is how long a process that could not be read, though it lives, is left alone.
const retryAfter = int64(time.Second)

// reread is for records that the table does not agree with on the image, and for a process that could not be read before.
func (t *Table) reread(e *entry, task *event.Task) {
	p := &e.proc
	switch {
	case !e.execKnown:
		// The scan does not see which image it read. Another name tells that there may have been an exec since.
		if task.Comm != p.Name {
			t.repair(e, task.Comm)
		}
		p.ExecID, e.execKnown = task.ExecID, true
	case task.ExecID > p.ExecID:
		t.count.missedExecs.Add(task.ExecID - p.ExecID)
		p.ExecID = task.ExecID
		t.noteRepaired(e, t.repair(e, task.Comm))
	case e.blocked:
		t.unblock(e)
	case t.now >= e.retryAt:
		t.noteRepaired(e, t.repair(e, task.Comm))
	}
}

// noteRepaired marks a process that was read since a record was lost.
func (t *Table) noteRepaired(e *entry, repaired bool) {
	e.proc.Repaired = repaired
	if repaired {
		t.count.repaired.Add(1)
	}
}

// repair replaces what is known of a process's image by what /proc says, or by nothing. It reports which. name is the
// record's for the image, "" if it has none.
func (t *Table) repair(e *entry, name string) bool {
	p := &e.proc
	wasPartial := p.Partial
	err := procfs.ErrGone
	e.retryAt, e.blocked = 0, false
	if !p.Exited {
		err = t.refresh(e)
	}
	if err == nil && !p.Partial && t.sameImage(e, name) {
		return true
	}
	if err != nil && !errors.Is(err, procfs.ErrGone) {
		e.retryAt = t.now + retryAfter
	}
	if !wasPartial {
		t.count.partial.Add(1)
	}
	t.forgetImage(e)
	return false
}

// sameImage reports whether what was read can be the image of a record. /proc is ahead of the records, and may show the
// next image already; the name tells, but for a process that changed only that, and it will be asked for again.
func (t *Table) sameImage(e *entry, name string) bool {
	if name == "" || name == e.proc.Name || e.proc.Exe == "" {
		return true
	}
	e.retryAt = t.now + retryAfter
	return false
}

func (t *Table) forgetImage(e *entry) {
	p := &e.proc
	p.Partial = true
	t.text.setImage(e, p.Name, nil)
	t.text.setEnv(e, nil)
	t.text.setPaths(e, "", p.CWD)
	p.ArgsTruncated, p.UpperLayer, p.Memfd, p.Writable = false, event.TriUnknown, false, false
	p.Chrooted, p.OtherMount = false, false
	p.ExeIno, p.ExeCtime, p.ExeMtime = 0, 0, 0
}

// refresh reads a known process anew.
func (t *Table) refresh(e *entry) error {
	f, err := t.source.Process(e.proc.PID)
	if err == nil && !e.startedAtTick(f.Start, f.Tick) {
		err = procfs.ErrGone
	}
	if err != nil {
		t.countUnreadable(err)
		return err
	}
	return t.fill(e, f)
}

// readArgs asks for the arguments that an exec record lacks.
func (t *Table) readArgs(e *entry) {
	p := &e.proc
	img, err := t.image(e)
	if err != nil {
		p.ArgsTruncated = true // at their first byte
		if errors.Is(err, errBlocked) {
			t.blocked(e)
		}
		return
	}
	t.text.setImage(e, p.Name, img.Args)
	p.ArgsTruncated = img.ArgsTruncated
	t.noteRepaired(e, len(img.Args) != 0) // before Linux 5.18 a program may have none
}

// image reads the image that a process has, if it still has it.
func (t *Table) image(e *entry) (img procfs.Image, err error) {
	f, err := t.source.Process(e.proc.PID)
	if err == nil && (!e.startedAtTick(f.Start, f.Tick) || f.Name != e.proc.Name) {
		err = procfs.ErrGone // or has another image by now
	}
	if err == nil {
		img, err = within(t.guard, func() (procfs.Image, error) { return t.source.Image(f.PID, f.Start) })
	}
	if err != nil {
		t.countUnreadable(err)
	}
	return img, err
}

// unblockAfter is how long an image that could not be read in time is left alone. A busy machine is a reason too, and
// must not leave a process without arguments for as long as it lives.
const unblockAfter = int64(10 * time.Second)

func (t *Table) blocked(e *entry) {
	e.blocked, e.retryAt = true, t.now+unblockAfter
}

// unblock tries again what was blocked: one process in a second, so that those who stall their readers cost no more.
func (t *Table) unblock(e *entry) {
	if t.now < e.retryAt || t.now < t.unblockAt {
		return
	}
	t.unblockAt = t.now + retryAfter
	img, err := t.image(e)
	if errors.Is(err, errBlocked) {
		t.blocked(e)
		return
	}
	e.blocked, e.retryAt = false, 0
	if err != nil {
		return
	}
	p := &e.proc
	t.text.setImage(e, p.Name, img.Args)
	p.ArgsTruncated = img.ArgsTruncated
	if p.ExeIno == 0 { // an exec record told the rest
		t.text.setEnv(e, img.Env)
		p.ExeIno, p.ExeCtime, p.ExeMtime = img.Ino, img.Ctime, img.Mtime
	}
	t.limit(e)
}
