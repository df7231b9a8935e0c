package probe

import (
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

// An x32 call counts as one, and is taken for the native call of its number.
func TestX32(t *testing.T) {
	l := all(t)
	name := filepath.Join(t.TempDir(), "absent")
	before := countOf(l.probe, X32, event.Openat)
	ev := l.expect(t, mine(event.Openat, func(ev *event.Event) bool { return ev.FD.Path.Raw == name }), func() {
		unix.Syscall6(1<<30|unix.SYS_OPENAT, at(cwd), text(name), 0, 0, 0, 0)
	})
	// Most kernels have no such calls and refuse; one that has says that the file is absent.
	if ev.Ret != -int64(unix.ENOSYS) && ev.Ret != -int64(unix.ENOENT) {
		t.Errorf("returned %d", ev.Ret)
	}
	if countOf(l.probe, X32, event.Openat) != before+1 {
		t.Error("not counted")
	}
}

// Calls that have a number in the x32 table alone are not decoded, and counted. What a signal handler leaves is not one.
func TestX32Alone(t *testing.T) {
	p := all(t).probe
	const ptrace, past = 1<<30 | 521, 1<<31 | 521
	before := countOf(p, X32, event.Unknown)
	unix.Syscall(ptrace, unix.PTRACE_ATTACH, 1<<29, 0)
	if n := countOf(p, X32, event.Unknown) - before; n != 1 {
		t.Errorf("counted %d, want 1", n)
	}
	unix.Syscall(past, 0, 0, 0)
	unix.Syscall(^uintptr(0), 0, 0, 0)
	if n := countOf(p, X32, event.Unknown) - before; n != 1 {
		t.Errorf("counted %d, want 1", n)
	}
}
