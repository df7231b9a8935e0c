package capture

import (
	"strconv"

	"tiercel.dev/internal/event"
)

// refs are what an event refers to, by the numbers of this capture.
type refs struct{ process, container uint64 }

// event codes ev without what it refers to.
func (c *coder) event(ev *event.Event, r *refs) {
	unsigned(c, 1, &ev.Kind)
	unsigned(c, 2, &r.process)
	unsigned(c, 3, &r.container)
	unsigned(c, 4, &ev.CPU)
	unsigned(c, 5, &ev.Num)
	unsigned(c, 6, &ev.Seq)
	signed(c, 7, &ev.Boot)
	signed(c, 8, &ev.Time)
	signed(c, 9, &ev.Ret)
	c.count(10, &ev.Redacted)
	unsigned(c, 24, &ev.Via)
	c.task(&ev.Task)
	c.arguments(&ev.Args)
	c.descriptor(&ev.FD)
	c.message(&ev.Message)
	c.exec(&ev.Exec)
	c.fork(&ev.Fork)
	c.flag(118, &ev.Exit.GroupDead)
	unsigned(c, 119, &ev.Cgroup.ID)
	c.text(120, &ev.Cgroup.Path)
	c.flag(121, &ev.Cgroup.Cut)
}

func (c *coder) task(t *event.Task) {
	signed(c, 11, &t.TGID)
	signed(c, 12, &t.TID)
	signed(c, 13, &t.PPID)
	signed(c, 14, &t.Start)
	signed(c, 15, &t.ParentStart)
	unsigned(c, 16, &t.ExecID)
	unsigned(c, 17, &t.CgroupID)
	unsigned(c, 18, &t.UID)
	unsigned(c, 19, &t.GID)
	c.caps(20, &t.Caps)
	c.text(23, &t.Comm)
}

// caps takes three numbers from field on.
func (c *coder) caps(field int, s *event.Caps) {
	unsigned(c, field, &s.Effective)
	unsigned(c, field+1, &s.Permitted)
	unsigned(c, field+2, &s.Inheritable)
}

// path takes two numbers from field on.
func (c *coder) path(field int, p *event.Path) {
	c.text(field, &p.Raw)
	c.text(field+1, &p.Name)
}

func (c *coder) arguments(a *event.Args) {
	unsigned(c, 30, &a.Flags)
	unsigned(c, 31, &a.Mode)
	c.path(32, &a.Path)
	c.path(34, &a.NewPath)
	c.text(36, &a.Source)
	c.text(37, &a.FSType)
	signed(c, 38, &a.Request)
	signed(c, 39, &a.PID)
	signed(c, 40, &a.Cmd)
	signed(c, 41, &a.UID[0])
	signed(c, 42, &a.UID[1])
	signed(c, 43, &a.UID[2])
	signed(c, 44, &a.OldFD)
	signed(c, 45, &a.NewFD)
	signed(c, 46, &a.DirFD)
	signed(c, 47, &a.NewDirFD)
	signed(c, 48, &a.Backlog)
	unsigned(c, 102, &a.Dev)
	signed(c, 103, &a.TID)
	signed(c, 104, &a.GID[0])
	signed(c, 105, &a.GID[1])
	signed(c, 106, &a.GID[2])
	signed(c, 107, &a.Length)
	signed(c, 49, &a.Domain)
	signed(c, 50, &a.SockType)
	signed(c, 51, &a.Protocol)
	c.text(108, &a.Key)
	signed(c, 109, &a.Entries[0])
	signed(c, 116, &a.Entries[1])
	signed(c, 117, &a.Entries[2])
}

func (c *coder) descriptor(fd *event.FD) {
	c.flag(55, &fd.Valid)
	signed(c, 56, &fd.Num)
	unsigned(c, 57, &fd.Type)
	c.path(58, &fd.Path)
	c.text(60, &fd.Real)
	unsigned(c, 61, &fd.RealStatus)
	c.flag(62, &fd.Foreign)
	c.text(63, &fd.FSPath)
	unsigned(c, 64, &fd.Dev)
	unsigned(c, 65, &fd.Ino)
	unsigned(c, 66, &fd.L4)
	c.address(67, &fd.Local)
	c.address(68, &fd.Remote)
	c.address(69, &fd.Asked)
	c.text(70, &fd.Unix)
	unsigned(c, 71, &fd.Role)
	c.flag(72, &fd.Connected)
	c.flag(73, &fd.NameChanged)
	c.text(74, &fd.UnixLocal)
	c.text(75, &fd.UnixRemote)
}

func (c *coder) message(m *event.Message) {
	unsigned(c, 76, &m.Size)
	c.text(77, &m.Data)
	c.count(78, &m.PassedCount)
	c.passed(79, &m.Passed)
}

// passed codes each descriptor as six strings.
func (c *coder) passed(field int, p *[]event.PassedFD) {
	const parts = 6
	var list []string
	if !c.reading {
		for _, d := range *p {
			list = append(list, strconv.Itoa(int(d.Num)), strconv.Itoa(int(d.Type)), d.Real, strconv.FormatBool(d.Foreign),
				strconv.FormatUint(uint64(d.Dev), 10), strconv.FormatUint(d.Ino, 10))
		}
	}
	c.list(field, &list)
	if !c.reading {
		return
	}
	*p = nil
	if len(list)%parts != 0 {
		c.fail("field %d: a descriptor has too few strings", field)
		return
	}
	number := func(s string, bits int) uint64 {
		n, err := strconv.ParseUint(s, 10, bits)
		if err != nil {
			c.fail("field %d: %w", field, err)
		}
		return n
	}
	for ; len(list) > 0; list = list[parts:] {
		num, err := strconv.ParseInt(list[0], 10, 32)
		if err != nil {
			c.fail("field %d: %w", field, err)
		}
		*p = append(*p, event.PassedFD{Num: int32(num), Type: event.FDType(number(list[1], 8)), Real: list[2],
			Foreign: list[3] == "true", Dev: uint32(number(list[4], 32)), Ino: number(list[5], 64)})
	}
}

func (c *coder) exec(x *event.ExecFacts) {
	c.bytes(80, &x.Args)
	c.bytes(81, &x.Env)
	c.flag(82, &x.ArgsTruncated)
	c.flag(83, &x.EnvTruncated)
	c.text(84, &x.Filename)
	c.text(85, &x.ExePath)
	c.text(86, &x.CWD)
	signed(c, 87, &x.OldTID)
	unsigned(c, 88, &x.TTY)
	signed(c, 89, &x.SID)
	signed(c, 90, &x.PGID)
	signed(c, 91, &x.VPID)
	signed(c, 92, &x.VPGID)
	signed(c, 93, &x.LoginUID)
	signed(c, 94, &x.SessionID)
	unsigned(c, 95, &x.UpperLayer)
	c.flag(96, &x.Memfd)
	c.flag(97, &x.Writable)
	unsigned(c, 98, &x.Ino)
	signed(c, 99, &x.Ctime)
	signed(c, 100, &x.Mtime)
	signed(c, 101, &x.PIDNSStart)
	c.flag(122, &x.Chrooted)
	c.flag(123, &x.OtherMount)
}

func (c *coder) fork(f *event.ForkFacts) {
	signed(c, 110, &f.TGID)
	signed(c, 111, &f.TID)
	signed(c, 112, &f.Start)
	signed(c, 113, &f.VPID)
	unsigned(c, 114, &f.CgroupID)
	c.flag(115, &f.Thread)
}
