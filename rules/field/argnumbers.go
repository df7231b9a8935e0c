package field

import (
	"fmt"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

// gid shows a group id as the name it has where the process runs, where that is known; see [uid].
func gid(name string, n int) param {
	return param{name: name,
		text: func(ev *event.Event) (string, bool) {
			switch id := ev.Args.GID[n]; {
			case id == -1:
				return "<NONE>", true
			case ev.Process != nil && uint32(id) == ev.Process.GID && ev.Process.GroupName != "":
				return ev.Process.GroupName, true
			case id == 0:
				return "root", true
			}
			return "<NA>", true
		},
		num: func(ev *event.Event) (int64, bool) { return int64(ev.Args.GID[n]), true },
		set: func(b *builder, v string) error {
			switch v {
			case "root":
				return nil
			case "<NONE>":
				b.ev.Args.GID[n] = -1
				return nil
			}
			b.ev.Args.GID[n], b.proc.GID, b.proc.GroupName = testUID, testUID, v
			return nil
		},
	}
}

// capsetParams are what the process has once the call has returned.
func capsetParams() []param {
	same := fieldsByName(procFields())
	out := []param{res}
	for _, name := range []string{"cap_inheritable", "cap_permitted", "cap_effective"} {
		out = append(out, param{name: name, text: same["thread."+name].TextOf})
	}
	return out
}

var signal = symbol("sig", render(signalText), func(a *event.Args) *int64 { return &a.Request }, func(v string) (int64, error) {
	if n := unix.SignalNum(v); n != 0 {
		return int64(n), nil
	}
	n, err := int64Of(v)
	if err != nil {
		return 0, fmt.Errorf("%q is no signal", v)
	}
	return n, nil
})

func signalText(v uint64) string {
	if s := unix.SignalName(unix.Signal(v)); s != "" {
		return s
	}
	return strconv.FormatInt(int64(v), 10)
}

// nodeTypes are the types of a file, of which a mode has one. mknod without one makes a file.
var nodeTypes = []bit{
	{unix.S_IFSOCK, "S_IFSOCK"}, {unix.S_IFREG, "S_IFREG"}, {unix.S_IFBLK, "S_IFBLK"}, {unix.S_IFCHR, "S_IFCHR"}, {unix.S_IFIFO, "S_IFIFO"},
}

func nodeText(v uint64) string {
	node := v & unix.S_IFMT
	if node == 0 {
		node = unix.S_IFREG
	}
	i := slices.IndexFunc(nodeTypes, func(t bit) bool { return t.mask == node })
	if i < 0 {
		return named(permissionBits, v)
	}
	if rest := named(permissionBits, v&^unix.S_IFMT); rest != "0" {
		return nodeTypes[i].name + "|" + rest
	}
	return nodeTypes[i].name
}

var nodeDev = func() param {
	num := func(ev *event.Event) (int64, bool) { return int64(ev.Args.Dev), true }
	return param{name: "dev", text: decimal(num), num: num,
		set: func(b *builder, v string) error { return parse(v, uint32Of, &b.ev.Args.Dev) }}
}()

var length = func() param {
	num := func(ev *event.Event) (int64, bool) { return ev.Args.Length, true }
	return param{name: "length", text: decimal(num), num: num,
		set: func(b *builder, v string) error { return parse(v, int64Of, &b.ev.Args.Length) }}
}()

// linkTarget is the text that a symbolic link holds, and not the path that it leads to.
var linkTarget = param{name: "target",
	text: func(ev *event.Event) (string, bool) { return ev.Args.Path.Raw, ev.Args.Path.Raw != "" },
	set: func(b *builder, v string) error {
		b.ev.Args.Path = event.Path{Raw: v, Name: v}
		return nil
	},
}

// treePath is the path of open_tree, which makes a descriptor of it as open does.
var treePath = param{name: "path", text: openName.text, set: openName.set}

// handlePath is the path that the kernel has for a file opened by its handle: the call has none.
var handlePath = param{name: "path",
	text: func(ev *event.Event) (string, bool) { return ev.FD.Real, ev.FD.Real != "" },
	set: func(b *builder, v string) error {
		b.fd, b.ev.FD.Real, b.ev.FD.RealStatus = true, v, event.PathResolved
		return nil
	}}

var mountAttributes = func() param {
	texts := renderBits(attributeBits)
	return param{name: "attr_flags",
		text: func(ev *event.Event) (string, bool) { return texts.of(uint64(ev.Args.Mode)), true },
		num:  func(ev *event.Event) (int64, bool) { return int64(ev.Args.Mode), true },
		set: func(b *builder, v string) error {
			n, err := parseBits(attributeBits, v)
			b.ev.Args.Mode = uint32(n)
			return err
		}}
}()

// hexFlags are flags of a call that has none yet.
var hexFlags = flags(nil)
