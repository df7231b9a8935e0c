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
	child, err := sleeper()
	if err != nil {
		return err
	}
	err = unix.PtraceAttach(child)
	end(child)
	return err
}

// sleeper is a child to do something to. It is returned once it has said that it runs: execve closes what ForkExec waits for
// before the program's memory is laid out, and until then a write into that memory finds nothing (EFAULT).
func sleeper() (int, error) {
	pipe := [2]int{}
	if err := unix.Pipe2(pipe[:], unix.O_CLOEXEC); err != nil {
		return 0, err
	}
	defer unix.Close(pipe[0])
	child, err := syscall.ForkExec("/acts/actor", []string{"actor"}, &syscall.ProcAttr{
		Env:   []string{`ACTS_PLAN=[{"Do":["ready"]},{"Do":["sleep","10s"]}]`},
		Files: []uintptr{0, uintptr(pipe[1]), 2},
	})
	unix.Close(pipe[1])
	if err != nil {
		return 0, err
	}
	if n, err := syscall.Read(pipe[0], make([]byte, 1)); n != 1 {
		end(child)
		return 0, fmt.Errorf("the child said nothing: %v", err)
	}
	return child, nil
}

// ready tells the parent that the program runs.
func ready([]string) error {
	_, err := syscall.Write(1, []byte{1})
	return err
}

func end(child int) {
	_ = unix.Kill(child, unix.SIGKILL) // it is this process's own
	var status unix.WaitStatus
	_, _ = unix.Wait4(child, &status, 0, nil)
}

// vmWrite writes into a child, or into this process, what stands there already: a variable of the program, which lies at the
// same place in both.
func vmWrite(a []string) error {
	target := os.Getpid()
	if a[0] == "child" {
		child, err := sleeper()
		if err != nil {
			return err
		}
		defer end(child)
		target = child
	}
	place := [8]byte{}
	local := []unix.Iovec{{Base: &place[0], Len: 1}}
	remote := []unix.RemoteIovec{{Base: uintptr(unsafe.Pointer(&written)), Len: 1}}
	_, err := unix.ProcessVMWritev(target, local, remote, 0)
	return err
}

var written [8]byte

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

// openBPF opens the first BPF program that there is, whoever loaded it.
func openBPF([]string) error {
	var attr [4]uint32 // start_id, and in its answer next_id
	if _, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_PROG_GET_NEXT_ID, uintptr(unsafe.Pointer(&attr)), 16); errno != 0 {
		return errno
	}
	attr = [4]uint32{attr[1]}
	fd, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_PROG_GET_FD_BY_ID, uintptr(unsafe.Pointer(&attr)), 16)
	if errno != 0 {
		return errno
	}
	return unix.Close(int(fd))
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
