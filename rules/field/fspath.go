package field

import "tiercel.dev/internal/event"

var (
	// onePath are the calls on one path that is an argument, besides those that make a descriptor of it.
	onePath = kindSet(event.Unlink, event.Unlinkat, event.Rmdir, event.Mkdir, event.Mkdirat, event.Mknod, event.Mknodat, event.Chmod,
		event.Fchmodat, event.Fchmodat2, event.Truncate, event.Umount, event.Umount2)
	// opensPath are those that make a descriptor.
	opensPath = openKinds.Union(kindSet(event.Creat))
	// twoPaths are the calls on two.
	twoPaths = kindSet(event.Rename, event.Renameat, event.Renameat2, event.Link, event.Linkat, event.Symlink, event.Symlinkat)
)

func fsPathFields() []Field {
	one := func(ev *event.Event) event.Path {
		switch {
		case opensPath.Has(ev.Kind):
			return ev.FD.Path
		case onePath.Has(ev.Kind):
			return ev.Args.Path
		}
		return event.Path{}
	}
	source := func(ev *event.Event) event.Path {
		if twoPaths.Has(ev.Kind) {
			return ev.Args.Path
		}
		return event.Path{}
	}
	target := func(ev *event.Event) event.Path {
		if twoPaths.Has(ev.Kind) {
			return ev.Args.NewPath
		}
		return event.Path{}
	}
	named := func(p event.Path) string { return p.Name }
	raw := func(p event.Path) string { return p.Raw }
	all := onePath.Union(opensPath)
	return []Field{
		fsPath("fs.path.name", all, "The path that a call works on, absolute. Missing for calls on two paths.", one, named),
		fsPath("fs.path.nameraw", all, "fs.path.name as the program gave it.", one, raw),
		fsPath("fs.path.source", twoPaths, "rename, link: the old path, absolute; symlink: what the link points to.", source, named),
		fsPath("fs.path.sourceraw", twoPaths, "fs.path.source as the program gave it.", source, raw),
		fsPath("fs.path.target", twoPaths, "rename, link: the new path, absolute; symlink: the link.", target, named),
		fsPath("fs.path.targetraw", twoPaths, "fs.path.target as the program gave it.", target, raw),
	}
}

func fsPath(name string, kinds event.KindSet, doc string, of func(*event.Event) event.Path, text func(event.Path) string) Field {
	return Field{Name: name, Type: Text, Kinds: kinds, Exact: true, Doc: doc, TextOf: func(ev *event.Event) (string, bool) {
		s := text(of(ev))
		return s, s != ""
	}}
}
