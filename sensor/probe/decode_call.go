package probe

import "tiercel.dev/internal/event"

// paths decodes calls whose arguments are one path or two.
func (d *Decoder) paths(raw []byte, ev *event.Event) error {
	v, err := view[bpfPathEvent](raw)
	if err != nil {
		return err
	}
	t := textsOf(raw, &v)
	a := &ev.Args
	a.Flags, a.Mode = v.Flags, v.Mode
	a.DirFD, a.NewDirFD = v.Path.Dirfd, v.NewPath.Dirfd
	a.Path = d.path(&v.Path, &t)
	a.NewPath = d.path(&v.NewPath, &t)
	a.Source = str(t.next(int(v.SourceLen)))
	a.FSType = str(t.next(int(v.FstypeLen)))
	return t.err()
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
	case event.Ptrace:
		a.Request, a.PID = v.Number, v.Pid
	case event.Bpf:
		a.Cmd = int32(v.Number)
	case event.Setuid, event.Setresuid:
		a.UID = v.Uid
	}
	a.Source = str(t.next(int(v.ParamsLen)))
	return t.err()
}
