package probe

import (
	"testing"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

// A 64-bit program cannot make a 32-bit call here.
func call32(*testing.T, event.Kind, [6]uintptr) (uintptr, unix.Errno) {
	panic("no 32-bit calls from a 64-bit program")
}

func below4GiB([]byte) []byte { panic("no 32-bit calls from a 64-bit program") }
