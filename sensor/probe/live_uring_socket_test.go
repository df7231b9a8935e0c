package probe

import (
	"errors"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

// listening returns a socket that listens on the loopback interface, and its address.
func listening(t *testing.T) (int, netip.AddrPort) {
	t.Helper()
	fd := socket(t, unix.AF_INET, unix.SOCK_STREAM, 0)
	if err := errors.Join(unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(fd, 8)); err != nil {
		t.Fatal(err)
	}
	return fd, local(t, fd)
}

func connectRequest(fd int, to netip.AddrPort) sqe {
	sa, n := sockaddr(to)
	return sqe{opcode: opConnect, fd: int32(fd), addr: uint64(sa), off: uint64(n)}
}

func TestRingConnect(t *testing.T) {
	l := all(t)
	_, to := listening(t)
	closed := socket(t, unix.AF_INET, unix.SOCK_STREAM, 0)
	if err := unix.Bind(closed, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		flags uint8
		to    netip.AddrPort
		errno unix.Errno
	}{
		{"connected", 0, to, 0},
		{"by a worker", flagAsync, to, 0},
		{"refused", 0, local(t, closed), unix.ECONNREFUSED},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRing(t, 0)
			fd := socket(t, unix.AF_INET, unix.SOCK_STREAM, 0)
			request := connectRequest(fd, test.to)
			request.flags = test.flags
			ev := l.expect(t, viaRing(event.Connect, descriptor(fd)), func() {
				if res := r.do(request); res != -int32(test.errno) {
					t.Fatalf("returned %d", res)
				}
			})
			f := ev.FD
			if ev.Ret != -int64(test.errno) || f.Asked != test.to || f.Role != event.RoleClient || f.L4 != event.L4TCP ||
				f.Type != event.FDIPv4 || f.Connected != (test.errno == 0) {
				t.Errorf("returned %d, %+v", ev.Ret, f)
			}
			if test.errno == 0 && (f.Remote != test.to || f.Local != local(t, fd)) {
				t.Errorf("%+v, want %v to %v", f, local(t, fd), test.to)
			}
			checkRingTask(t, ev)
		})
	}
}

// What is no socket cannot be connected: the event says what it is.
func TestRingConnectOfAFile(t *testing.T) {
	l := all(t)
	r := newRing(t, 0)
	fd, err := unix.Open("/", unix.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	request := connectRequest(fd, netip.MustParseAddrPort("127.0.0.1:9"))
	ev := l.expect(t, viaRing(event.Connect, descriptor(fd)), func() { r.do(request) })
	if ev.Ret != -int64(unix.ENOTSOCK) || ev.FD.Real != "/" || ev.FD.Type != event.FDDirectory {
		t.Errorf("returned %d, %+v", ev.Ret, ev.FD)
	}
}

func TestRingUnixConnect(t *testing.T) {
	l := all(t)
	r := newRing(t, 0)
	name := t.TempDir() + "/absent"
	fd := socket(t, unix.AF_UNIX, unix.SOCK_STREAM, 0)
	raw := unix.RawSockaddrUnix{Family: unix.AF_UNIX}
	for i := range len(name) {
		raw.Path[i] = int8(name[i])
	}
	request := sqe{opcode: opConnect, fd: int32(fd), addr: uint64(addr(&raw)), off: uint64(2 + len(name))}
	ev := l.expect(t, viaRing(event.Connect, descriptor(fd)), func() { r.do(request) })
	if ev.Ret != -int64(unix.ENOENT) || ev.FD.Unix != name || ev.FD.Type != event.FDUnix {
		t.Errorf("returned %d, %+v", ev.Ret, ev.FD)
	}
}

func TestRingBindListen(t *testing.T) {
	l := all(t)
	r := newRing(t, 0)
	fd := socket(t, unix.AF_INET, unix.SOCK_STREAM, 0)
	sa, n := sockaddr(netip.MustParseAddrPort("127.0.0.1:0"))
	var res int32
	bind := sqe{opcode: opBind, fd: int32(fd), addr: uint64(sa), off: uint64(n)}
	if res = r.do(bind); res == -int32(unix.EINVAL) {
		t.Skip("this kernel's io_uring has no bind (6.11 does)")
	}
	fd = socket(t, unix.AF_INET, unix.SOCK_STREAM, 0)
	bind.fd = int32(fd)
	bound := l.expect(t, viaRing(event.Bind, descriptor(fd)), func() { res = r.do(bind) })
	if f := bound.FD; res != 0 || bound.Ret != 0 || f.Local != local(t, fd) || f.Role != event.RoleServer {
		t.Errorf("bind returned %d of %d, %+v", bound.Ret, res, f)
	}
	heard := l.expect(t, viaRing(event.Listen, descriptor(fd)), func() { res = r.do(sqe{opcode: opListen, fd: int32(fd), len: 7}) })
	if f := heard.FD; res != 0 || heard.Ret != 0 || heard.Args.Backlog != 7 || f.Local != local(t, fd) {
		t.Errorf("listen returned %d of %d, backlog %d, %+v", heard.Ret, res, heard.Args.Backlog, f)
	}
}

// One request accepts any number of connections, each an event.
func TestRingAccept(t *testing.T) {
	const multishot = 1
	l := all(t)
	for _, test := range []struct {
		name        string
		ioprio      uint16
		flags       uint8
		setup       uint32
		connections int
	}{
		{"one", 0, 0, 0, 1},
		{"one by a worker", 0, flagAsync, 0, 1},
		{"several", multishot, 0, 0, 3},
		{"several, and no room for their results", multishot, 0, setupCQSize, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRing(t, test.setup)
			server, to := listening(t)
			first := uint32(0)
			if test.setup&setupCQSize != 0 {
				for first = range uint32(8) {
					r.push(sqe{opcode: opNop})
				}
				r.wait(8)
				first = 8
			}
			r.push(sqe{opcode: opAccept, flags: test.flags, fd: int32(server), ioprio: test.ioprio, opFlags: unix.SOCK_CLOEXEC, userData: 7})
			r.wait(first)
			for range test.connections {
				client := socket(t, unix.AF_INET, unix.SOCK_STREAM, 0)
				var from netip.AddrPort
				remote := func(ev *event.Event) bool { return ev.Ret >= 0 && ev.FD.Remote == local(t, client) }
				ev := l.expect(t, viaRing(event.Accept4, remote), func() {
					if err := unix.Connect(client, &unix.SockaddrInet4{Port: int(to.Port()), Addr: [4]byte{127, 0, 0, 1}}); err != nil {
						t.Fatal(err)
					}
					from = local(t, client)
					if first == 0 {
						r.wait(1)
					} else {
						r.wait(first)
					}
				})
				if results := r.reap(); first == 0 && (len(results) != 1 || results[0].res != ev.FD.Num) {
					t.Errorf("results %+v", results)
				}
				if f := ev.FD; f.Local != to || f.Remote != from || f.Role != event.RoleServer || !f.Connected || ev.Ret != int64(f.Num) ||
					ev.Args.OldFD != int32(server) || ev.Args.Flags != unix.SOCK_CLOEXEC || f.Type != event.FDIPv4 {
					t.Errorf("returned %d, %+v, args %+v", ev.Ret, f, ev.Args)
				}
				checkRingTask(t, ev)
				unix.Close(int(ev.FD.Num))
				if first > 0 {
					return // the kernel ends the request once a result finds no room
				}
			}
		})
	}
}
