package probe

import (
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

// calling is how the tests make system calls. Under event.ViaCompat what they point to lies below 4 GiB.
var calling = event.ViaSyscall

// call makes a system call by its kind, or skips where the architecture has none. What the arguments point to is made
// resident: the kernel side does not wait for memory.
func call(t *testing.T, kind event.Kind, args ...uintptr) (uintptr, unix.Errno) {
	t.Helper()
	var a [6]uintptr
	copy(a[:], args)
	if calling == event.ViaCompat {
		return call32(t, kind, a)
	}
	nr, ok := nativeCalls[kind]
	if !ok {
		t.Skipf("this architecture has no %v", kind)
	}
	r, _, errno := unix.Syscall6(uintptr(nr), a[0], a[1], a[2], a[3], a[4], a[5])
	return r, errno
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

// point is where a call finds the bytes: for a 32-bit one, a copy.
func point(b []byte) uintptr {
	if calling == event.ViaCompat {
		b = below4GiB(b)
	}
	kept = append(kept, b)
	return uintptr(unsafe.Pointer(unsafe.SliceData(b)))
}

func at(fd int) uintptr { return uintptr(fd) }

const cwd = unix.AT_FDCWD
