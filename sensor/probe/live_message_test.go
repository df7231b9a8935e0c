package probe

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

func TestSocket(t *testing.T) {
	l := all(t)
	for _, test := range []struct {
		name                   string
		domain, kind, protocol int
		want                   event.FDType
		l4                     event.L4
	}{
		{"TCP", unix.AF_INET, unix.SOCK_STREAM | unix.SOCK_CLOEXEC, 0, event.FDIPv4, event.L4TCP},
		{"UDP over IPv6", unix.AF_INET6, unix.SOCK_DGRAM, unix.IPPROTO_UDP, event.FDIPv6, event.L4UDP},
		{"raw", unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP, event.FDIPv4, event.L4ICMP},
		{"packet", unix.AF_PACKET, unix.SOCK_RAW, 0x300, event.FDPacket, event.L4Unknown},
		{"netlink", unix.AF_NETLINK, unix.SOCK_RAW | unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE, event.FDNetlink, event.L4Unknown},
		{"unix", unix.AF_UNIX, unix.SOCK_SEQPACKET, 0, event.FDUnix, event.L4Unknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			match := func(ev *event.Event) bool {
				return ev.Args.Domain == int32(test.domain) && ev.Args.SockType == int32(test.kind) && ev.Args.Protocol == int32(test.protocol)
			}
			var fd uintptr
			ev := l.expect(t, mine(event.Socket, match), func() {
				fd = must(t, event.Socket, uintptr(test.domain), uintptr(test.kind), uintptr(test.protocol))
			})
			unix.Close(int(fd))
			if f := ev.FD; ev.Ret != int64(fd) || f.Num != int32(fd) || f.Type != test.want || f.L4 != test.l4 || f.Ino == 0 ||
				f.Local.IsValid() || f.Remote.IsValid() || f.Connected || f.NameChanged || f.Role != event.RoleUnknown {
				if test.l4 != event.L4ICMP || f.Num != int32(fd) {
					t.Errorf("returned %d, %+v", ev.Ret, f)
				}
			}
		})
	}
	ev := l.expect(t, mine(event.Socket, func(ev *event.Event) bool { return ev.Args.Domain == 99 }), func() {
		if _, errno := call(t, event.Socket, 99, 1, 2); errno != unix.EAFNOSUPPORT {
			t.Fatal(errno)
		}
	})
	if ev.Ret != -int64(unix.EAFNOSUPPORT) || ev.FD.Valid || ev.Args.SockType != 1 || ev.Args.Protocol != 2 {
		t.Errorf("failed: returned %d, %+v", ev.Ret, ev.FD)
	}
}

// bound makes a socket of datagrams on a port of the loopback address that it chooses, as servers do.
func bound(t *testing.T, loopback netip.Addr) (fd int, to netip.AddrPort) {
	t.Helper()
	family := unix.AF_INET
	if loopback.Is6() {
		family = unix.AF_INET6
	}
	bind := func(fd int, port int) {
		var sa unix.Sockaddr = &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}, Port: port}
		if loopback.Is6() {
			sa = &unix.SockaddrInet6{Addr: loopback.As16(), Port: port}
		}
		if err := unix.Bind(fd, sa); err != nil {
			t.Skip(err)
		}
	}
	free, err := unix.Socket(family, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Skip(err)
	}
	bind(free, 0)
	to = local(t, free)
	unix.Close(free)
	fd = socket(t, family, unix.SOCK_DGRAM, 0)
	bind(fd, int(to.Port()))
	return fd, to
}

// A socket without a connection is told of once for each peer, by whichever calls the messages go.
func TestDatagrams(t *testing.T) {
	l := all(t)
	for _, loopback := range []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback()} {
		want := event.FDIPv4
		if loopback.Is6() {
			want = event.FDIPv6
		}
		for _, test := range []struct{ send, receive event.Kind }{
			{event.Sendto, event.Recvfrom}, {event.Sendmsg, event.Recvmsg}, {event.Sendmmsg, event.Recvmmsg},
		} {
			t.Run(test.send.String()+" "+loopback.String(), func(t *testing.T) {
				server, to := bound(t, loopback)
				_, elsewhere := bound(t, loopback)
				family := unix.AF_INET
				if loopback.Is6() {
					family = unix.AF_INET6
				}
				client := socket(t, family, unix.SOCK_DGRAM, 0)
				first := letter{to: to, texts: []string{"question"}}
				ev := l.expect(t, mine(test.send, descriptor(client)), func() { first.send(t, test.send, client, unix.MSG_NOSIGNAL) })
				from := netip.AddrPortFrom(loopback, local(t, client).Port())
				if f := ev.FD; ev.Ret != 8 || ev.Message.Size != 8 || ev.Args.Flags != unix.MSG_NOSIGNAL || f.Type != want || f.L4 != event.L4UDP ||
					f.Remote != to || f.Asked != to || f.Local.Port() != from.Port() || f.Role != event.RoleClient || !f.NameChanged || f.Connected {
					t.Errorf("send: returned %d, %+v, %+v", ev.Ret, f, ev.Message)
				}
				if ev.Message.Data != "" {
					t.Errorf("data that nobody asked for: %q", ev.Message.Data)
				}
				ev = l.expect(t, mine(test.receive, descriptor(server)), func() {
					letter{texts: []string{strings.Repeat("x", 20)}}.receive(t, test.receive, server, unix.MSG_DONTWAIT)
				})
				size := uint64(8)
				if test.receive == event.Recvfrom {
					size = 20
				}
				if f := ev.FD; ev.Ret != 8 || ev.Message.Size != size || ev.Args.Flags != unix.MSG_DONTWAIT || f.Type != want || f.L4 != event.L4UDP ||
					f.Remote != from || f.Asked.IsValid() || f.Local != to || f.Role != event.RoleServer || !f.NameChanged || f.Connected {
					t.Errorf("receive: returned %d, %+v, %+v", ev.Ret, f, ev.Message)
				}
				// The answer goes where the question came from, and the next question where the last one went: no news.
				l.absent(t, mine(test.send, descriptor(server)), mine(test.send, func(ev *event.Event) bool {
					return ev.FD.Num == int32(client) && ev.FD.Remote == elsewhere
				}), func() {
					letter{to: from, texts: []string{"answer"}}.send(t, test.send, server, 0)
					first.send(t, test.send, client, 0)
					letter{to: elsewhere, texts: []string{"x"}}.send(t, test.send, client, 0)
				})
				ev = l.expect(t, mine(test.send, descriptor(client)), func() { first.send(t, test.send, client, 0) })
				if ev.FD.Remote != to || !ev.FD.NameChanged {
					t.Errorf("back to the first peer: %+v", ev.FD)
				}
			})
		}
	}
}

// What a connection says of the other end is no news.
func TestConnectedDatagrams(t *testing.T) {
	l := all(t)
	_, to := bound(t, netip.MustParseAddr("127.0.0.1"))
	_, elsewhere := bound(t, netip.MustParseAddr("127.0.0.1"))
	fd := socket(t, unix.AF_INET, unix.SOCK_DGRAM, 0)
	sa, n := sockaddr(to)
	connected := l.expect(t, mine(event.Connect, descriptor(fd)), func() { must(t, event.Connect, at(fd), sa, n) })
	if !connected.FD.NameChanged {
		t.Error("connect: no new name")
	}
	isElsewhere := func(ev *event.Event) bool { return ev.FD.Num == int32(fd) && ev.FD.Remote == elsewhere }
	l.absent(t, mine(event.Sendto, func(ev *event.Event) bool { return ev.FD.Num == int32(fd) && !isElsewhere(ev) }), mine(event.Sendto, func(ev *event.Event) bool {
		return isElsewhere(ev) && ev.FD.Connected && ev.FD.NameChanged
	}), func() {
		letter{texts: []string{"by the connection"}}.send(t, event.Sendto, fd, 0)
		letter{to: to, texts: []string{"there, too"}}.send(t, event.Sendto, fd, 0)
		letter{to: elsewhere, texts: []string{"past it"}}.send(t, event.Sendto, fd, 0)
	})
}

// One call can carry messages to many: each other end is told of, and those alike are passed over, however many.
func TestManyMessages(t *testing.T) {
	l := all(t)
	loopback := netip.MustParseAddr("127.0.0.1")
	_, a := bound(t, loopback)
	_, b := bound(t, loopback)
	_, c := bound(t, loopback)
	fd := socket(t, unix.AF_INET, unix.SOCK_DGRAM, 0)
	var letters []letter
	for _, run := range []struct {
		to netip.AddrPort
		n  int
	}{{a, 300}, {b, 1}, {c, 200}, {b, 2}} {
		for range run.n {
			letters = append(letters, letter{to: run.to, texts: []string{"te", "xt"}})
		}
	}
	var got []netip.AddrPort
	match := mine(event.Sendmmsg, func(ev *event.Event) bool {
		if ev.FD.Num == int32(fd) {
			if ev.Ret != 4 || ev.Message.Size != 4 {
				t.Errorf("returned %d, %+v", ev.Ret, ev.Message)
			}
			got = append(got, ev.FD.Remote)
		}
		return len(got) == 4
	})
	l.expect(t, match, func() {
		if n := must(t, event.Sendmmsg, at(fd), point(headers(letters)), uintptr(len(letters)), 0); int(n) != len(letters) {
			t.Fatalf("sent %d", n)
		}
	})
	if want := []netip.AddrPort{a, b, c, b}; !slices.Equal(got, want) {
		t.Errorf("told of %v, want %v", got, want)
	}
}

// A first message can make a TCP connection, without a call of connect.
func TestFastOpen(t *testing.T) {
	l := all(t)
	server := socket(t, unix.AF_INET, unix.SOCK_STREAM, 0)
	if err := errors.Join(unix.Bind(server, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(server, 1)); err != nil {
		t.Fatal(err)
	}
	to := local(t, server)
	for _, kind := range []event.Kind{event.Sendto, event.Sendmsg} {
		fd := socket(t, unix.AF_INET, unix.SOCK_STREAM, 0)
		ev := l.expect(t, mine(kind, descriptor(fd)), func() {
			letter{to: to, texts: []string{"hello"}}.send(t, kind, fd, unix.MSG_FASTOPEN)
		})
		if f := ev.FD; ev.Ret != 5 || f.L4 != event.L4TCP || f.Remote != to || f.Asked != to || !f.NameChanged || f.Role != event.RoleClient {
			t.Errorf("%v: returned %d, %+v", kind, ev.Ret, f)
		}
	}
	fd := socket(t, unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	ev := l.expect(t, mine(event.Sendto, descriptor(fd)), func() {
		sa, n := sockaddr(to)
		_, errno := call(t, event.Sendto, at(fd), text("hello"), 5, unix.MSG_FASTOPEN, sa, n)
		if errno != 0 && errno != unix.EINPROGRESS {
			t.Fatal(errno)
		}
	})
	if f := ev.FD; f.Remote != to || !f.NameChanged {
		t.Errorf("not waiting: returned %d, %+v", ev.Ret, f)
	}
}

// descriptors made of files of another process: what was passed is told with its path.
func TestPassedDescriptors(t *testing.T) {
	l := all(t)
	name := filepath.Join(resolved(t, t.TempDir()), "secret")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var pipe [2]int
	if err := unix.Pipe(pipe[:]); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pipe[0])
	defer unix.Close(pipe[1])
	udp := socket(t, unix.AF_INET, unix.SOCK_DGRAM, 0)
	st := stat(t, name)
	for _, kind := range []event.Kind{event.Recvmsg, event.Recvmmsg} {
		t.Run(kind.String(), func(t *testing.T) {
			pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(pair[0])
			defer unix.Close(pair[1])
			if err := unix.SetsockoptInt(pair[1], unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
				t.Fatal(err)
			}
			if err := unix.Sendmsg(pair[0], []byte("x"), unix.UnixRights(int(file.Fd()), pipe[0], udp), nil, 0); err != nil {
				t.Fatal(err)
			}
			ev := l.expect(t, mine(kind, descriptor(pair[1])), func() {
				letter{texts: []string{"room"}, control: 200}.receive(t, kind, pair[1], 0)
			})
			m := ev.Message
			if ev.Ret != 1 || m.PassedCount != 3 || len(m.Passed) != 3 || ev.FD.NameChanged {
				t.Fatalf("returned %d, %+v", ev.Ret, m)
			}
			for _, p := range m.Passed {
				unix.Close(int(p.Num))
			}
			if p := m.Passed[0]; p.Type != event.FDFile || p.Real != name || p.Ino != st.Ino || p.Foreign {
				t.Errorf("file: %+v, want %s", p, name)
			}
			if p := m.Passed[1]; p.Type != event.FDPipe || !strings.HasPrefix(p.Real, "pipe:[") {
				t.Errorf("pipe: %+v", p)
			}
			if p := m.Passed[2]; p.Type != event.FDOther || !strings.HasPrefix(p.Real, "socket:[") {
				t.Errorf("socket: %+v", p)
			}
		})
	}
}

// Of more descriptors than are listed, the number is told.
func TestManyPassedDescriptors(t *testing.T) {
	l := all(t)
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	null, err := unix.Open("/dev/null", unix.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(null)
	fds := make([]int, 100)
	for i := range fds {
		fds[i] = null
	}
	if err := unix.Sendmsg(pair[0], []byte("x"), unix.UnixRights(fds...), nil, 0); err != nil {
		t.Fatal(err)
	}
	control := make([]byte, unix.CmsgSpace(4*len(fds)))
	ev := l.expect(t, mine(event.Recvmsg, descriptor(pair[1])), func() {
		if _, _, _, _, err := unix.Recvmsg(pair[1], make([]byte, 4), control, unix.MSG_CMSG_CLOEXEC); err != nil {
			t.Fatal(err)
		}
	})
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		t.Fatal(err)
	}
	received, err := unix.ParseUnixRights(&messages[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range received {
		unix.Close(fd)
	}
	if m := ev.Message; m.PassedCount != len(fds) || len(m.Passed) != passedMax || m.Passed[passedMax-1].Real != "/dev/null" ||
		m.Passed[passedMax-1].Num != int32(received[passedMax-1]) {
		t.Errorf("%d passed, %d listed, last %+v", m.PassedCount, len(m.Passed), m.Passed[len(m.Passed)-1])
	}
}

func TestUnixDatagrams(t *testing.T) {
	l := all(t)
	dir := t.TempDir()
	names := []string{filepath.Join(dir, "server"), filepath.Join(dir, "client"), "@tiercel-abstract"}
	var fds []int
	for _, name := range names {
		fd := socket(t, unix.AF_UNIX, unix.SOCK_DGRAM, 0)
		if err := unix.Bind(fd, &unix.SockaddrUnix{Name: name}); err != nil {
			t.Fatal(err)
		}
		fds = append(fds, fd)
	}
	client := fds[1]
	for _, to := range []int{0, 2} {
		sa, n := unixAddr(names[to])
		ev := l.expect(t, mine(event.Sendto, descriptor(client)), func() {
			must(t, event.Sendto, at(client), text("hello"), 5, 0, sa, n)
		})
		if f := ev.FD; f.Type != event.FDUnix || f.Unix != names[to] || f.UnixLocal != names[1] || f.UnixRemote != names[to] || !f.NameChanged {
			t.Errorf("send: %+v, want %s", f, names[to])
		}
		ev = l.expect(t, mine(event.Recvfrom, descriptor(fds[to])), func() {
			letter{texts: []string{"room"}}.receive(t, event.Recvfrom, fds[to], 0)
		})
		if f := ev.FD; f.UnixLocal != names[to] || f.UnixRemote != names[1] || !f.NameChanged {
			t.Errorf("receive: %+v, want from %s", f, names[1])
		}
	}
	sa, n := unixAddr(names[2])
	l.absent(t, mine(event.Sendto, nil), mine(event.Socket, nil), func() {
		must(t, event.Sendto, at(client), text("hello"), 5, 0, sa, n)
		socket(t, unix.AF_UNIX, unix.SOCK_DGRAM, 0)
	})
}

// every listens to all messages, with what they carry.
func every(t *testing.T) *listener {
	t.Helper()
	filter := event.FilterOf(event.AllKinds())
	for k := range filter {
		if event.Kind(k).IsMessage() {
			filter[k] |= event.EveryMessage | event.Data
		}
	}
	return filtered(t, filter)
}

// Where a rule asks for every message, there is more than news: failures, connections, other families.
func TestEveryMessage(t *testing.T) {
	l := every(t)
	server := socket(t, unix.AF_INET, unix.SOCK_STREAM, 0)
	if err := errors.Join(unix.Bind(server, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(server, 1)); err != nil {
		t.Fatal(err)
	}
	to := local(t, server)
	client := socket(t, unix.AF_INET, unix.SOCK_STREAM, 0)
	if err := unix.Connect(client, &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}); err != nil {
		t.Fatal(err)
	}
	from := local(t, client)
	accepted, _, err := unix.Accept(server)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(accepted)
	payload := "\xca\xfe\xba\xbe\x00" + strings.Repeat("y", 100)
	for _, test := range []struct {
		kind          event.Kind
		fd            int
		local, remote netip.AddrPort
		role          event.Role
		texts         []string
	}{
		{event.Sendto, client, from, to, event.RoleClient, []string{payload}},
		{event.Recvfrom, accepted, to, from, event.RoleServer, []string{payload}},
		{event.Sendmsg, client, from, to, event.RoleClient, []string{payload[:2], payload[2:7], "", payload[7:]}},
		{event.Recvmsg, accepted, to, from, event.RoleServer, []string{payload[:3], payload[3:]}},
		{event.Sendmmsg, accepted, to, from, event.RoleServer, []string{payload}},
		{event.Recvmmsg, client, from, to, event.RoleClient, []string{payload}},
	} {
		ev := l.expect(t, mine(test.kind, descriptor(test.fd)), func() {
			if m := (letter{texts: test.texts}); test.kind.IsSend() {
				m.send(t, test.kind, test.fd, 0)
			} else {
				m.receive(t, test.kind, test.fd, 0)
			}
		})
		if f := ev.FD; ev.Ret != 105 || ev.Message.Size != 105 || ev.Message.Data != payload[:80] || f.L4 != event.L4TCP || !f.Connected ||
			f.NameChanged || f.Local != test.local || f.Remote != test.remote || f.Role != test.role {
			t.Errorf("%v: returned %d, %+v, %+v", test.kind, ev.Ret, f, ev.Message)
		}
	}
	null, err := unix.Open("/dev/null", unix.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(null)
	for _, test := range []struct {
		name  string
		kind  event.Kind
		fd    int
		errno unix.Errno
		want  event.FDType
	}{
		{"no descriptor", event.Sendto, 9999, unix.EBADF, event.FDUnknown},
		{"no socket", event.Recvfrom, null, unix.ENOTSOCK, event.FDUnknown},
		{"no connection", event.Sendto, socket(t, unix.AF_INET, unix.SOCK_DGRAM, 0), unix.EDESTADDRREQ, event.FDIPv4},
		{"nothing there", event.Recvfrom, socket(t, unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK, 0), unix.EAGAIN, event.FDIPv4},
	} {
		ev := l.expect(t, mine(test.kind, descriptor(test.fd)), func() {
			if _, errno := call(t, test.kind, at(test.fd), text("hello"), 5, 0, 0, 0); errno != test.errno {
				t.Fatalf("%s: %v", test.name, errno)
			}
		})
		if f := ev.FD; ev.Ret != -int64(test.errno) || f.Type != test.want || f.NameChanged || f.Remote.IsValid() || ev.Message.Data != "" {
			t.Errorf("%s: returned %d, %+v", test.name, ev.Ret, f)
		}
	}
	netlink := socket(t, unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_ROUTE)
	ev := l.expect(t, mine(event.Sendto, descriptor(netlink)), func() {
		must(t, event.Sendto, at(netlink), point(make([]byte, 16)), 16, 0, addr(&unix.RawSockaddrNetlink{Family: unix.AF_NETLINK}), unix.SizeofSockaddrNetlink)
	})
	if f := ev.FD; f.Type != event.FDNetlink || f.NameChanged || f.Asked.IsValid() || len(ev.Message.Data) != 16 {
		t.Errorf("netlink: %+v, %+v", f, ev.Message)
	}
}

// 200,000 messages to one peer are one record, and new rules learn of that peer again.
func TestRepeatedMessages(t *testing.T) {
	kinds := event.FilterOf(event.KindsOf("sendto"))
	l := filtered(t, kinds)
	_, to := bound(t, netip.MustParseAddr("127.0.0.1"))
	fd := socket(t, unix.AF_INET, unix.SOCK_DGRAM, 0)
	count := 0
	match := mine(event.Sendto, func(ev *event.Event) bool {
		if ev.FD.Num == int32(fd) {
			count++
		}
		return ev.FD.Num == int32(fd) && ev.FD.Remote != to
	})
	_, last := bound(t, netip.MustParseAddr("127.0.0.1"))
	l.expect(t, match, func() {
		many := letter{to: to, texts: []string{"flood"}}
		sa, n := sockaddr(many.to)
		data := text("flood")
		for range 200_000 {
			must(t, event.Sendto, at(fd), data, 5, 0, sa, n)
		}
		letter{to: last, texts: []string{"end"}}.send(t, event.Sendto, fd, 0)
	})
	if count != 2 {
		t.Errorf("%d records, want 2", count)
	}
	if err := l.probe.SetFilter(kinds.Union(event.FilterOf(event.KindsOf("sendmsg")))); err != nil {
		t.Fatal(err)
	}
	l.expect(t, mine(event.Sendto, func(ev *event.Event) bool { return ev.FD.Num == int32(fd) && ev.FD.Remote == last }), func() {
		letter{to: last, texts: []string{"again"}}.send(t, event.Sendto, fd, 0)
	})
}
