package probe

import (
	"strings"

	"tiercel.dev/internal/event"
)

// paths decodes calls whose arguments are one path or two.
func (d *Decoder) paths(raw []byte, ev *event.Event) error {
	v, err := view[bpfPathEvent](raw)
	if err != nil {
		return err
	}
	t := textsOf(raw, &v)
	a := &ev.Args
	a.Mode = v.Mode
	a.DirFD, a.NewDirFD = v.Path.Dirfd, v.NewPath.Dirfd
	var base, newBase string
	a.Path, base = d.path(&v.Path, &t)
	a.NewPath, newBase = d.path(&v.NewPath, &t)
	a.Source = str(t.next(int(v.SourceLen)))
	a.FSType = str(t.next(int(v.FstypeLen)))
	switch ev.Kind {
	case event.Mknod, event.Mknodat:
		a.Dev = uint32(v.Flags)
	case event.Truncate:
		a.Length = int64(v.Flags)
	default:
		a.Flags = v.Flags
	}
	switch ev.Kind {
	case event.Unlinkat, event.Mkdirat, event.Mknodat, event.Fchmodat, event.Fchmodat2:
		directory(&v.Path, base, &ev.FD)
	case event.Symlinkat:
		directory(&v.NewPath, newBase, &ev.FD)
		fallthrough
	case event.Symlink:
		a.Path.Name = d.fromLink(a)
	}
	return t.err()
}

// fromLink is what a new symbolic link points at: a relative text begins in the link's directory.
func (d *Decoder) fromLink(a *event.Args) string {
	link := a.NewPath.Name
	if a.Path.Raw == "" || link == "" {
		return ""
	}
	return d.join(link[:strings.LastIndexByte(link, '/')+1], a.Path.Raw)
}

// directory makes the directory that a path starts from the event's descriptor, as in Falco. Without one it is AT_FDCWD,
// and has no name.
func directory(v *bpfPathArg, base string, f *event.FD) {
	f.Valid, f.Num = true, v.Dirfd
	if v.BaseStatus == uint8(event.PathNone) || v.Dirfd < 0 {
		return
	}
	f.Type = event.FDDirectory
	f.Real, f.RealStatus = base, event.PathStatus(min(v.BaseStatus, uint8(event.PathAnonymous)))
	f.Foreign = v.Flags&uint8(bpfPathFlagPATH_FOREIGN) != 0
}

// numbers decodes calls whose arguments are numbers.
func (d *Decoder) numbers(raw []byte, ev *event.Event) error {
	v, err := view[bpfNumberEvent](raw)
	if err != nil {
		return err
	}
	t := textsOf(raw, &v)
	a := &ev.Args
	switch ev.Kind {
	case event.Ptrace, event.Kill:
		a.Request, a.PID = v.Number, v.Pid
	case event.Tkill:
		a.Request, a.TID = v.Number, v.Pid
	case event.Tgkill:
		a.Request, a.PID, a.TID = v.Number, v.Pid, v.Id[0]
	case event.ProcessVMReadv, event.ProcessVMWritev:
		a.PID = v.Pid
	case event.Bpf:
		a.Cmd = int32(v.Number)
	case event.Unshare:
		a.Flags = uint64(v.Number)
	case event.IoUringSetup:
		a.Flags, a.Entries = uint64(v.Number), v.Id
	case event.Setuid, event.Setreuid, event.Setresuid:
		a.UID = v.Id
	case event.Setgid, event.Setregid, event.Setresgid:
		a.GID = v.Id
	}
	a.Source = str(t.next(int(v.ParamsLen)))
	return t.err()
}
