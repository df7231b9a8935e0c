package main

import (
	"fmt"
	"os"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What is refused here is an act all the same: most rules do not ask how it came out.

// ptrace attaches to a child, or asks for being traced.
func ptrace(a []string) error {
	if a[0] == "traceme" {
		_, _, errno := unix.RawSyscall(unix.SYS_PTRACE, unix.PTRACE_TRACEME, 0, 0)
		return asError(errno)
	}
	child, err := syscall.ForkExec("/acts/actor", []string{"actor"}, &syscall.ProcAttr{
		Env:   []string{`ACTS_PLAN=[{"Do":["sleep","10s"]}]`},
		Files: []uintptr{0, 1, 2},
	})
	if err != nil {
		return err
	}
	err = unix.PtraceAttach(child)
	_ = unix.Kill(child, unix.SIGKILL) // it is this process's own
	var status unix.WaitStatus
	_, _ = unix.Wait4(child, &status, 0, nil)
	return err
}

func setns([]string) error {
	fd, err := unix.Open("/proc/self/ns/uts", unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Setns(fd, unix.CLONE_NEWUTS)
}

// unshare asks for a namespace of its own, which needs a capability.
func unshare([]string) error {
	_ = unix.Unshare(unix.CLONE_NEWUTS)
	return nil
}

func setuid(a []string) error {
	uid, err := strconv.Atoi(a[0])
	if err != nil {
		return err
	}
	_, _, _ = unix.RawSyscall(unix.SYS_SETUID, uintptr(uid), 0, 0)
	return nil
}

var bpfCommands = map[string]uintptr{"map": unix.BPF_MAP_CREATE, "prog": unix.BPF_PROG_LOAD}

func bpf(a []string) error {
	var attr [128]byte
	_, _, _ = unix.Syscall(unix.SYS_BPF, bpfCommands[a[0]], uintptr(unsafe.Pointer(&attr)), 16)
	return nil
}

// userfaultfd asks for faults of user mode alone, which everybody may.
func userfaultfd([]string) error {
	const userModeOnly = 1
	fd, _, errno := unix.Syscall(unix.SYS_USERFAULTFD, userModeOnly, 0, 0)
	if errno == 0 {
		return unix.Close(int(fd))
	}
	return asError(errno)
}

// finitModule offers a file that is no module.
func finitModule([]string) error {
	f, err := os.Open("/acts/actor")
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), "", 0); err == nil {
		return fmt.Errorf("the kernel took this program for a module")
	}
	return nil
}

func asError(errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}
