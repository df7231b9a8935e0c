package probe

import (
	"errors"
	"net/netip"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

func socket(t *testing.T, family, kind, protocol int) int {
	t.Helper()
	fd, err := unix.Socket(family, kind, protocol)
	if err != nil {
		t.Skipf("no socket of family %d: %v", family, err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

func local(t *testing.T, fd int) netip.AddrPort {
	t.Helper()
	sa, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port))
	}
	t.Fatalf("address %T", sa)
	return netip.AddrPort{}
}

// sockaddr is to as the kernel wants it.
func sockaddr(to netip.AddrPort) (uintptr, uintptr) {
	port := to.Port()<<8 | to.Port()>>8
	if to.Addr().Is4() {
		return addr(&unix.RawSockaddrInet4{Family: unix.AF_INET, Port: port, Addr: to.Addr().As4()}), unix.SizeofSockaddrInet4
	}
	return addr(&unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: port, Addr: to.Addr().As16()}), unix.SizeofSockaddrInet6
}

// sockaddrUnix is a unix socket's address: of a path, or an abstract one behind an @.
func sockaddrUnix(name string) (uintptr, uintptr) {
	raw := unix.RawSockaddrUnix{Family: unix.AF_UNIX}
	for i := range len(name) {
		raw.Path[i] = int8(name[i])
	}
	if name[0] == '@' {
		raw.Path[0] = 0
	}
	return addr(&raw), unsafe.Sizeof(raw.Family) + uintptr(len(name))
}

func descriptor(fd int) func(*event.Event) bool {
	return func(ev *event.Event) bool { return ev.FD.Num == int32(fd) }
}

func TestTCP(t *testing.T) {
	l := all(t)
	for _, test := range []struct {
		name    string
		family  int
		address string // bound to
		to      string // connected to; "" for address
		fdType  event.FDType
		want    netip.Addr
	}{
		{"IPv4", unix.AF_INET, "127.0.0.1", "", event.FDIPv4, netip.MustParseAddr("127.0.0.1")},
		{"IPv6", unix.AF_INET6, "::1", "", event.FDIPv6, netip.MustParseAddr("::1")},
		{"IPv4 over IPv6", unix.AF_INET6, "::", "::ffff:127.0.0.1", event.FDIPv4, netip.MustParseAddr("127.0.0.1")},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := socket(t, test.family, unix.SOCK_STREAM, 0)
			sa, n := sockaddr(netip.AddrPortFrom(netip.MustParseAddr(test.address), 0))
			var errno unix.Errno
			bound := l.expect(t, mine(event.Bind, descriptor(server)), func() { _, errno = call(t, event.Bind, at(server), sa, n) })
			if errno != 0 {
				t.Skipf("bind %s: %v", test.address, errno)
			}
			at0 := local(t, server)
			if f := bound.FD; f.Local != at0 || f.Asked.Addr() != at0.Addr() || f.Remote.IsValid() || f.L4 != event.L4TCP ||
				f.Role != event.RoleServer || f.Connected {
				t.Errorf("bind: %+v, want %v", f, at0)
			}

			listening := l.expect(t, mine(event.Listen, descriptor(server)), func() { call(t, event.Listen, at(server), 7) })
			if f := listening.FD; f.Local != at0 || listening.Args.Backlog != 7 || f.Role != event.RoleServer || listening.Ret != 0 {
				t.Errorf("listen: %+v, backlog %d", f, listening.Args.Backlog)
			}

			client := socket(t, test.family, unix.SOCK_STREAM, 0)
			to := at0
			if test.to != "" {
				to = netip.AddrPortFrom(netip.MustParseAddr(test.to), at0.Port())
			}
			sa, n = sockaddr(to)
			connected := l.expect(t, mine(event.Connect, descriptor(client)), func() {
				if _, errno := call(t, event.Connect, at(client), sa, n); errno != 0 {
					t.Fatal(errno)
				}
			})
			from := netip.AddrPortFrom(test.want, local(t, client).Port())
			remote := netip.AddrPortFrom(test.want, at0.Port())
			if f := connected.FD; f.Type != test.fdType || f.Local != from || f.Remote != remote || f.Asked != remote ||
				f.Role != event.RoleClient || !f.Connected || f.L4 != event.L4TCP {
				t.Errorf("connect: %+v, want %v to %v", f, from, remote)
			}

			accept, args := event.Accept4, []uintptr{at(server), 0, 0, unix.SOCK_CLOEXEC}
			if test.family == unix.AF_INET {
				accept, args = event.Accept, args[:3]
			}
			var fd uintptr
			accepted := l.expect(t, mine(accept, nil), func() {
				if fd, errno = call(t, accept, args...); errno != 0 {
					t.Fatal(errno)
				}
				unix.Close(int(fd))
			})
			if f := accepted.FD; f.Num != int32(fd) || f.Type != test.fdType || f.Local != remote || f.Remote != from ||
				f.Role != event.RoleServer || !f.Connected {
				t.Errorf("accept: %+v, want %v from %v", f, remote, from)
			}
			if accept == event.Accept4 && accepted.Args.Flags != unix.SOCK_CLOEXEC {
				t.Errorf("accept4: flags %#x", accepted.Args.Flags)
			}
		})
	}
}

// After a failed connect the socket has no other end: what was asked for tells. While one is under way it has.
func TestConnectOutcomes(t *testing.T) {
	l := all(t)
	closed := socket(t, unix.AF_INET, unix.SOCK_STREAM, 0)
	if err := unix.Bind(closed, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	to := local(t, closed)
	for _, test := range []struct {
		name      string
		kind      int
		errno     unix.Errno
		l4        event.L4
		connected bool
	}{
		{"refused", unix.SOCK_STREAM, unix.ECONNREFUSED, event.L4TCP, false},
		{"under way", unix.SOCK_STREAM | unix.SOCK_NONBLOCK, unix.EINPROGRESS, event.L4TCP, false},
		{"datagrams", unix.SOCK_DGRAM, 0, event.L4UDP, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			fd := socket(t, unix.AF_INET, test.kind, 0)
			sa, n := sockaddr(to)
			ev := l.expect(t, mine(event.Connect, descriptor(fd)), func() {
				if _, errno := call(t, event.Connect, at(fd), sa, n); errno != test.errno {
					t.Fatal(errno)
				}
			})
			if f := ev.FD; ev.Ret != -int64(test.errno) || f.Asked != to || f.Connected != test.connected || f.L4 != test.l4 {
				t.Errorf("returned %d, %+v", ev.Ret, f)
			}
			if test.connected && ev.FD.Remote != to {
				t.Errorf("remote %v, want %v", ev.FD.Remote, to)
			}
		})
	}
}

// Multipath TCP is anybody's to ask for, and a server need not know it: the connection is TCP, with TCP's addresses.
func TestMultipathTCP(t *testing.T) {
	l := all(t)
	server := socket(t, unix.AF_INET, unix.SOCK_STREAM, 0)
	if err := errors.Join(unix.Bind(server, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(server, 1)); err != nil {
		t.Fatal(err)
	}
	to := local(t, server)
	fd := socket(t, unix.AF_INET, unix.SOCK_STREAM, unix.IPPROTO_MPTCP)
	sa, n := sockaddr(to)
	ev := l.expect(t, mine(event.Connect, descriptor(fd)), func() {
		if _, errno := call(t, event.Connect, at(fd), sa, n); errno != 0 {
			t.Fatal(errno)
		}
	})
	if f := ev.FD; f.L4 != event.L4TCP || f.Remote != to || !f.Connected {
		t.Errorf("%+v, want tcp to %v", f, to)
	}
}

func TestUnixSockets(t *testing.T) {
	l := all(t)
	for _, name := range []string{filepath.Join(t.TempDir(), "s"), "@tiercel-test\x00x"} {
		server := socket(t, unix.AF_UNIX, unix.SOCK_STREAM, 0)
		sa, n := sockaddrUnix(name)
		bound := l.expect(t, mine(event.Bind, descriptor(server)), func() {
			if _, errno := call(t, event.Bind, at(server), sa, n); errno != 0 {
				t.Fatal(errno)
			}
		})
		call(t, event.Listen, at(server), 1)
		client := socket(t, unix.AF_UNIX, unix.SOCK_STREAM, 0)
		connected := l.expect(t, mine(event.Connect, descriptor(client)), func() {
			if _, errno := call(t, event.Connect, at(client), sa, n); errno != 0 {
				t.Fatal(errno)
			}
		})
		var fd uintptr
		accepted := l.expect(t, mine(event.Accept4, nil), func() { fd, _ = call(t, event.Accept4, at(server), 0, 0, 0) })
		unix.Close(int(fd))
		for _, ev := range []*event.Event{bound, connected, accepted} {
			if ev.FD.Type != event.FDUnix || ev.FD.Unix != name {
				t.Errorf("%v: type %v, %q, want %q", ev.Kind, ev.FD.Type, ev.FD.Unix, name)
			}
		}
		if !connected.FD.Connected {
			t.Error("not connected")
		}
	}
	absent := filepath.Join(t.TempDir(), "absent")
	fd := socket(t, unix.AF_UNIX, unix.SOCK_STREAM, 0)
	sa, n := sockaddrUnix(absent)
	ev := l.expect(t, mine(event.Connect, descriptor(fd)), func() {
		if _, errno := call(t, event.Connect, at(fd), sa, n); errno != unix.ENOENT {
			t.Fatal(errno)
		}
	})
	if ev.FD.Unix != absent || ev.FD.Connected {
		t.Errorf("failed: %q, want %q", ev.FD.Unix, absent)
	}
}

// A descriptor that is no descriptor, or fails to be one, has no facts.
func TestNoDescriptor(t *testing.T) {
	l := all(t)
	ev := l.expect(t, mine(event.Listen, descriptor(9999)), func() {
		if _, errno := call(t, event.Listen, 9999, 1); errno != unix.EBADF {
			t.Fatal(errno)
		}
	})
	if f := ev.FD; !f.Valid || f.Type != event.FDUnknown || f.Local.IsValid() {
		t.Errorf("%+v", f)
	}
	ev = l.expect(t, mine(event.Dup, func(ev *event.Event) bool { return ev.Args.OldFD == 9999 }), func() {
		if _, errno := call(t, event.Dup, 9999); errno != unix.EBADF {
			t.Fatal(errno)
		}
	})
	if ev.FD.Valid || ev.Ret != -int64(unix.EBADF) {
		t.Errorf("returned %d, %+v", ev.Ret, ev.FD)
	}
}

// The copy of a descriptor is what the original was: a socket's addresses matter most.
func TestDup(t *testing.T) {
	l := all(t)
	server := socket(t, unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err := unix.Bind(server, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	fd := socket(t, unix.AF_INET, unix.SOCK_DGRAM, 0)
	to := local(t, server)
	if err := unix.Connect(fd, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		kind event.Kind
		args []uintptr
		new  int32
		flag uint64
	}{
		{event.Dup, []uintptr{at(fd)}, 0, 0},
		{event.Dup2, []uintptr{at(fd), 200}, 200, 0},
		{event.Dup3, []uintptr{at(fd), 201, unix.O_CLOEXEC}, 201, unix.O_CLOEXEC},
	} {
		t.Run(test.kind.String(), func(t *testing.T) {
			var copied uintptr
			ev := l.expect(t, mine(test.kind, func(ev *event.Event) bool { return ev.Args.OldFD == int32(fd) }), func() {
				var errno unix.Errno
				if copied, errno = call(t, test.kind, test.args...); errno != 0 {
					t.Fatal(errno)
				}
			})
			unix.Close(int(copied))
			if ev.Ret != int64(copied) || ev.FD.Num != int32(copied) || ev.Args.NewFD != test.new || ev.Args.Flags != test.flag {
				t.Errorf("returned %d, number %d, args %+v", ev.Ret, ev.FD.Num, ev.Args)
			}
			if f := ev.FD; f.Type != event.FDIPv4 || f.Remote != to || f.L4 != event.L4UDP || f.Role != event.RoleUnknown {
				t.Errorf("%+v", f)
			}
		})
	}
}

// What a descriptor can refer to besides files and sockets.
func TestDescriptorTypes(t *testing.T) {
	l := all(t)
	var pipe [2]int
	if err := unix.Pipe(pipe[:]); err != nil {
		t.Fatal(err)
	}
	must := func(fd int, err error) int {
		if err != nil {
			t.Logf("not offered: %v", err)
			return -1
		}
		return fd
	}
	timer, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, 0)
	directory, dirErr := unix.Open("/", unix.O_RDONLY, 0)
	for _, test := range []struct {
		name string
		fd   int
		want event.FDType
		real string // "" to leave it
	}{
		{"pipe", pipe[0], event.FDPipe, ""},
		{"event", must(unix.Eventfd(0, 0)), event.FDEvent, "[eventfd]"},
		{"epoll", must(unix.EpollCreate1(0)), event.FDEventpoll, "[eventpoll]"},
		{"inotify", must(unix.InotifyInit1(0)), event.FDInotify, ""},
		{"timer", must(timer, err), event.FDTimer, "[timerfd]"},
		{"signal", must(unix.Signalfd(-1, &unix.Sigset_t{}, 0)), event.FDSignal, "[signalfd]"},
		{"memfd", must(unix.MemfdCreate("secret", 0)), event.FDMemfd, "memfd:secret"},
		{"pidfd", must(unix.PidfdOpen(unix.Getpid(), 0)), event.FDPid, ""},
		{"directory", must(directory, dirErr), event.FDDirectory, "/"},
		{"netlink", must(unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW, 0)), event.FDNetlink, ""},
		{"packet", must(unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)), event.FDPacket, ""},
	} {
		if test.fd < 0 {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			defer unix.Close(test.fd)
			ev := l.expect(t, mine(event.Dup, func(ev *event.Event) bool { return ev.Args.OldFD == int32(test.fd) }), func() {
				fd, errno := call(t, event.Dup, at(test.fd))
				if errno != 0 {
					t.Fatal(errno)
				}
				unix.Close(int(fd))
			})
			if ev.FD.Type != test.want || test.real != "" && ev.FD.Real != test.real {
				t.Errorf("type %v, want %v; %q", ev.FD.Type, test.want, ev.FD.Real)
			}
			if test.want != event.FDDirectory && ev.FD.RealStatus != event.PathAnonymous {
				t.Errorf("status %v of %q", ev.FD.RealStatus, ev.FD.Real)
			}
		})
	}
}
