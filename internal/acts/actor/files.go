package main

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// deeds are what a step can do, by name. Those with a path take it first.
var deeds = map[string]func([]string) error{
	"sleep": func(a []string) error {
		d, err := time.ParseDuration(a[0])
		time.Sleep(d)
		return err
	},
	"open":    open,
	"creat":   creat,
	"chdir":   func(a []string) error { return unix.Chdir(a[0]) },
	"symlink": func(a []string) error { return unix.Symlink(a[0], a[1]) },
	"link":    func(a []string) error { return unix.Link(a[0], a[1]) },
	"rename":  func(a []string) error { return unix.Rename(a[0], a[1]) },
	"unlink":  func(a []string) error { return unix.Unlink(a[0]) },
	"rmdir":   func(a []string) error { return unix.Rmdir(a[0]) },
	"mkdir":   func(a []string) error { return unix.Mkdir(a[0], 0o755) },
	"chmod": func(a []string) error {
		mode, err := strconv.ParseUint(a[1], 8, 32)
		if err != nil {
			return err
		}
		return unix.Chmod(a[0], uint32(mode))
	},

	"address": address, "netns": netns,
	"socket": socket, "connect": connect, "sendto": sendto, "listen": listen,
	"dup-socket": dupSocket, "dup-file": dupFile,

	"ring-open": ringOpen, "ring-connect": ringConnectTo,
	"open-by-handle": openByHandle, "take-descriptor": takeDescriptor, "pass": pass, "receive": receive, "flip": flip,
	"ftruncate": ftruncate, "fcntl-socket": fcntlSocket, "fcntl-file": fcntlFile, "open-tree": openTree, "fsmount": fsmount,

	"mknod": mknod, "bind-mount": bindMount, "unmount": func(a []string) error { return unix.Unmount(a[0], 0) },
	"deleted": deleted, "chroot": func(a []string) error { return unix.Chroot(a[0]) },

	"vm-write": vmWrite, "ready": ready, "user-namespace": func([]string) error { return unix.Unshare(unix.CLONE_NEWUSER) },
	"ptrace": ptrace, "setns": setns, "unshare": unshare, "setuid": setuid, "bpf": bpf, "bpf-open": openBPF, "userfaultfd": userfaultfd,
	"finit_module": finitModule, "memfd": memfd, "drop": drop,
}

var openFlags = map[rune]int{
	'r': unix.O_RDONLY, 'w': unix.O_WRONLY, 'b': unix.O_RDWR, 'c': unix.O_CREAT, 't': unix.O_TRUNC, 'd': unix.O_DIRECTORY,
}

// open opens a path with the flags that letters stand for. A minus before them says that it is not to succeed.
func open(a []string) error {
	letters, fails := strings.CutPrefix(a[1], "-")
	flags := 0
	for _, l := range letters {
		flags |= openFlags[l]
	}
	fd, err := unix.Open(a[0], flags, 0o644)
	if err == nil {
		err = unix.Close(fd)
	}
	if fails && err != nil {
		return nil
	}
	if fails {
		return fmt.Errorf("was opened")
	}
	return err
}

func creat(a []string) error {
	fd, err := unix.Creat(a[0], 0o644)
	if err != nil {
		return err
	}
	return unix.Close(fd)
}

// memfd makes a memfd named so and copies this program into it; a step with Path /proc/self/fd/9 runs it.
func memfd(a []string) error {
	fd, err := unix.MemfdCreate(a[0], 0)
	if err != nil {
		return err
	}
	if err := unix.Dup3(fd, 9, 0); err != nil {
		return err
	}
	return copyTo(os.NewFile(9, a[0]))
}

// drop copies this program to a path.
func drop(a []string) error {
	f, err := os.OpenFile(a[0], os.O_WRONLY|os.O_CREATE, 0o755)
	if err != nil {
		return err
	}
	if err := copyTo(f); err != nil {
		return err
	}
	return f.Close()
}

// deleted is drop, and removes the file again; a step with Path /proc/self/fd/9 runs it.
func deleted(a []string) error {
	if err := drop(a); err != nil {
		return err
	}
	fd, err := unix.Open(a[0], unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	if err := unix.Dup3(fd, 9, 0); err != nil {
		return err
	}
	return unix.Unlink(a[0])
}

// mknod makes the node of a disk, or a pipe.
func mknod(a []string) error {
	mode := map[string]uint32{"disk": unix.S_IFBLK, "pipe": unix.S_IFIFO}[a[1]]
	return unix.Mknod(a[0], mode|0o600, int(unix.Mkdev(8, 0)))
}

func bindMount(a []string) error { return unix.Mount(a[0], a[1], "", unix.MS_BIND, "") }

// copyTo leaves the file open: closing a memfd would lose it.
func copyTo(to *os.File) error {
	self, err := os.Open("/acts/actor")
	if err != nil {
		return err
	}
	defer self.Close()
	_, err = io.Copy(to, self)
	kept = append(kept, to)
	return err
}

// kept files are not closed when nothing refers to them any longer.
var kept []*os.File
