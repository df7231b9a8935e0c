package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

// created makes a file with some text and returns it open.
func created(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	if _, err := f.WriteString("some text"); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestFcntl(t *testing.T) {
	l := all(t)
	f := created(t, filepath.Join(resolved(t, t.TempDir()), "file"))
	old := int32(f.Fd())
	for _, command := range []int32{unix.F_DUPFD, unix.F_DUPFD_CLOEXEC} {
		var made uintptr
		ev := l.expect(t, mine(event.Fcntl, func(ev *event.Event) bool { return ev.Args.OldFD == old }), func() {
			var errno unix.Errno
			if made, errno = call(t, event.Fcntl, at(int(f.Fd())), uintptr(command), 200); errno != 0 {
				t.Fatal(errno)
			}
		})
		unix.Close(int(made))
		if want := (event.Args{OldFD: old, NewFD: 200, Cmd: command}); ev.Args != want || ev.Ret != int64(made) || made < 200 {
			t.Errorf("args %+v, want %+v; returned %d, want %d", ev.Args, want, ev.Ret, made)
		}
		if ev.FD.Num != int32(made) || ev.FD.Real != f.Name() || ev.FD.Type != event.FDFile {
			t.Errorf("descriptor %+v", ev.FD)
		}
	}
	ofFcntl := func(fd int32) func(*event.Event) bool {
		return mine(event.Fcntl, func(ev *event.Event) bool { return ev.Args.OldFD == fd })
	}
	const none = 1 << 20
	l.absent(t, ofFcntl(old), ofFcntl(none), func() {
		call(t, event.Fcntl, at(int(f.Fd())), unix.F_GETFL)
		call(t, event.Fcntl, none, unix.F_DUPFD)
	})
	ev := l.expect(t, ofFcntl(none), func() { call(t, event.Fcntl, none, unix.F_DUPFD) })
	if ev.Ret != -int64(unix.EBADF) || ev.FD.Valid {
		t.Errorf("returned %d, descriptor %+v", ev.Ret, ev.FD)
	}
}

func init() {
	// A shell's first step: the connection becomes the standard input, and no dup is called.
	children["fcntlstdin"] = func(args []string) error {
		c, err := net.Dial("tcp", args[0])
		if err != nil {
			return err
		}
		raw, err := c.(*net.TCPConn).SyscallConn()
		if err != nil {
			return err
		}
		var got int
		dup := func(fd uintptr) {
			unix.Close(0)
			got, err = unix.FcntlInt(fd, unix.F_DUPFD, 0)
		}
		if e := raw.Control(dup); e != nil || err != nil || got != 0 {
			return fmt.Errorf("fcntl gave %d: %w", got, errors.Join(e, err))
		}
		return nil
	}
}

func TestFcntlStdin(t *testing.T) {
	l := all(t)
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	ev := l.expect(t, func(ev *event.Event) bool { return ev.Kind == event.Fcntl && ev.Ret == 0 && ev.FD.Type == event.FDIPv4 },
		func() { run(t, child(t, "fcntlstdin", server.Addr().String())) })
	if ev.FD.Num != 0 || ev.FD.Remote.String() != server.Addr().String() || !ev.FD.Connected {
		t.Errorf("descriptor %+v", ev.FD)
	}
}

func pidfd(t *testing.T, pid int) uintptr {
	t.Helper()
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return uintptr(fd)
}

func TestSetns(t *testing.T) {
	l := all(t)
	ns, err := os.Open("/proc/self/ns/uts")
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	link, err := os.Readlink("/proc/self/ns/uts")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		fd    uintptr
		types uint64
		errno unix.Errno
		real  string
		pid   int32
	}{
		{"namespace", ns.Fd(), unix.CLONE_NEWUTS, 0, link, 0},
		{"another type", ns.Fd(), unix.CLONE_NEWNET, unix.EINVAL, link, 0},
		{"process", pidfd(t, os.Getpid()), unix.CLONE_NEWUTS, 0, "", int32(os.Getpid())},
	} {
		t.Run(test.name, func(t *testing.T) {
			var errno unix.Errno
			ev := l.expect(t, mine(event.Setns, nil), func() { _, errno = call(t, event.Setns, at(int(test.fd)), uintptr(test.types)) })
			if errno != test.errno || ev.Ret != -int64(errno) {
				t.Errorf("errno %v, returned %d", errno, ev.Ret)
			}
			if ev.Args != (event.Args{Flags: test.types, PID: test.pid}) || ev.FD.Num != int32(test.fd) {
				t.Errorf("args %+v, descriptor %+v", ev.Args, ev.FD)
			}
			if test.pid == 0 && (ev.FD.Real != test.real || ev.FD.Ino != stat(t, "/proc/self/ns/uts").Ino) {
				t.Errorf("namespace %+v, want %q", ev.FD, test.real)
			}
			if (ev.FD.Type == event.FDPid) != (test.pid != 0) {
				t.Errorf("type %v", ev.FD.Type)
			}
		})
	}
}

func TestUserfaultfd(t *testing.T) {
	l := all(t)
	const userModeOnly = 1
	var fd uintptr
	var errno unix.Errno
	ev := l.expect(t, mine(event.Userfaultfd, nil), func() { fd, errno = call(t, event.Userfaultfd, unix.O_CLOEXEC|userModeOnly) })
	if errno != 0 {
		t.Fatal(errno)
	}
	unix.Close(int(fd))
	if ev.Args != (event.Args{Flags: unix.O_CLOEXEC | userModeOnly}) || ev.Ret != int64(fd) || ev.FD.Num != int32(fd) || ev.FD.Type != event.FDUserfault {
		t.Errorf("args %+v, descriptor %+v, returned %d", ev.Args, ev.FD, ev.Ret)
	}
	ev = l.expect(t, mine(event.Userfaultfd, nil), func() { call(t, event.Userfaultfd, 1<<30) })
	if ev.Ret != -int64(unix.EINVAL) || ev.FD.Valid {
		t.Errorf("returned %d, descriptor %+v", ev.Ret, ev.FD)
	}
}

// The descriptor that is taken from another process is told, and whose it was.
func TestPidfdGetfd(t *testing.T) {
	l := all(t)
	f := created(t, filepath.Join(resolved(t, t.TempDir()), "file"))
	process := pidfd(t, os.Getpid())
	var got uintptr
	var errno unix.Errno
	of := func(fd uintptr) func(*event.Event) bool {
		return mine(event.PidfdGetfd, func(ev *event.Event) bool { return ev.Args.OldFD == int32(fd) })
	}
	ev := l.expect(t, of(process), func() { got, errno = call(t, event.PidfdGetfd, at(int(process)), f.Fd(), 0) })
	if errno != 0 {
		t.Fatal(errno)
	}
	unix.Close(int(got))
	if want := (event.Args{OldFD: int32(process), NewFD: int32(f.Fd()), PID: int32(os.Getpid())}); ev.Args != want {
		t.Errorf("args %+v, want %+v", ev.Args, want)
	}
	if ev.FD.Num != int32(got) || ev.FD.Real != f.Name() || ev.Ret != int64(got) {
		t.Errorf("descriptor %+v, returned %d", ev.FD, ev.Ret)
	}
	ev = l.expect(t, of(f.Fd()), func() { call(t, event.PidfdGetfd, at(int(f.Fd())), 0, 1) })
	if want := (event.Args{OldFD: int32(f.Fd()), Flags: 1}); ev.Args != want || ev.Ret >= 0 || ev.FD.Valid {
		t.Errorf("args %+v, want %+v; descriptor %+v, returned %d", ev.Args, want, ev.FD, ev.Ret)
	}
}

func TestFtruncate(t *testing.T) {
	l := all(t)
	f := created(t, filepath.Join(resolved(t, t.TempDir()), "file"))
	ev := l.expect(t, mine(event.Ftruncate, nil), func() {
		if _, errno := call(t, event.Ftruncate, at(int(f.Fd())), 4); errno != 0 {
			t.Fatal(errno)
		}
	})
	if ev.Args != (event.Args{Length: 4}) || ev.FD.Num != int32(f.Fd()) || ev.FD.Real != f.Name() || ev.Ret != 0 {
		t.Errorf("args %+v, descriptor %+v", ev.Args, ev.FD)
	}
}

// A handle leads to a file without any path: the kernel's is all there is.
func TestOpenByHandle(t *testing.T) {
	l := all(t)
	f := created(t, filepath.Join(resolved(t, t.TempDir()), "file"))
	handle, _, err := unix.NameToHandleAt(cwd, f.Name(), 0)
	if errors.Is(err, unix.EOPNOTSUPP) {
		t.Skip("the filesystem of temporary files has no handles")
	}
	if err != nil {
		t.Fatal(err)
	}
	raw := binary.NativeEndian.AppendUint32(nil, uint32(handle.Size()))
	raw = binary.NativeEndian.AppendUint32(raw, uint32(handle.Type()))
	argument := point(append(raw, handle.Bytes()...))
	var fd uintptr
	var errno unix.Errno
	ev := l.expect(t, mine(event.OpenByHandleAt, nil), func() { fd, errno = call(t, event.OpenByHandleAt, at(int(f.Fd())), argument, unix.O_RDWR) })
	if errno != 0 {
		t.Fatal(errno)
	}
	unix.Close(int(fd))
	if ev.Args != (event.Args{DirFD: int32(f.Fd()), Flags: unix.O_RDWR}) || ev.Ret != int64(fd) {
		t.Errorf("args %+v, returned %d", ev.Args, ev.Ret)
	}
	if d := ev.FD; d.Num != int32(fd) || d.Type != event.FDFile || d.Real != f.Name() || d.RealStatus != event.PathResolved || d.Path != (event.Path{}) {
		t.Errorf("descriptor %+v", d)
	}
	ev = l.expect(t, mine(event.OpenByHandleAt, nil), func() { call(t, event.OpenByHandleAt, at(int(f.Fd())), 0, unix.O_WRONLY) })
	if ev.Ret != -int64(unix.EFAULT) || ev.FD.Num != -1 || ev.Args.Flags != unix.O_WRONLY {
		t.Errorf("returned %d, args %+v, descriptor %+v", ev.Ret, ev.Args, ev.FD)
	}
}

// A file that the kernel knows by its handle alone has no path until someone looks it up.
func TestOpenByHandleDisconnected(t *testing.T) {
	l := all(t)
	dir := resolved(t, t.TempDir())
	name := filepath.Join(dir, "below", "file")
	if err := os.Mkdir(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	handle, _, err := unix.NameToHandleAt(cwd, name, 0)
	if err != nil {
		t.Skipf("the filesystem of temporary files has no handles: %v", err)
	}
	anywhere, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer anywhere.Close()
	unix.Sync()
	if err := os.WriteFile("/proc/sys/vm/drop_caches", []byte("2"), 0o644); err != nil {
		t.Skip(err)
	}
	ev := l.expect(t, mine(event.OpenByHandleAt, nil), func() {
		fd, err := unix.OpenByHandleAt(int(anywhere.Fd()), handle, unix.O_RDONLY)
		if err != nil {
			t.Fatal(err)
		}
		unix.Close(fd)
	})
	switch ev.FD.RealStatus {
	case event.PathUnreachable:
		if strings.HasPrefix(ev.FD.Real, dir) || ev.FD.Ino == 0 {
			t.Errorf("unreachable: %+v", ev.FD)
		}
	case event.PathResolved: // something held the file's name
		if ev.FD.Real != name {
			t.Errorf("resolved %q, want %q", ev.FD.Real, name)
		}
	default:
		t.Errorf("descriptor %+v", ev.FD)
	}
	t.Logf("%v %q", ev.FD.RealStatus, ev.FD.Real)
}
