package capture

import (
	"slices"

	"tiercel.dev/internal/event"
)

// process codes p under the number ref, with its parent's number in place of the parent.
func (c *coder) process(p *event.Process, ref, parent *uint64) {
	unsigned(c, 1, ref)
	unsigned(c, 2, parent)
	signed(c, 3, &p.PID)
	signed(c, 4, &p.PPID)
	signed(c, 5, &p.Start)
	signed(c, 6, &p.StartTime)
	unsigned(c, 7, &p.ExecID)
	c.text(8, &p.Name)
	c.text(9, &p.Exe)
	c.text(10, &p.ExePath)
	c.list(11, &p.Args)
	c.text(12, &p.ArgsText)
	c.text(13, &p.CmdLine)
	c.list(14, &p.Env)
	c.flag(15, &p.ArgsTruncated)
	c.text(16, &p.CWD)
	unsigned(c, 17, &p.TTY)
	signed(c, 18, &p.SID)
	signed(c, 19, &p.PGID)
	signed(c, 20, &p.VPID)
	signed(c, 21, &p.VPGID)
	c.text(22, &p.SessionName)
	unsigned(c, 23, &p.UID)
	unsigned(c, 24, &p.GID)
	c.text(25, &p.UserName)
	c.text(26, &p.GroupName)
	signed(c, 27, &p.LoginUID)
	c.text(28, &p.LoginName)
	signed(c, 29, &p.SessionID)
	c.caps(30, &p.Caps)
	unsigned(c, 33, &p.UpperLayer)
	c.flag(34, &p.Memfd)
	c.flag(35, &p.Writable)
	unsigned(c, 36, &p.ExeIno)
	signed(c, 37, &p.ExeCtime)
	signed(c, 38, &p.ExeMtime)
	signed(c, 39, &p.PIDNSStart)
	c.flag(40, &p.Exited)
	c.flag(41, &p.Repaired)
	c.flag(42, &p.Partial)
	c.count(43, &p.Redacted)
	unsigned(c, 44, &p.CgroupID)
	c.text(45, &p.ContainerID)
	c.flag(46, &p.Chrooted)
	c.flag(47, &p.OtherMount)
}

// same reports whether a and b say the same of a process, but for their parents. It is asked for the process of every
// event and each of its ancestors, hence the order: what changes comes first, and strings that are one string compare
// by their address.
func same(a, b *event.Process) bool {
	return a.ExecID == b.ExecID && a.UID == b.UID && a.GID == b.GID && a.Caps == b.Caps && a.Exited == b.Exited &&
		a.Name == b.Name && a.CWD == b.CWD && a.PPID == b.PPID && a.CgroupID == b.CgroupID &&
		a.SID == b.SID && a.PGID == b.PGID && a.TTY == b.TTY && a.Repaired == b.Repaired && a.Partial == b.Partial &&
		a.PID == b.PID && a.Start == b.Start && a.StartTime == b.StartTime &&
		a.VPID == b.VPID && a.VPGID == b.VPGID && a.LoginUID == b.LoginUID && a.SessionID == b.SessionID &&
		a.UpperLayer == b.UpperLayer && a.Memfd == b.Memfd && a.Writable == b.Writable && a.ArgsTruncated == b.ArgsTruncated &&
		a.Chrooted == b.Chrooted && a.OtherMount == b.OtherMount &&
		a.ExeIno == b.ExeIno && a.ExeCtime == b.ExeCtime && a.ExeMtime == b.ExeMtime && a.PIDNSStart == b.PIDNSStart &&
		a.Redacted == b.Redacted && sameTexts(a, b)
}

func sameTexts(a, b *event.Process) bool {
	return a.Exe == b.Exe && a.ExePath == b.ExePath && a.ArgsText == b.ArgsText && a.CmdLine == b.CmdLine &&
		a.SessionName == b.SessionName && a.UserName == b.UserName && a.GroupName == b.GroupName &&
		a.LoginName == b.LoginName && a.ContainerID == b.ContainerID &&
		slices.Equal(a.Args, b.Args) && slices.Equal(a.Env, b.Env)
}
