package main

import (
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"
)

// netns leaves for a network of one's own, of which the loopback device is up.
func netns([]string) error {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		return err
	}
	return address([]string{"127.0.0.1"})
}

// address gives the loopback device further addresses, and takes it up.
func address(addresses []string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	for i, text := range addresses {
		at, err := netip.ParseAddr(text)
		if err != nil {
			return err
		}
		name := "lo"
		if i > 0 || !at.IsLoopback() {
			name = fmt.Sprintf("lo:%d", i+1)
		}
		request, err := unix.NewIfreq(name)
		if err != nil {
			return err
		}
		four := at.As4()
		if err := request.SetInet4Addr(four[:]); err != nil {
			return err
		}
		if err := unix.IoctlIfreq(fd, unix.SIOCSIFADDR, request); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	up, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	up.SetUint16(unix.IFF_UP | unix.IFF_LOOPBACK)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, up)
}

var domains = map[string]int{"inet": unix.AF_INET, "packet": unix.AF_PACKET, "unix": unix.AF_UNIX}

// socket makes one; whether that succeeds depends on who asks.
func socket(a []string) error {
	kind := unix.SOCK_DGRAM
	if a[0] == "packet" {
		kind = unix.SOCK_RAW
	}
	if fd, err := unix.Socket(domains[a[0]], kind, 0); err == nil {
		return unix.Close(fd)
	}
	return nil
}

var protocols = map[string]int{"tcp": unix.SOCK_STREAM, "udp": unix.SOCK_DGRAM}

func ends(a []string) (int, unix.Sockaddr, error) {
	at, err := netip.ParseAddrPort(a[1])
	if err != nil {
		return 0, nil, err
	}
	if at.Addr().Is6() {
		fd, err := unix.Socket(unix.AF_INET6, protocols[a[0]]|unix.SOCK_NONBLOCK, 0)
		return fd, &unix.SockaddrInet6{Port: int(at.Port()), Addr: at.Addr().As16()}, err
	}
	fd, err := unix.Socket(unix.AF_INET, protocols[a[0]]|unix.SOCK_NONBLOCK, 0)
	return fd, &unix.SockaddrInet4{Port: int(at.Port()), Addr: at.Addr().As4()}, err
}

// connect begins to connect, and does not wait for an answer.
func connect(a []string) error {
	fd, to, err := ends(a)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Connect(fd, to); err != nil && !errors.Is(err, unix.EINPROGRESS) {
		return err
	}
	return nil
}

func sendto(a []string) error {
	fd, to, err := ends(a)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	return unix.Sendto(fd, []byte("x"), 0, to)
}

func listen(a []string) error {
	fd, at, err := ends(a)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Bind(fd, at); err != nil {
		return err
	}
	return unix.Listen(fd, 1)
}

// dupSocket makes a socket to be standard input.
func dupSocket([]string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	return unix.Dup3(fd, 0, 0)
}

// dupFile makes a file to be standard input.
func dupFile([]string) error {
	fd, err := unix.Open("/acts/actor", unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	return unix.Dup3(fd, 0, 0)
}

// terminal makes a terminal and returns the descriptor of its end for a process.
func terminal() (uintptr, error) {
	master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	if err := unix.IoctlSetPointerInt(master, unix.TIOCSPTLCK, 0); err != nil {
		return 0, err
	}
	// By the descriptor alone: a root of one's own has no /dev/pts.
	slave, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(master), unix.TIOCGPTPEER, unix.O_RDWR|unix.O_NOCTTY)
	if errno != 0 {
		return 0, errno
	}
	return slave, nil
}
