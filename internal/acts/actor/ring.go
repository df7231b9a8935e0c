package main

import (
	"fmt"
	"net/netip"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Numbers of io_uring.h.
const (
	ringOpenat, ringConnect = 18, 16 // IORING_OP_
	ringSize                = 20 * 6 // bytes of struct io_uring_params
	ringRequests            = 0x10000000
	ringGetEvents           = 1
)

// A ringRequest is struct io_uring_sqe.
type ringRequest struct {
	opcode, flags uint8
	ioprio        uint16
	fd            int32
	off, addr     uint64
	len, opFlags  uint32
	_             [32]byte
}

// ringOpen has an io_uring open a file for reading.
func ringOpen(a []string) error {
	path := append([]byte(a[0]), 0)
	defer runtime.KeepAlive(path)
	return ringDo(ringRequest{opcode: ringOpenat, fd: unix.AT_FDCWD, addr: uint64(uintptr(unsafe.Pointer(&path[0])))}, func(res int32) bool { return res >= 0 })
}

// ringConnectTo has an io_uring connect over TCP, to an end that is this process's too: a ring waits for the answer.
func ringConnectTo(a []string) error {
	to, err := netip.ParseAddrPort(a[0])
	if err != nil {
		return err
	}
	listener, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(listener)
	if err := unix.Bind(listener, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()}); err != nil {
		return err
	}
	if err := unix.Listen(listener, 1); err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	at := unix.RawSockaddrInet4{Family: unix.AF_INET, Port: to.Port()<<8 | to.Port()>>8, Addr: to.Addr().As4()}
	defer runtime.KeepAlive(&at)
	return ringDo(ringRequest{opcode: ringConnect, fd: int32(fd), off: unix.SizeofSockaddrInet4, addr: uint64(uintptr(unsafe.Pointer(&at)))},
		func(res int32) bool { return res == 0 })
}

// ringDo makes a ring, and has the kernel do one request.
func ringDo(request ringRequest, done func(res int32) bool) error {
	// struct io_uring_params: sq_entries, cq_entries, five more, three reserved; then the offsets of either queue.
	var params [ringSize / 4]uint32
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 1, uintptr(unsafe.Pointer(&params)), 0)
	if errno != 0 {
		return errno
	}
	defer unix.Close(int(fd))
	sq, cq := params[10:20], params[20:30]
	queues, err := unix.Mmap(int(fd), 0, int(max(sq[6]+4, cq[5]+16*params[1])), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	requests, err := unix.Mmap(int(fd), ringRequests, int(unsafe.Sizeof(request)), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	*(*ringRequest)(unsafe.Pointer(&requests[0])) = request
	*(*uint32)(unsafe.Pointer(&queues[sq[1]])) = 1 // the tail: one request, the first, as the array has it already
	for {
		taken, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, fd, 1, 1, ringGetEvents, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			return errno
		}
		if taken == 1 {
			break
		}
	}
	if res := *(*int32)(unsafe.Pointer(&queues[cq[5]+8])); !done(res) {
		return fmt.Errorf("io_uring: %w", unix.Errno(-res))
	}
	return nil
}
