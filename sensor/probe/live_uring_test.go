package probe

import (
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

func openRequest(dirfd int, name string, flags, mode uint32) sqe {
	return sqe{opcode: opOpenat, fd: int32(dirfd), addr: uint64(text(name)), len: mode, opFlags: flags}
}

// viaRing matches events of this process that came by an io_uring.
func viaRing(kind event.Kind, more func(*event.Event) bool) func(*event.Event) bool {
	pid := int32(os.Getpid())
	return func(ev *event.Event) bool {
		return ev.Kind == kind && ev.Task.TGID == pid && ev.Via == event.ViaIOUring && (more == nil || more(ev))
	}
}

func rawPath(name string) func(*event.Event) bool {
	return func(ev *event.Event) bool { return ev.FD.Path.Raw == name }
}

// Who makes a ring is told, and what the kernel made of the sizes that were asked for.
func TestRingSetup(t *testing.T) {
	l := all(t)
	var r *ring
	ev := l.expect(t, mine(event.IoUringSetup, nil), func() { r = newRing(t, setupCQSize) })
	if want := [3]int32{8, 8, 8}; int(ev.Ret) != r.fd || ev.Args.Flags&setupCQSize == 0 || ev.Args.Entries != want {
		t.Errorf("returned %d, %+v; want %d, %v", ev.Ret, ev.Args, r.fd, want)
	}
}

// However a request is executed, it is the same event.
func TestRingOpen(t *testing.T) {
	for _, mode := range []struct {
		name  string
		setup uint32
		flags uint8
	}{
		{name: "at once"},
		{name: "by a worker", flags: flagAsync},
		{name: "by the polling thread", setup: setupSQPoll},
		{name: "by the polling thread and a worker", setup: setupSQPoll, flags: flagAsync},
		{name: "completed by task work", setup: setupSingleIssuer | setupDeferTaskrun, flags: flagAsync},
	} {
		t.Run(mode.name, func(t *testing.T) { ringOpens(t, mode.setup, mode.flags) })
	}
}

func ringOpens(t *testing.T, setup uint32, sqeFlags uint8) {
	l := all(t)
	dir := resolved(t, t.TempDir())
	t.Chdir(dir)
	name := filepath.Join(dir, "file")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", "link"); err != nil {
		t.Fatal(err)
	}
	how := unix.OpenHow{Flags: unix.O_RDWR | unix.O_CREAT, Mode: 0o640}
	create := uint32(unix.O_WRONLY | unix.O_CREAT | unix.O_TRUNC)
	for _, test := range []struct {
		name    string
		request sqe
		kind    event.Kind
		raw     string
		errno   unix.Errno
		want    string
		real    string
		flags   uint64
		mode    uint32
		fdType  event.FDType
	}{
		{name: "openat", request: openRequest(cwd, name, create, 0o4755), kind: event.Openat, raw: name,
			want: name, real: name, flags: uint64(create), mode: 0o4755, fdType: event.FDFile},
		{name: "openat2", request: sqe{opcode: opOpenat2, fd: cwd, addr: uint64(text(name)), len: uint32(unsafe.Sizeof(how)), off: uint64(addr(&how))},
			kind: event.Openat2, raw: name, want: name, real: name, flags: how.Flags, mode: 0o640, fdType: event.FDFile},
		{name: "relative, through a link", request: openRequest(cwd, "./link", unix.O_RDONLY, 0), kind: event.Openat, raw: "./link",
			want: dir + "/link", real: name, fdType: event.FDFile},
		{name: "directory", request: openRequest(cwd, dir, unix.O_DIRECTORY, 0), kind: event.Openat, raw: dir,
			want: dir, real: dir, flags: unix.O_DIRECTORY, fdType: event.FDDirectory},
		{name: "failed", request: openRequest(cwd, "absent", unix.O_RDONLY, 0), kind: event.Openat, raw: "absent",
			errno: unix.ENOENT, want: dir + "/absent", fdType: event.FDFile},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRing(t, setup)
			test.request.flags |= sqeFlags
			var res int32
			ev := l.expect(t, viaRing(test.kind, rawPath(test.raw)), func() { res = r.do(test.request) })
			if test.errno != 0 {
				if res != -int32(test.errno) || ev.Ret != int64(res) || ev.FD.Num != -1 || ev.FD.RealStatus != event.PathNone {
					t.Errorf("returned %d, event %d, %+v", res, ev.Ret, ev.FD)
				}
			} else {
				if res < 0 {
					t.Fatal(unix.Errno(-res))
				}
				defer unix.Close(int(res))
				checkRingFile(t, ev, res, test.real)
			}
			f := ev.FD
			if f.Path.Name != test.want || f.Type != test.fdType || !f.Valid || ev.Args.Flags != test.flags ||
				ev.Args.Mode != test.mode || ev.Args.DirFD != cwd {
				t.Errorf("%+v, args %+v", f, ev.Args)
			}
			checkRingTask(t, ev)
		})
	}
}

func checkRingFile(t *testing.T, ev *event.Event, res int32, real string) {
	t.Helper()
	st := stat(t, real)
	f := ev.FD
	if ev.Ret != int64(res) || f.Num != res || f.Real != real || f.RealStatus != event.PathResolved || f.Foreign ||
		f.Ino != st.Ino || unix.Mkdev(f.Dev>>20, f.Dev&0xfffff) != st.Dev {
		t.Errorf("returned %d of %d, %+v; want %s, inode %d", ev.Ret, res, f, real, st.Ino)
	}
}

// checkRingTask: whichever thread it was, the process is this one.
func checkRingTask(t *testing.T, ev *event.Event) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	task := ev.Task
	if task.PPID != int32(os.Getppid()) || task.Comm != statusField(string(status), "Name") ||
		task.Start/1e7 != startTicks(t, os.Getpid()) || task.ParentStart/1e7 != startTicks(t, os.Getppid()) ||
		task.UID != uint32(os.Geteuid()) || task.GID != uint32(os.Getegid()) || task.CgroupID == 0 || task.ExecID == 0 {
		t.Errorf("task %+v", task)
	}
}

func TestRingUnlinkRename(t *testing.T) {
	l := all(t)
	r := newRing(t, 0)
	dir := resolved(t, t.TempDir())
	t.Chdir(dir)
	if err := os.Mkdir("sub", 0o755); err != nil {
		t.Fatal(err)
	}
	sub, err := unix.Open("sub", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(sub)
	if err := os.WriteFile("file", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const noReplace = 1
	rename := sqe{opcode: opRenameat, fd: cwd, addr: uint64(text("file")), len: uint32(sub), off: uint64(text("moved")), opFlags: noReplace}
	for _, want := range []int64{0, -int64(unix.ENOENT)} {
		ev := l.expect(t, viaRing(event.Renameat2, nil), func() { r.do(rename) })
		a := ev.Args
		if ev.Ret != want || a.Path.Raw != "file" || a.Path.Name != dir+"/file" || a.NewPath.Raw != "moved" ||
			a.NewPath.Name != dir+"/sub/moved" || a.Flags != noReplace || a.DirFD != cwd || a.NewDirFD != int32(sub) {
			t.Errorf("rename returned %d, want %d; %+v", ev.Ret, want, a)
		}
	}
	unlink := sqe{opcode: opUnlinkat, fd: int32(sub), addr: uint64(text("moved"))}
	for _, want := range []int64{0, -int64(unix.ENOENT)} {
		ev := l.expect(t, viaRing(event.Unlinkat, nil), func() { r.do(unlink) })
		a := ev.Args
		if ev.Ret != want || a.Path.Raw != "moved" || a.Path.Name != dir+"/sub/moved" || a.DirFD != int32(sub) || a.Flags != 0 {
			t.Errorf("unlink returned %d, want %d; %+v", ev.Ret, want, a)
		}
	}
	rmdir := sqe{opcode: opUnlinkat, fd: cwd, addr: uint64(text("sub")), opFlags: unix.AT_REMOVEDIR}
	ev := l.expect(t, viaRing(event.Unlinkat, nil), func() { r.do(rmdir) })
	if ev.Ret != 0 || ev.Args.Flags != unix.AT_REMOVEDIR || ev.Args.Path.Name != dir+"/sub" {
		t.Errorf("rmdir returned %d; %+v", ev.Ret, ev.Args)
	}
}

func TestRingMakes(t *testing.T) {
	l := all(t)
	r := newRing(t, 0)
	dir := resolved(t, t.TempDir())
	t.Chdir(dir)
	top, err := unix.Open(".", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(top)
	for _, test := range []struct {
		kind event.Kind
		sqe  sqe
		want event.Args
	}{
		{event.Mkdirat, sqe{opcode: opMkdirat, fd: int32(top), addr: uint64(text("made")), len: 0o1750},
			event.Args{Path: event.Path{Raw: "made", Name: dir + "/made"}, DirFD: int32(top), Mode: 0o1750}},
		{event.Symlinkat, sqe{opcode: opSymlinkat, fd: int32(top), addr: uint64(text("../of")), off: uint64(text("symbolic"))},
			event.Args{Path: event.Path{Raw: "../of"}, NewPath: event.Path{Raw: "symbolic", Name: dir + "/symbolic"}}},
		{event.Linkat, sqe{opcode: opLinkat, fd: cwd, addr: uint64(text("symbolic")), len: uint32(top), off: uint64(text("hard")), opFlags: unix.AT_SYMLINK_FOLLOW},
			event.Args{Path: event.Path{Raw: "symbolic", Name: dir + "/symbolic"}, NewPath: event.Path{Raw: "hard", Name: dir + "/hard"},
				DirFD: cwd, NewDirFD: int32(top), Flags: unix.AT_SYMLINK_FOLLOW}},
	} {
		t.Run(test.kind.String(), func(t *testing.T) {
			var res int32
			ev := l.expect(t, viaRing(test.kind, nil), func() { res = r.do(test.sqe) })
			a := ev.Args
			if ev.Ret != int64(res) || a.Path.Raw != test.want.Path.Raw || a.NewPath != test.want.NewPath || a.Mode != test.want.Mode || a.Flags != test.want.Flags {
				t.Errorf("returned %d, want %d; %+v, want %+v", ev.Ret, res, a, test.want)
			}
			if test.kind != event.Symlinkat && (a.Path != test.want.Path || a.DirFD != test.want.DirFD || a.NewDirFD != test.want.NewDirFD) {
				t.Errorf("%+v, want %+v", a, test.want)
			}
		})
	}
}
