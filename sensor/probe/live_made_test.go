package probe

import (
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

// What these calls make is there when they return, where the event says.
func TestMadeAndRemoved(t *testing.T) {
	l := all(t)
	dir := resolved(t, t.TempDir())
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	in := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(in("file"), []byte("some text"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		kind  event.Kind
		args  []uintptr
		paths [2]string
		check func() bool
	}{
		{event.Mkdirat, []uintptr{at(fd), text("made"), 0o755}, [2]string{in("made")},
			func() bool { return stat(t, in("made")).Mode&unix.S_IFMT == unix.S_IFDIR }},
		{event.Mknodat, []uintptr{at(fd), text("pipe"), unix.S_IFIFO | 0o600, 0}, [2]string{in("pipe")},
			func() bool { return stat(t, in("pipe")).Mode&unix.S_IFMT == unix.S_IFIFO }},
		{event.Symlinkat, []uintptr{text("file"), at(fd), text("made/../soft")}, [2]string{in("file"), in("soft")},
			func() bool { return stat(t, in("soft")).Ino == stat(t, in("file")).Ino }},
		{event.Linkat, []uintptr{at(fd), text("soft"), at(fd), text("hard"), unix.AT_SYMLINK_FOLLOW}, [2]string{in("soft"), in("hard")},
			func() bool { return stat(t, in("hard")).Ino == stat(t, in("file")).Ino }},
		{event.Truncate, []uintptr{text(in("hard")), 4}, [2]string{in("hard")}, func() bool { return stat(t, in("file")).Size == 4 }},
		{event.Unlinkat, []uintptr{at(fd), text("made"), unix.AT_REMOVEDIR}, [2]string{in("made")},
			func() bool { _, err := os.Lstat(in("made")); return os.IsNotExist(err) }},
	} {
		t.Run(test.kind.String(), func(t *testing.T) {
			ev := l.expect(t, mine(test.kind, func(ev *event.Event) bool { return ev.Args.Path.Name == test.paths[0] }), func() {
				if _, errno := call(t, test.kind, test.args...); errno != 0 {
					t.Fatal(errno)
				}
			})
			if ev.Ret != 0 || ev.Args.NewPath.Name != test.paths[1] || !test.check() {
				t.Errorf("returned %d, args %+v", ev.Ret, ev.Args)
			}
			if below := test.kind != event.Linkat && test.kind != event.Truncate; ev.FD.Valid != below || below && (ev.FD.Real != dir || ev.FD.Num != int32(fd)) {
				t.Errorf("descriptor %+v", ev.FD)
			}
		})
	}
}

func init() {
	children["unshare"] = func([]string) error { return unix.Unshare(unix.CLONE_NEWUTS | unix.CLONE_NEWNS) }
}

func TestUnshare(t *testing.T) {
	l := all(t)
	cmd := child(t, "unshare")
	ev := l.expect(t, func(ev *event.Event) bool { return ev.Kind == event.Unshare && ev.Task.PPID == int32(os.Getpid()) }, func() { run(t, cmd) })
	if ev.Args != (event.Args{Flags: unix.CLONE_NEWUTS | unix.CLONE_NEWNS}) || ev.Ret != 0 || ev.Task.TGID != int32(cmd.Process.Pid) {
		t.Errorf("args %+v, returned %d", ev.Args, ev.Ret)
	}
}

// Another process's memory is written without a ptrace. It may be one's own.
func TestProcessVMWritev(t *testing.T) {
	l := all(t)
	from, to := []byte("written"), make([]byte, 7)
	local := []unix.Iovec{{Base: &from[0], Len: 7}}
	remote := []unix.RemoteIovec{{Base: uintptr(unsafe.Pointer(&to[0])), Len: 7}}
	pid := os.Getpid()
	ev := l.expect(t, mine(event.ProcessVMWritev, func(ev *event.Event) bool { return ev.Args.PID == int32(pid) }), func() {
		if _, err := unix.ProcessVMWritev(pid, local, remote, 0); err != nil {
			t.Fatal(err)
		}
	})
	if ev.Ret != 7 || string(to) != "written" {
		t.Errorf("returned %d, wrote %q", ev.Ret, to)
	}
}

// A thread that changes the path while the kernel reads it makes the path as asked a lie: the resolved one is that of the
// file which was opened.
func TestPathFlipped(t *testing.T) {
	if runtime.NumCPU() < 2 {
		t.Skip("one CPU: the threads never meet")
	}
	l := all(t)
	dir := resolved(t, t.TempDir())
	names := [2]string{filepath.Join(dir, "secret"), filepath.Join(dir, "public")}
	for _, name := range names {
		if err := os.WriteFile(name, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	inode := map[uint64]string{stat(t, names[0]).Ino: names[0], stat(t, names[1]).Ino: names[1]}
	// Behind as many slashes as it takes, the names are a word of eight bytes each, and one is changed for the other at once.
	buffer := make([]uint64, 64)
	path := unsafe.Slice((*byte)(unsafe.Pointer(&buffer[0])), 8*len(buffer))
	begin := copy(path, dir+"/////////") &^ 7
	at := &buffer[begin/8]
	var words [2]uint64
	for i, name := range names {
		copy(path[begin:], filepath.Base(name)+"\x00\x00")
		words[i] = *at
	}

	var stop atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; !stop.Load(); i++ {
			atomic.StoreUint64(at, words[i&1])
		}
	}()
	defer func() { stop.Store(true); <-done }()
	lied := 0
	for range 20000 {
		if lied == 3 {
			break
		}
		var fd int
		ev := l.expect(t, mine(event.Openat, func(ev *event.Event) bool { _, ours := inode[ev.FD.Ino]; return ours }), func() {
			r, _, errno := unix.Syscall6(unix.SYS_OPENAT, ^uintptr(99), uintptr(unsafe.Pointer(&path[0])), unix.O_RDONLY, 0, 0, 0)
			if errno != 0 {
				t.Fatal(errno)
			}
			fd = int(r)
		})
		unix.Close(fd)
		if ev.FD.Real != inode[ev.FD.Ino] {
			t.Fatalf("opened %s, resolved %q", inode[ev.FD.Ino], ev.FD.Real)
		}
		if ev.FD.Path.Name != ev.FD.Real {
			lied++
		}
	}
	if lied == 0 {
		t.Skip("the threads never met in this run")
	}
}
