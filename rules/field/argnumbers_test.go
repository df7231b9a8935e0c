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
		{event.Event{Kind: event.Setns, Args: event.Args{Flags: 0x40000000, PID: 7}, FD: event.FD{Valid: true, Num: 5, Type: event.FDPid, Real: "/"}},
			"res=0 fd=<P>/ nstype=CLONE_NEWNET pid=7"},
		{event.Event{Kind: event.Userfaultfd, Ret: 5, Args: event.Args{Flags: 0o2000001}, FD: event.FD{Valid: true, Num: 5, Type: event.FDUserfault, Real: "[userfaultfd]"}},
			"res=5 fd=<u>[userfaultfd] flags=UFFD_USER_MODE_ONLY|O_CLOEXEC"},
		{event.Event{Kind: event.Fcntl, Ret: 0, Args: event.Args{Cmd: 1030, OldFD: 7}, FD: event.FD{Valid: true, Type: event.FDFile, Real: "/x"}},
			"res=0 fd=<f>/x cmd=F_DUPFD_CLOEXEC oldfd=7"},
		{event.Event{Kind: event.PidfdGetfd, Ret: 5, Args: event.Args{OldFD: 4, NewFD: 1, PID: 77}, FD: event.FD{Valid: true, Num: 5, Type: event.FDFile, Real: "/x"}},
			"fd=<f>/x pid_fd=4 target_fd=1 flags=0 pid=77"},
		{event.Event{Kind: event.OpenByHandleAt, Ret: 5, Args: event.Args{DirFD: -100, Flags: 2}, FD: event.FD{Valid: true, Num: 5, Type: event.FDFile, Real: "/etc/shadow", Dev: 9, Ino: 8}},
			"fd=<f>/etc/shadow mountfd=AT_FDCWD flags=O_RDWR path=/etc/shadow dev=9 ino=8"},
		{event.Event{Kind: event.Fsconfig, Args: event.Args{Cmd: 1, Key: "source", Source: "/dev/sda"}, FD: event.FD{Valid: true, Num: 5, Type: event.FDOther}},
			"res=0 fd=<o> cmd=FSCONFIG_SET_STRING key=source value_charbuf=/dev/sda aux=0"},
		{event.Event{Kind: event.Fsmount, Ret: 5, Args: event.Args{FSType: "proc", Source: "none", Mode: 6}, FD: event.FD{Valid: true, Num: 5, Type: event.FDDirectory, Real: "/"}},
			"fd=<d>/ dev=none type=proc flags=0 attr_flags=MOUNT_ATTR_NOSUID|MOUNT_ATTR_NODEV"},
		{event.Event{Kind: event.MoveMount, Args: event.Args{FSType: "proc", Source: "none", Flags: 4, DirFD: 5, NewDirFD: -100, NewPath: event.Path{Raw: "p", Name: "/tmp/p"}},
			FD: event.FD{Valid: true, Num: 5, Type: event.FDDirectory, Real: "/tmp/p"}},
			"res=0 dev=none type=proc fd=<d>/tmp/p olddirfd=5 oldpath=<NA> newdirfd=AT_FDCWD dir=/tmp/p flags=MOVE_MOUNT_F_EMPTY_PATH"},
		{event.Event{Kind: event.Ftruncate, Args: event.Args{Length: 3}, FD: event.FD{Valid: true, Num: 5, Type: event.FDFile, Real: "/x"}}, "res=0 fd=<f>/x length=3"},
		{event.Event{Kind: event.Chroot, Args: event.Args{Path: event.Path{Raw: "h", Name: "/h"}}}, "res=0 path=/h"},
		{event.Event{Kind: event.Truncate, Args: event.Args{Path: event.Path{Name: "/var/log/x"}, Length: 0}}, "res=0 path=/var/log/x length=0"},
		{event.Event{Kind: event.IoUringSetup, Ret: 5, Args: event.Args{Flags: 0x42, Entries: [3]int32{3, 4, 8}}},
			"res=5 entries=3 sq_entries=4 cq_entries=8 flags=IORING_SETUP_SQPOLL|IORING_SETUP_R_DISABLED"},
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
		{[]Value{{Name: "evt.type", Text: "fcntl"}, {Name: "evt.arg.cmd", Text: "F_DUPFD_CLOEXEC"}, {Name: "fd.num", Text: "0"}, {Name: "fd.type", Text: "ipv4"},
			{Name: "fd.sip", Text: "10.0.0.1"}, {Name: "fd.sport", Text: "80"}}, "res=0 fd=<4>10.0.0.1:80 cmd=F_DUPFD_CLOEXEC oldfd=0"},
		{[]Value{{Name: "evt.type", Text: "setns"}, {Name: "evt.arg.nstype", Text: "CLONE_NEWNS|CLONE_NEWPID"}, {Name: "fd.path", Text: "mnt:[1]"}},
			"res=0 fd=<f>mnt:[1] nstype=CLONE_NEWNS|CLONE_NEWPID pid=0"},
		{[]Value{{Name: "evt.type", Text: "move_mount"}, {Name: "evt.arg.type", Text: "proc"}, {Name: "evt.arg.dev", Text: "p"}, {Name: "evt.arg.dir", Text: "/mnt"},
			{Name: "evt.arg.flags", Text: "MOVE_MOUNT_F_EMPTY_PATH"}},
			"res=0 dev=p type=proc fd=<NA> olddirfd=0 oldpath=<NA> newdirfd=0 dir=/mnt flags=MOVE_MOUNT_F_EMPTY_PATH"},
		{[]Value{{Name: "evt.type", Text: "fsconfig"}, {Name: "evt.arg.cmd", Text: "FSCONFIG_SET_STRING"}, {Name: "evt.arg.key", Text: "source"}, {Name: "evt.arg.value_charbuf", Text: "x"}},
			"res=0 fd=<NA> cmd=FSCONFIG_SET_STRING key=source value_charbuf=x aux=0"},
		{[]Value{{Name: "evt.type", Text: "open_by_handle_at"}, {Name: "evt.arg.flags", Text: "O_RDWR"}, {Name: "fd.path", Text: "/etc/shadow"}},
			"fd=<f>/etc/shadow mountfd=0 flags=O_RDWR path=/etc/shadow dev=<NA> ino=<NA>"},
		{[]Value{{Name: "evt.type", Text: "chroot"}, {Name: "evt.arg.path", Text: "/host"}, {Name: "fd.path", Text: "/host"}}, "res=0 path=/host"},
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
