package probe

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

// resolved is dir as the kernel says it.
func resolved(t *testing.T, dir string) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func stat(t *testing.T, name string) unix.Stat_t {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat(name, &st); err != nil {
		t.Fatal(err)
	}
	return st
}

// The kernel takes a call's number from half of a register, so that what stands in the other half must not hide the call.
func TestWideNumber(t *testing.T) {
	l := all(t)
	name := filepath.Join(t.TempDir(), "absent")
	ev := l.expect(t, mine(event.Openat, func(ev *event.Event) bool { return ev.FD.Path.Raw == name }), func() {
		const high = 0xdeadbeef << 32
		_, _, errno := unix.Syscall6(high|unix.SYS_OPENAT, at(cwd), text(name), unix.O_RDONLY, 0, 0, 0)
		if errno == unix.ENOSYS {
			t.Fatal("this kernel looks at the whole register, as those before 5.13 did, and none of them is supported")
		}
	})
	if ev.Ret != -int64(unix.ENOENT) {
		t.Errorf("returned %d", ev.Ret)
	}
}

func TestOpenFamily(t *testing.T) {
	l := all(t)
	dir := resolved(t, t.TempDir())
	name := filepath.Join(dir, "file")
	how := unix.OpenHow{Flags: unix.O_RDWR | unix.O_CREAT, Mode: 0o640}
	for _, test := range []struct {
		kind  event.Kind
		args  []uintptr
		flags uint64
		mode  uint32
	}{
		{event.Openat, []uintptr{at(cwd), text(name), unix.O_WRONLY | unix.O_CREAT | unix.O_TRUNC, 0o4755},
			unix.O_WRONLY | unix.O_CREAT | unix.O_TRUNC, 0o4755},
		{event.Openat2, []uintptr{at(cwd), text(name), addr(&how), unsafe.Sizeof(how)}, how.Flags, 0o640},
		{event.Open, []uintptr{text(name), unix.O_RDONLY, 0o7777}, unix.O_RDONLY, 0},
		{event.Creat, []uintptr{text(name), 0o600}, 0, 0o600},
	} {
		t.Run(test.kind.String(), func(t *testing.T) {
			var fd uintptr
			ev := l.expect(t, mine(test.kind, func(ev *event.Event) bool { return ev.FD.Path.Raw == name }), func() {
				var errno unix.Errno
				if fd, errno = call(t, test.kind, test.args...); errno != 0 {
					t.Fatal(errno)
				}
			})
			st := stat(t, name)
			unix.Close(int(fd))
			if ev.Args.Flags != test.flags || ev.Args.Mode != test.mode {
				t.Errorf("flags %#x mode %#o, want %#x %#o", ev.Args.Flags, ev.Args.Mode, test.flags, test.mode)
			}
			f := ev.FD
			if !f.Valid || f.Num != int32(fd) || f.Type != event.FDFile || ev.Ret != int64(fd) {
				t.Errorf("descriptor %+v, returned %d; want %d, a file", f, ev.Ret, fd)
			}
			if f.Path.Name != name || f.Real != name || f.RealStatus != event.PathResolved || f.Foreign {
				t.Errorf("paths %+v", f)
			}
			if f.Ino != st.Ino || unix.Mkdev(f.Dev>>20, f.Dev&0xfffff) != st.Dev {
				t.Errorf("inode %d on %#x, want %d on %#x", f.Ino, f.Dev, st.Ino, st.Dev)
			}
		})
	}
}

// The header is the same for all kinds: one test of it does.
func TestHeader(t *testing.T) {
	l := all(t)
	name := filepath.Join(t.TempDir(), "absent")
	before := bootTime()
	ev := l.expect(t, mine(event.Openat, func(ev *event.Event) bool { return ev.FD.Path.Raw == name }), func() {
		if _, errno := call(t, event.Openat, at(cwd), text(name), unix.O_RDONLY); errno != unix.ENOENT {
			t.Fatal(errno)
		}
	})
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	var caps event.Caps
	for field, to := range map[string]*uint64{"CapInh": &caps.Inheritable, "CapPrm": &caps.Permitted, "CapEff": &caps.Effective} {
		fmt.Sscanf(statusField(string(status), field), "%x", to)
	}
	task := ev.Task
	if task.TGID != int32(os.Getpid()) || task.PPID != int32(os.Getppid()) || task.TID == 0 {
		t.Errorf("ids %+v", task)
	}
	if want := statusField(string(status), "Name"); task.Comm != want {
		t.Errorf("comm %q, want %q", task.Comm, want)
	}
	if task.UID != uint32(os.Geteuid()) || task.GID != uint32(os.Getegid()) || task.Caps != caps {
		t.Errorf("credentials %+v, want %+v", task, caps)
	}
	if got, want := task.Start/1e7, startTicks(t, os.Getpid()); got != want {
		t.Errorf("start %d ticks, want %d", got, want)
	}
	if got, want := task.ParentStart/1e7, startTicks(t, os.Getppid()); got != want {
		t.Errorf("parent's start %d ticks, want %d", got, want)
	}
	if task.ExecID == 0 || task.CgroupID == 0 {
		t.Errorf("exec id %d, cgroup %d", task.ExecID, task.CgroupID)
	}
	if d := ev.Time - ev.Boot - before; d < -1e9 || d > 1e9 {
		t.Errorf("time is %d ns off", d)
	}
	if ev.Ret != -int64(unix.ENOENT) || !ev.FD.Valid || ev.FD.Num != -1 || ev.FD.Type != event.FDFile ||
		ev.FD.RealStatus != event.PathNone || ev.FD.Path.Name != name {
		t.Errorf("failed open: returned %d, descriptor %+v", ev.Ret, ev.FD)
	}
	if ev.Num == 0 {
		t.Error("no number")
	}
}

// startTicks is field 22 of /proc/PID/stat, in hundredths of a second.
func startTicks(t *testing.T, pid int) int64 {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	var n int64
	fmt.Sscan(fields[19], &n)
	return n
}

func TestOpenPaths(t *testing.T) {
	l := all(t)
	dir := resolved(t, t.TempDir())
	t.Chdir(dir)
	deep := strings.Repeat("d/", 70) + "f"
	long := strings.TrimSuffix(strings.Repeat(strings.Repeat("n", 255)+"/", 15), "/")
	for _, d := range []string{"sub", filepath.Dir(deep)} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	longDir := makeLong(t, long)
	strange := "a\nb\x1b[31m\xff\xfe"
	for _, name := range []string{"file", "sub/file", deep, strange} {
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("file", "link"); err != nil {
		t.Fatal(err)
	}
	sub, err := unix.Open("sub", unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(sub)
	file, err := os.Open("file")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()

	for _, test := range []struct {
		name      string
		dirfd     int
		raw       string
		flags     uintptr
		want      string // "" where it is not to be had
		real      string
		status    event.PathStatus
		directory bool
	}{
		{name: "relative", dirfd: cwd, raw: "file", want: dir + "/file", real: dir + "/file", status: event.PathResolved},
		{name: "dots", dirfd: cwd, raw: ".//sub/../sub/./file", want: dir + "/sub/file", real: dir + "/sub/file", status: event.PathResolved},
		{name: "descriptor", dirfd: sub, raw: "file", want: dir + "/sub/file", real: dir + "/sub/file", status: event.PathResolved},
		{name: "parent of descriptor", dirfd: sub, raw: "../file", want: dir + "/file", real: dir + "/file", status: event.PathResolved},
		{name: "link", dirfd: cwd, raw: "link", want: dir + "/link", real: dir + "/file", status: event.PathResolved},
		{name: "root", dirfd: cwd, raw: "/..", want: "/", real: "/", status: event.PathResolved},
		{name: "slash at the end", dirfd: cwd, raw: "sub/", want: dir + "/sub", real: dir + "/sub", status: event.PathResolved},
		{name: "directory", dirfd: cwd, raw: dir, flags: unix.O_DIRECTORY, want: dir, real: dir, status: event.PathResolved, directory: true},
		{name: "own descriptor", dirfd: cwd, raw: fmt.Sprintf("/proc/self/fd/%d", at(int(file.Fd()))), want: fmt.Sprintf("/proc/self/fd/%d", file.Fd()),
			real: dir + "/file", status: event.PathResolved},
		{name: "control characters and no UTF-8", dirfd: cwd, raw: strange, want: dir + "/" + strange, real: dir + "/" + strange, status: event.PathResolved},
		{name: "70 deep", dirfd: cwd, raw: deep, want: dir + "/" + deep, status: event.PathTooDeep},
		{name: "over 4095 bytes", dirfd: longDir, raw: long, want: "", status: event.PathTooDeep},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := countOf(l.probe, PathUnresolved, event.Openat)
			ev := l.expect(t, mine(event.Openat, func(ev *event.Event) bool { return ev.FD.Path.Raw == test.raw && ev.Args.DirFD == int32(test.dirfd) }),
				func() {
					fd, errno := call(t, event.Openat, at(test.dirfd), text(test.raw), unix.O_RDONLY|test.flags)
					if errno != 0 {
						t.Fatal(errno)
					}
					unix.Close(int(fd))
				})
			if test.want != "" && ev.FD.Path.Name != test.want {
				t.Errorf("name %q, want %q", ev.FD.Path.Name, test.want)
			}
			if ev.FD.Real != test.real || ev.FD.RealStatus != test.status {
				t.Errorf("resolved %q (%v), want %q (%v)", ev.FD.Real, ev.FD.RealStatus, test.real, test.status)
			}
			if (ev.FD.Type == event.FDDirectory) != test.directory {
				t.Errorf("type %v", ev.FD.Type)
			}
			if counted := countOf(l.probe, PathUnresolved, event.Openat) > before; counted != (test.status == event.PathTooDeep) {
				t.Errorf("counted as unresolved: %v", counted)
			}
		})
	}
}

// makeLong makes the file long below a directory so deep that its whole path has more than 4095 bytes, and returns that
// directory.
func makeLong(t *testing.T, long string) int {
	t.Helper()
	open := func(dirfd int, name string, flags int) int {
		fd, err := unix.Openat(dirfd, name, flags, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		return fd
	}
	enter := func(dirfd int, name string) int {
		if err := unix.Mkdirat(dirfd, name, 0o755); err != nil {
			t.Fatal(err)
		}
		return open(dirfd, name, unix.O_PATH|unix.O_DIRECTORY)
	}
	dirfd := open(cwd, ".", unix.O_PATH|unix.O_DIRECTORY)
	for part := range strings.SplitSeq(long[:len(long)/2], "/") {
		dirfd = enter(dirfd, part)
	}
	parts := strings.Split(long, "/")
	fd := dirfd
	for _, part := range parts[:len(parts)-1] {
		fd = enter(fd, part)
	}
	open(fd, parts[len(parts)-1], unix.O_CREAT|unix.O_WRONLY)
	return dirfd
}

func countOf(p *Probe, reason Reason, kind event.Kind) uint64 {
	for _, d := range p.Drops() {
		if d.Reason == reason && d.Kind == kind {
			return d.Count
		}
	}
	return 0
}

// A path whose memory was never there is reported without it, and counted.
func TestOpenUnreadable(t *testing.T) {
	l := all(t)
	before := countOf(l.probe, UserMemory, event.Openat)
	ev := l.expect(t, mine(event.Openat, func(ev *event.Event) bool { return ev.Ret == -int64(unix.EFAULT) }), func() {
		if _, errno := call(t, event.Openat, at(cwd), 1, unix.O_RDONLY); errno != unix.EFAULT {
			t.Fatal(errno)
		}
	})
	if ev.FD.Path != (event.Path{}) {
		t.Errorf("path %+v", ev.FD.Path)
	}
	if countOf(l.probe, UserMemory, event.Openat) <= before {
		t.Error("not counted")
	}
}

// What a file was opened for is not the caller's to change once it is open: openat2 takes its flags from memory, which is
// read when the call returns. A pipe without a reader holds the call up until the flags are others.
func TestOpenat2FlagsChanged(t *testing.T) {
	l := all(t)
	name := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(name, 0o600); err != nil {
		t.Fatal(err)
	}
	how := unix.OpenHow{Flags: unix.O_WRONLY}
	path, size := text(name), unsafe.Sizeof(how)
	ev := l.expect(t, mine(event.Openat2, func(ev *event.Event) bool { return ev.FD.Path.Raw == name }), func() {
		opened := make(chan uintptr)
		tid := make(chan int, 1)
		go func() {
			runtime.LockOSThread()
			tid <- unix.Gettid()
			fd, _ := call(t, event.Openat2, at(cwd), path, addr(&how), size)
			opened <- fd
		}()
		waitInCall(t, <-tid, event.Openat2)
		how.Flags = unix.O_RDONLY
		reader, err := unix.Open(name, unix.O_RDONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(int(<-opened))
		unix.Close(reader)
	})
	if ev.Args.Flags != unix.O_WRONLY {
		t.Errorf("flags %#x, want %#x", ev.Args.Flags, unix.O_WRONLY)
	}
}

// waitInCall waits until a thread sleeps in a system call.
func waitInCall(t *testing.T, tid int, kind event.Kind) {
	t.Helper()
	want := fmt.Sprintf("%d ", nativeCalls[kind])
	for {
		text, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/syscall", tid))
		if err != nil {
			t.Fatalf("this kernel does not tell in which call a thread is: %v", err)
		}
		if strings.HasPrefix(string(text), want) {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

func TestPathCalls(t *testing.T) {
	l := all(t)
	dir := resolved(t, t.TempDir())
	t.Chdir(dir)
	dirfd, err := unix.Open("/", unix.O_PATH, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(dirfd)
	absolute := event.Path{Raw: "/absent/x", Name: "/absent/x"}
	relative := event.Path{Raw: "absent/../y", Name: dir + "/y"}
	below := event.Path{Raw: "absent/z", Name: "/absent/z"}
	for _, test := range []struct {
		kind event.Kind
		args []uintptr
		want event.Args
	}{
		{event.Unlink, []uintptr{text(relative.Raw)}, event.Args{Path: relative, DirFD: cwd}},
		{event.Unlinkat, []uintptr{at(dirfd), text(below.Raw), unix.AT_REMOVEDIR},
			event.Args{Path: below, DirFD: int32(dirfd), Flags: unix.AT_REMOVEDIR}},
		{event.Rmdir, []uintptr{text(relative.Raw)}, event.Args{Path: relative, DirFD: cwd}},
		{event.Truncate, []uintptr{text(relative.Raw), 4711}, event.Args{Path: relative, DirFD: cwd, Length: 4711}},
		{event.Umount, []uintptr{text(relative.Raw), 7}, event.Args{Path: relative, DirFD: cwd}},
		{event.Umount2, []uintptr{text(relative.Raw), unix.MNT_DETACH}, event.Args{Path: relative, DirFD: cwd, Flags: unix.MNT_DETACH}},
		{event.Link, []uintptr{text(relative.Raw), text(absolute.Raw)},
			event.Args{Path: relative, NewPath: absolute, DirFD: cwd, NewDirFD: cwd}},
		{event.Linkat, []uintptr{at(cwd), text(relative.Raw), at(dirfd), text(below.Raw), unix.AT_SYMLINK_FOLLOW},
			event.Args{Path: relative, NewPath: below, DirFD: cwd, NewDirFD: int32(dirfd), Flags: unix.AT_SYMLINK_FOLLOW}},
		{event.Symlink, []uintptr{text("../t"), text(absolute.Raw)},
			event.Args{Path: event.Path{Raw: "../t", Name: "/t"}, NewPath: absolute, DirFD: cwd, NewDirFD: cwd}},
		{event.Symlinkat, []uintptr{text("/t//u/."), at(dirfd), text(below.Raw)},
			event.Args{Path: event.Path{Raw: "/t//u/.", Name: "/t/u"}, NewPath: below, DirFD: cwd, NewDirFD: int32(dirfd)}},
		{event.Mkdir, []uintptr{text(absolute.Raw), 0o1750}, event.Args{Path: absolute, Mode: 0o1750, DirFD: cwd}},
		{event.Mkdirat, []uintptr{at(dirfd), text(below.Raw), 0o711}, event.Args{Path: below, Mode: 0o711, DirFD: int32(dirfd)}},
		{event.Mknod, []uintptr{text(absolute.Raw), unix.S_IFIFO | 0o640, 7}, event.Args{Path: absolute, Mode: unix.S_IFIFO | 0o640, Dev: 7, DirFD: cwd}},
		{event.Mknodat, []uintptr{at(dirfd), text(below.Raw), unix.S_IFCHR | 0o666, 0x103},
			event.Args{Path: below, Mode: unix.S_IFCHR | 0o666, Dev: 0x103, DirFD: int32(dirfd)}},
		{event.Rename, []uintptr{text(relative.Raw), text(absolute.Raw)},
			event.Args{Path: relative, NewPath: absolute, DirFD: cwd, NewDirFD: cwd}},
		{event.Renameat, []uintptr{at(dirfd), text(below.Raw), at(cwd), text(relative.Raw)},
			event.Args{Path: below, NewPath: relative, DirFD: int32(dirfd), NewDirFD: cwd}},
		{event.Renameat2, []uintptr{at(cwd), text(relative.Raw), at(dirfd), text(below.Raw), unix.RENAME_NOREPLACE},
			event.Args{Path: relative, NewPath: below, DirFD: cwd, NewDirFD: int32(dirfd), Flags: unix.RENAME_NOREPLACE}},
		{event.Chmod, []uintptr{text(relative.Raw), 0o6755}, event.Args{Path: relative, Mode: 0o6755, DirFD: cwd}},
		{event.Fchmodat, []uintptr{at(dirfd), text(below.Raw), 0o4711},
			event.Args{Path: below, Mode: 0o4711, DirFD: int32(dirfd)}},
		{event.Fchmodat2, []uintptr{at(dirfd), text(below.Raw), 0o4711, unix.AT_SYMLINK_NOFOLLOW},
			event.Args{Path: below, Mode: 0o4711, DirFD: int32(dirfd), Flags: unix.AT_SYMLINK_NOFOLLOW}},
		{event.Mount, []uintptr{text("none"), text(absolute.Raw), text("tmpfs"), unix.MS_NOSUID},
			event.Args{Path: absolute, DirFD: cwd, Source: "none", FSType: "tmpfs", Flags: unix.MS_NOSUID}},
		{event.Execve, []uintptr{text(relative.Raw), 0, 0}, event.Args{Path: relative, DirFD: cwd}},
		{event.Execveat, []uintptr{at(dirfd), text(below.Raw), 0, 0, unix.AT_SYMLINK_NOFOLLOW},
			event.Args{Path: below, DirFD: int32(dirfd), Flags: unix.AT_SYMLINK_NOFOLLOW}},
	} {
		t.Run(test.kind.String(), func(t *testing.T) {
			var errno unix.Errno
			ev := l.expect(t, mine(test.kind, func(ev *event.Event) bool { return ev.Args.Path == test.want.Path }), func() {
				_, errno = call(t, test.kind, test.args...)
			})
			if errno == 0 || ev.Ret != -int64(errno) {
				t.Errorf("returned %d, want %d", ev.Ret, -int64(errno))
			}
			if ev.Args != test.want {
				t.Errorf("got  %+v\nwant %+v", ev.Args, test.want)
			}
			var fd event.FD
			switch test.kind {
			case event.Unlinkat, event.Mkdirat, event.Mknodat, event.Fchmodat, event.Fchmodat2, event.Symlinkat:
				fd = event.FD{Valid: true, Num: int32(dirfd), Type: event.FDDirectory, Real: "/", RealStatus: event.PathResolved}
			}
			if ev.FD != fd {
				t.Errorf("descriptor %+v, want %+v", ev.FD, fd)
			}
		})
	}
}

func TestFchmod(t *testing.T) {
	l := all(t)
	name := filepath.Join(resolved(t, t.TempDir()), "file")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ev := l.expect(t, mine(event.Fchmod, nil), func() {
		if _, errno := call(t, event.Fchmod, at(int(f.Fd())), 0o4755); errno != 0 {
			t.Fatal(errno)
		}
	})
	if ev.Args.Mode != 0o4755 || ev.FD.Num != int32(f.Fd()) || ev.FD.Real != name || ev.FD.Type != event.FDFile {
		t.Errorf("mode %#o, descriptor %+v", ev.Args.Mode, ev.FD)
	}
}
