package main

import (
	"os"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// openByHandle opens a file by its number on the disk.
func openByHandle(a []string) error {
	handle, _, err := unix.NameToHandleAt(unix.AT_FDCWD, a[0], 0)
	if err != nil {
		return err
	}
	at, err := unix.Open("/", unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(at)
	fd, err := unix.OpenByHandleAt(at, handle, unix.O_RDONLY)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// takeDescriptor takes standard error out of a child, or only asks for a descriptor that it has not.
func takeDescriptor(a []string) error {
	child, err := sleeper()
	if err != nil {
		return err
	}
	defer end(child)
	pidfd, err := unix.PidfdOpen(child, 0)
	if err != nil {
		return err
	}
	defer unix.Close(pidfd)
	if a[0] == "missing" {
		_, _ = unix.PidfdGetfd(pidfd, 99, 0)
		return nil
	}
	_, err = unix.PidfdGetfd(pidfd, 2, 0)
	return err
}

// pass opens a file and gives it to the process that has the other end of descriptor 9.
func pass(a []string) error {
	fd, err := unix.Open(a[0], unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Sendmsg(9, []byte("x"), unix.UnixRights(fd), nil, 0)
}

// receive starts a process that passes it the file, and takes what comes.
func receive(a []string) error {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := unix.Dup3(ends[1], 9, 0); err != nil {
		return err
	}
	process, err := os.StartProcess("/acts/actor", []string{"actor", `[{"Do":["pass","` + a[0] + `"]}]`},
		&os.ProcAttr{Env: []string{"NONE="}, Files: []*os.File{os.Stdin, os.Stdout, os.Stderr, nil, nil, nil, nil, nil, nil, os.NewFile(9, "end")}})
	if err != nil {
		return err
	}
	if _, err := process.Wait(); err != nil {
		return err
	}
	control := make([]byte, unix.CmsgSpace(4))
	_, _, _, _, err = unix.Recvmsg(ends[0], make([]byte, 1), control, unix.MSG_DONTWAIT)
	return err
}

// flip opens a file while another thread writes another path over the one that is asked for.
func flip(a []string) error {
	var path [64]byte
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-done:
				return
			default:
				copy(path[:], a[0]+"\x00")
				copy(path[:], a[1]+"\x00")
			}
		}
	}()
	for range 200 {
		time.Sleep(time.Millisecond)
		fd, _, errno := unix.Syscall6(unix.SYS_OPENAT, ^uintptr(99), uintptr(unsafe.Pointer(&path)), unix.O_RDONLY, 0, 0, 0)
		if errno == 0 {
			_ = unix.Close(int(fd))
		}
	}
	close(done)
	<-stopped
	return nil
}

// ftruncate empties a file that it has open.
func ftruncate(a []string) error {
	fd, err := unix.Open(a[0], unix.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Ftruncate(fd, 0)
}

// fcntlSocket and fcntlFile make a socket, or a file, to be standard input by fcntl.
func fcntlSocket([]string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	return copyToInput(fd)
}

func fcntlFile([]string) error {
	fd, err := unix.Open("/acts/actor", unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	return copyToInput(fd)
}

func copyToInput(fd int) error {
	if err := unix.Close(0); err != nil {
		return err
	}
	_, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD, 0)
	return err
}

// openTree names a place, or copies the mount that is there ("clone"); "move" also puts the copy on another place.
func openTree(a []string) error {
	flags := uint(unix.OPEN_TREE_CLOEXEC)
	if len(a) > 1 {
		flags |= unix.OPEN_TREE_CLONE
	}
	fd, err := unix.OpenTree(unix.AT_FDCWD, a[0], flags)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if len(a) < 3 {
		return nil
	}
	return unix.MoveMount(fd, "", unix.AT_FDCWD, a[2], unix.MOVE_MOUNT_F_EMPTY_PATH)
}

// fsmount makes a filesystem in memory that stands nowhere.
func fsmount([]string) error {
	fs, err := unix.Fsopen("tmpfs", 0)
	if err != nil {
		return err
	}
	defer unix.Close(fs)
	if err := unix.FsconfigCreate(fs); err != nil {
		return err
	}
	fd, err := unix.Fsmount(fs, 0, 0)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}
