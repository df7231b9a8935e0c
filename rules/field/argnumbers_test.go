package field

import (
	"testing"

	"tiercel.dev/internal/event"
)

// The texts of arguments, as Falco has them.
func TestCallArguments(t *testing.T) {
	for _, test := range []struct {
		ev   event.Event
		want string
	}{
		{event.Event{Kind: event.Symlinkat, Args: event.Args{Path: event.Path{Raw: "../etc", Name: "/etc"}, NewDirFD: 5, NewPath: event.Path{Raw: "l", Name: "/tmp/l"}}},
			"res=0 target=../etc linkdirfd=5 linkpath=/tmp/l"},
		{event.Event{Kind: event.Linkat, Ret: -17, Args: event.Args{DirFD: -100, NewDirFD: -100, Path: event.Path{Name: "/etc/shadow"}, NewPath: event.Path{Name: "/tmp/s"}, Flags: 0x1400}},
			"res=EEXIST olddir=AT_FDCWD oldpath=/etc/shadow newdir=AT_FDCWD newpath=/tmp/s flags=AT_SYMLINK_FOLLOW|AT_EMPTY_PATH"},
		{event.Event{Kind: event.Mkdir, Args: event.Args{Path: event.Path{Name: "/d"}, Mode: 0o1750}}, "res=0 path=/d mode=01750"},
		{event.Event{Kind: event.Mknod, Args: event.Args{Path: event.Path{Name: "/dev/x"}, Mode: 0o20600, Dev: 0x103}},
			"res=0 path=/dev/x mode=S_IFCHR|S_IRUSR|S_IWUSR dev=259"},
		{event.Event{Kind: event.Mknodat, Args: event.Args{DirFD: 4, Path: event.Path{Name: "/x"}, Mode: 0}}, "res=0 dirfd=4 path=/x mode=S_IFREG dev=0"},
		{event.Event{Kind: event.Umount2, Args: event.Args{Path: event.Path{Name: "/proc"}, Flags: 10}}, "res=0 name=/proc flags=DETACH|NOFOLLOW"},
		{event.Event{Kind: event.Truncate, Args: event.Args{Path: event.Path{Name: "/var/log/x"}, Length: 0}}, "res=0 path=/var/log/x length=0"},
		{event.Event{Kind: event.Unshare, Args: event.Args{Flags: 0x10020000}}, "res=0 flags=CLONE_NEWNS|CLONE_NEWUSER"},
		{event.Event{Kind: event.ProcessVMWritev, Ret: 8, Args: event.Args{PID: 77}}, "res=8 pid=77"},
		{event.Event{Kind: event.Tgkill, Args: event.Args{PID: 7, TID: 8, Request: 9}}, "res=0 pid=7 tid=8 sig=SIGKILL"},
		{event.Event{Kind: event.Kill, Args: event.Args{PID: -1, Request: 0}}, "res=0 pid=-1 sig=0"},
		{event.Event{Kind: event.Setresgid, Args: event.Args{GID: [3]int32{-1, 0, 4711}}}, "res=0 rgid=<NONE> egid=root sgid=<NA>"},
		{event.Event{Kind: event.Setregid, Args: event.Args{GID: [3]int32{5, 5}}, Process: &event.Process{GID: 5, GroupName: "tty"}}, "res=0 rgid=tty egid=tty"},
		{event.Event{Kind: event.Capset, Process: &event.Process{Caps: event.Caps{Permitted: 3, Effective: 1}}},
			"res=0 cap_inheritable= cap_permitted=CAP_CHOWN CAP_DAC_OVERRIDE cap_effective=CAP_CHOWN"},
	} {
		if got := argsText(&test.ev); got != test.want {
			t.Errorf("%v: %q, want %q", test.ev.Kind, got, test.want)
		}
	}
}

// Test cases of rules describe these events by the same texts.
func TestBuildCallArguments(t *testing.T) {
	for _, test := range []struct {
		values []Value
		want   string
	}{
		{[]Value{{Name: "evt.arg.target", Text: "/etc/shadow"}, {Name: "evt.arg.linkpath", Text: "/tmp/l"}, {Name: "evt.type", Text: "symlink"}},
			"res=0 target=/etc/shadow linkpath=/tmp/l"},
		{[]Value{{Name: "evt.type", Text: "mknodat"}, {Name: "evt.arg.path", Text: "/dev/x"}, {Name: "evt.arg.mode", Text: "S_IFBLK|S_IRUSR"}, {Name: "evt.arg.dev", Text: "0x800"}},
			"res=0 dirfd=0 path=/dev/x mode=S_IFBLK|S_IRUSR dev=2048"},
		{[]Value{{Name: "evt.type", Text: "mkdir"}, {Name: "evt.arg.mode", Text: "0755"}, {Name: "evt.arg.path", Text: "/d"}, {Name: "evt.res", Text: "EEXIST"}},
			"res=EEXIST path=/d mode=0755"},
		{[]Value{{Name: "evt.type", Text: "unshare"}, {Name: "evt.arg.flags", Text: "CLONE_NEWUSER"}}, "res=0 flags=CLONE_NEWUSER"},
		{[]Value{{Name: "evt.type", Text: "kill"}, {Name: "evt.arg.pid", Text: "1"}, {Name: "evt.arg.sig", Text: "SIGSTOP"}}, "res=0 pid=1 sig=SIGSTOP"},
		{[]Value{{Name: "evt.type", Text: "setgid"}, {Name: "evt.arg.gid", Text: "shadow"}}, "res=0 gid=shadow"},
		{[]Value{{Name: "evt.type", Text: "truncate"}, {Name: "evt.arg.path", Text: "/x"}, {Name: "evt.arg.length", Text: "9"}}, "res=0 path=/x length=9"},
	} {
		ev, err := Build(test.values)
		if err != nil {
			t.Errorf("%v: %v", test.values, err)
		} else if got := argsText(ev); got != test.want {
			t.Errorf("%v: %q, want %q", test.values, got, test.want)
		}
	}
}
