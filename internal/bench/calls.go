package main

import (
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A call is one act whose cost to the caller is measured.
type call struct {
	name  string
	limit float64 // ns over nothing attached that the project holds itself to
	count int     // acts a round
	act   func() error
}

// calls are the acts of the table in docs/speed.md. Those that no rule names are raw calls: what Go's runtime does around
// others moves by more than what is measured. getpid and fstat are calls that no rule names; fstat's number is
// open's in the 32-bit table, so it shows what it costs to tell the two apart.
func calls(file string) []call {
	var stat unix.Stat_t
	path, _ := unix.BytePtrFromString(file)
	return []call{
		{"getpid", 105, 1_000_000, func() error {
			unix.RawSyscall(unix.SYS_GETPID, 0, 0, 0)
			return nil
		}},
		{"fstat", 105, 1_000_000, func() error {
			unix.RawSyscall(unix.SYS_FSTAT, 0, uintptr(unsafe.Pointer(&stat)), 0)
			return nil
		}},
		{"open+close", 1_400, 100_000, func() error { return openClose(path) }},
		{"vfork+exec", 25_000, 1000, func() error {
			pid, err := syscall.ForkExec("/bin/true", []string{"true"}, &syscall.ProcAttr{})
			if err != nil {
				return err
			}
			_, err = syscall.Wait4(pid, nil, 0, nil)
			return err
		}},
	}
}

func openClose(path *byte) error {
	fd, _, errno := unix.RawSyscall6(unix.SYS_OPENAT, uintptr(unix.AT_FDCWD&(1<<64-1)), uintptr(unsafe.Pointer(path)), unix.O_RDONLY, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	unix.RawSyscall(unix.SYS_CLOSE, fd, 0, 0)
	return nil
}

// measure returns the ns that one act of c takes, on the processor given.
func (c call) measure(cpu int) (float64, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var old, one unix.CPUSet
	if err := unix.SchedGetaffinity(0, &old); err != nil {
		return 0, err
	}
	one.Set(cpu)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return 0, fmt.Errorf("pin to processor %d: %w", cpu, err)
	}
	defer unix.SchedSetaffinity(0, &old)
	start := time.Now()
	for range c.count {
		if err := c.act(); err != nil {
			return 0, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return float64(time.Since(start).Nanoseconds()) / float64(c.count), nil
}

// flood opens the file as fast as one processor can, for the time given, and returns how often.
func flood(file string, cpu int, d time.Duration) (int, error) {
	path, err := unix.BytePtrFromString(file)
	if err != nil {
		return 0, err
	}
	c := call{name: "open+close", count: 10_000, act: func() error { return openClose(path) }}
	n := 0
	for end := time.Now().Add(d); time.Now().Before(end); n += c.count {
		if _, err := c.measure(cpu); err != nil {
			return n, err
		}
	}
	return n, nil
}

func tempFile() (string, func(), error) {
	dir, err := os.MkdirTemp("", "tiercel-bench-")
	if err != nil {
		return "", nil, err
	}
	name := dir + "/file"
	return name, func() { os.RemoveAll(dir) }, os.WriteFile(name, nil, 0o600)
}
