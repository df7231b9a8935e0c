package probe

import (
	"os"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

// calling32 makes the tests' calls, as 32-bit ones, while it is set.
var calling32 caller32

// A caller32 makes 32-bit calls: from this process, or from another.
type caller32 interface {
	call(t *testing.T, nr uint32, args [6]uint32) int32
	point(b []byte) uintptr // to a copy of b that the calls can reach
	lend(fd int)            // have calls find the test's descriptor
	pid() int
}

// call makes a system call by its kind, or skips where the architecture has none. What the arguments point to is made
// resident: the kernel side does not wait for memory.
func call(t *testing.T, kind event.Kind, args ...uintptr) (uintptr, unix.Errno) {
	t.Helper()
	var a [6]uintptr
	copy(a[:], args)
	if calling32 != nil {
		return call32(t, kind, a)
	}
	nr, ok := nativeCalls[kind]
	if !ok {
		t.Skipf("this architecture has no %v", kind)
	}
	r, _, errno := unix.Syscall6(uintptr(nr), a[0], a[1], a[2], a[3], a[4], a[5])
	return r, errno
}

// callerPID is the process whose calls they are.
func callerPID() int32 {
	if calling32 != nil {
		return int32(calling32.pid())
	}
	return int32(os.Getpid())
}

func callerVia() event.Via {
	if calling32 != nil {
		return event.ViaCompat
	}
	return event.ViaSyscall
}

func text(s string) uintptr {
	p, err := unix.BytePtrFromString(s)
	if err != nil {
		panic(err)
	}
	return point(unsafe.Slice(p, len(s)+1))
}

func addr[T any](v *T) uintptr {
	kept = append(kept, v)
	return point(unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v)))
}

// kept holds what system calls are pointed to, since a uintptr does not.
var kept []any

func point(b []byte) uintptr {
	if calling32 != nil {
		return calling32.point(b)
	}
	kept = append(kept, b)
	return uintptr(unsafe.Pointer(unsafe.SliceData(b)))
}

func at(fd int) uintptr {
	if calling32 != nil && fd >= 0 {
		calling32.lend(fd)
	}
	return uintptr(fd)
}

const cwd = unix.AT_FDCWD
