package probe

import "tiercel.dev/internal/event"

// tree decodes calls on mounts that have descriptors, and chroot.
func (d *Decoder) tree(raw []byte, ev *event.Event) error {
	v, err := view[bpfTreeEvent](raw)
	if err != nil {
		return err
	}
	t := textsOf(raw, &v)
	a, f := &ev.Args, &ev.FD
	a.Flags, a.Mode = v.Flags, v.Attributes
	a.DirFD, a.NewDirFD = v.Path.Dirfd, v.NewPath.Dirfd
	var base string
	a.Path, base = d.path(&v.Path, &t)
	a.NewPath, _ = d.path(&v.NewPath, &t)
	a.FSType = str(t.next(int(v.FstypeLen)))
	a.Source = str(t.next(int(v.SourceLen)))
	if v.Fd >= 0 {
		f.Valid, f.Num, f.Type = true, v.Fd, event.FDOther
	}
	if v.File.Mode != 0 {
		d.file(&v.File, &t, f)
	}
	switch ev.Kind {
	case event.Fsconfig:
		a.Key, a.FSType = a.FSType, ""
		a.Cmd, a.NewFD = v.Command, v.Aux
	case event.MoveMount:
		if f.Valid { // what is moved is the descriptor's, and the path that of its place
			a.Path.Name = ""
			f.Real = base
		}
	case event.OpenTree:
		f.Path, a.Path = a.Path, event.Path{}
	}
	return t.err()
}
