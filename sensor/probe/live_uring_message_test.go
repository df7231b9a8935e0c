package probe

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

// request is the letter as an operation sends or receives it.
func (m letter) request(opcode uint8, fd int) sqe {
	s := sqe{opcode: opcode, fd: int32(fd), len: 1}
	switch opcode {
	case opSend, opSendZC, opRecv:
		s.addr, s.len = uint64(point([]byte(m.texts[0]))), uint32(len(m.texts[0]))
		if m.to.IsValid() {
			sa, n := sockaddr(m.to)
			s.off, s.fileIndex = uint64(sa), uint32(n)
		}
	default:
		s.addr = uint64(point(m.header()))
	}
	return s
}

func TestRingSocket(t *testing.T) {
	l := all(t)
	r := newRing(t, 0)
	files := [2]int32{-1, -1}
	r.register(registerFiles, addr(&files), len(files))
	for _, test := range []struct {
		name   string
		domain int32
		index  uint32
		errno  unix.Errno
		want   event.FDType
	}{
		{"made", unix.AF_INET, 0, 0, event.FDIPv4},
		{"a direct descriptor", unix.AF_INET6, 2, 0, event.FDIPv6},
		{"no such family", 99, 0, unix.EAFNOSUPPORT, event.FDUnknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			var res int32
			ev := l.expect(t, viaRing(event.Socket, func(ev *event.Event) bool { return ev.Args.Domain == test.domain }), func() {
				res = r.do(sqe{opcode: opSocket, fd: test.domain, off: unix.SOCK_DGRAM, len: unix.IPPROTO_UDP, fileIndex: test.index})
			})
			if test.index == 0 && res >= 0 {
				unix.Close(int(res))
			}
			f, a := ev.FD, ev.Args
			if ev.Ret != int64(res) || res < 0 != (test.errno != 0) || res < 0 && res != -int32(test.errno) ||
				f.Type != test.want || f.Valid != (res >= 0) || f.Valid && (f.Num != res || f.L4 != event.L4UDP || f.Ino == 0) ||
				a.SockType != unix.SOCK_DGRAM || a.Protocol != unix.IPPROTO_UDP {
				t.Errorf("returned %d of %d, %+v, args %+v", ev.Ret, res, f, a)
			}
			checkRingTask(t, ev)
		})
	}
}

// What is sent to another peer than before is told once, by whichever operation, and what fails is no introduction.
func TestRingSend(t *testing.T) {
	l := all(t)
	for _, test := range []struct {
		name   string
		opcode uint8
		kind   event.Kind
		flags  uint8
		setup  uint32
	}{
		{"send", opSend, event.Sendto, 0, 0}, {"sendmsg", opSendmsg, event.Sendmsg, 0, 0},
		{"send without copying", opSendZC, event.Sendto, 0, 0}, {"sendmsg without copying", opSendmsgZC, event.Sendmsg, 0, 0},
		{"sendmsg by a worker", opSendmsg, event.Sendmsg, flagAsync, 0},
		{"send by the polling thread", opSend, event.Sendto, 0, setupSQPoll},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, to := bound(t, netip.MustParseAddr("127.0.0.1"))
			_, elsewhere := bound(t, netip.MustParseAddr("127.0.0.1"))
			fd := socket(t, unix.AF_INET, unix.SOCK_DGRAM, 0)
			send := func(to netip.AddrPort, text string) int32 {
				r := newRing(t, test.setup) // a result of its own: that which says that nothing was copied may come at any time
				request := letter{to: to, texts: []string{text}}.request(test.opcode, fd)
				request.flags = test.flags
				r.push(request)
				r.wait(1)
				return r.reap()[0].res
			}
			tooLong := string(make([]byte, 70_000))
			failed := l.expect(t, viaRing(test.kind, descriptor(fd)), func() {
				if res := send(to, tooLong); res == -int32(unix.EINVAL) {
					t.Skip("this kernel's io_uring has no such operation, or none with an address (6.1 does)")
				} else if res != -int32(unix.EMSGSIZE) {
					t.Fatalf("returned %d", res)
				}
			})
			if f := failed.FD; failed.Ret != -int64(unix.EMSGSIZE) || f.Asked != to || f.NameChanged || f.Type != event.FDIPv4 || f.Remote.IsValid() {
				t.Errorf("failed: returned %d, %+v", failed.Ret, f)
			}
			ev := l.expect(t, viaRing(test.kind, descriptor(fd)), func() { send(to, "question") })
			if f := ev.FD; ev.Ret != 8 || ev.Message.Size != 8 || f.Type != event.FDIPv4 || f.L4 != event.L4UDP || f.Remote != to || f.Asked != to ||
				f.Local.Port() != local(t, fd).Port() || f.Role != event.RoleClient || !f.NameChanged || f.Connected {
				t.Errorf("returned %d, %+v, %+v", ev.Ret, f, ev.Message)
			}
			checkRingTask(t, ev)
			there := func(ev *event.Event) bool { return ev.FD.Num == int32(fd) && ev.FD.Remote == elsewhere }
			l.absent(t, viaRing(test.kind, func(ev *event.Event) bool { return ev.FD.Num == int32(fd) && !there(ev) }), viaRing(test.kind, there), func() {
				send(to, "again")
				send(elsewhere, "question")
			})
		})
	}
}

// Of several that are under way, none hides behind one that fails: nor one whose end is hidden behind such a one.
func TestRingSendBehindAFailure(t *testing.T) {
	l := all(t)
	for _, flags := range []uint8{0, flagSkipCQE} {
		r := newRing(t, 0)
		_, to := bound(t, netip.MustParseAddr("127.0.0.1"))
		fd := socket(t, unix.AF_INET, unix.SOCK_DGRAM, 0)
		fails := letter{to: to, texts: []string{string(make([]byte, 70_000))}}.request(opSendmsg, fd)
		succeeds := letter{to: to, texts: []string{"hello"}}.request(opSendmsg, fd)
		fails.flags, succeeds.flags = flags, flags
		ev := l.expect(t, viaRing(event.Sendmsg, func(ev *event.Event) bool { return ev.FD.Num == int32(fd) && ev.Message.Size == 5 }), func() {
			r.push(fails, succeeds)
			r.wait(1)
		})
		if f := ev.FD; ev.Ret != 5 && flags == 0 || ev.Ret < 0 || f.Remote != to || !f.NameChanged {
			t.Errorf("flags %#x: returned %d, %+v", flags, ev.Ret, f)
		}
	}
}

func TestRingUnixDatagram(t *testing.T) {
	l := all(t)
	dir := t.TempDir()
	names := [2]string{filepath.Join(dir, "server"), filepath.Join(dir, "client")}
	var fds [2]int
	for i, name := range names {
		fds[i] = socket(t, unix.AF_UNIX, unix.SOCK_DGRAM, 0)
		if err := unix.Bind(fds[i], &unix.SockaddrUnix{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	r := newRing(t, 0)
	sa, n := unixAddr(names[0])
	send := letter{texts: []string{"hello"}}.request(opSend, fds[1])
	send.off, send.fileIndex = uint64(sa), uint32(n)
	ev := l.expect(t, viaRing(event.Sendto, descriptor(fds[1])), func() {
		if res := r.do(send); res != 5 {
			t.Skipf("this kernel's io_uring sends to no address (6.1 does): %d", res)
		}
	})
	if f := ev.FD; ev.Ret != 5 || f.Type != event.FDUnix || f.Unix != names[0] || f.UnixLocal != names[1] || f.UnixRemote != names[0] || !f.NameChanged {
		t.Errorf("send: returned %d, %+v", ev.Ret, f)
	}
	ev = l.expect(t, viaRing(event.Recvmsg, descriptor(fds[0])), func() { r.do(letter{texts: []string{"room"}}.request(opRecvmsg, fds[0])) })
	if f := ev.FD; ev.Ret != 4 || f.UnixLocal != names[0] || f.UnixRemote != names[1] || !f.NameChanged {
		t.Errorf("receive: returned %d, %+v", ev.Ret, f)
	}
}

// A socket can be made by one request and used by the next, before it is anywhere to be seen.
func TestRingSendOfANewSocket(t *testing.T) {
	l := all(t)
	r := newRing(t, 0)
	files := [2]int32{-1, -1}
	r.register(registerFiles, addr(&files), len(files))
	_, to := bound(t, netip.MustParseAddr("127.0.0.1"))
	made := sqe{opcode: opSocket, flags: flagLink, fd: unix.AF_INET, off: unix.SOCK_DGRAM, fileIndex: 2}
	send := letter{to: to, texts: []string{"hello"}}.request(opSendmsg, 1)
	send.flags = flagFixed
	ev := l.expect(t, viaRing(event.Sendmsg, nil), func() {
		r.push(made, send)
		r.wait(2)
	})
	if f := ev.FD; ev.Ret != 5 || f.Num != 1 || f.Type != event.FDIPv4 || f.L4 != event.L4UDP || f.Remote != to || !f.NameChanged {
		t.Errorf("returned %d of %+v, %+v", ev.Ret, r.reap(), f)
	}
}

func TestRingReceive(t *testing.T) {
	l := all(t)
	server, to := bound(t, netip.MustParseAddr("127.0.0.1"))
	r := newRing(t, 0)
	client := socket(t, unix.AF_INET, unix.SOCK_DGRAM, 0)
	ev := l.expect(t, viaRing(event.Recvmsg, descriptor(server)), func() {
		r.push(letter{texts: []string{"room for it"}}.request(opRecvmsg, server))
		r.wait(0)
		letter{to: to, texts: []string{"question"}}.send(t, event.Sendto, client, 0)
		r.wait(1)
	})
	if f := ev.FD; ev.Ret != 8 || ev.Message.Size != 8 || f.Type != event.FDIPv4 || f.L4 != event.L4UDP || f.Local != to ||
		f.Remote.Port() != local(t, client).Port() || f.Role != event.RoleServer || !f.NameChanged {
		t.Errorf("returned %d, %+v, %+v", ev.Ret, f, ev.Message)
	}
	checkRingTask(t, ev)
}

// Descriptors come along, as by the call.
func TestRingPassedDescriptors(t *testing.T) {
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
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	if err := unix.Sendmsg(pair[0], []byte("x"), unix.UnixRights(int(file.Fd())), nil, 0); err != nil {
		t.Fatal(err)
	}
	r := newRing(t, 0)
	ev := l.expect(t, viaRing(event.Recvmsg, descriptor(pair[1])), func() {
		r.do(letter{texts: []string{"room"}, control: 64}.request(opRecvmsg, pair[1]))
	})
	m := ev.Message
	if ev.Ret != 1 || m.PassedCount != 1 || len(m.Passed) != 1 || m.Passed[0].Real != name {
		t.Fatalf("returned %d, %+v", ev.Ret, m)
	}
	unix.Close(int(m.Passed[0].Num))
}

// Where a rule asks for every message, those of connections are told, with what they carry.
func TestRingEveryMessage(t *testing.T) {
	l := every(t)
	server, to := listening(t)
	pair := [2]int{socket(t, unix.AF_INET, unix.SOCK_STREAM, 0)}
	if err := unix.Connect(pair[0], &unix.SockaddrInet4{Addr: to.Addr().As4(), Port: int(to.Port())}); err != nil {
		t.Fatal(err)
	}
	var err error
	if pair[1], _, err = unix.Accept(server); err != nil {
		t.Fatal(err)
	}
	defer unix.Close(pair[1])
	r := newRing(t, 0)
	for _, test := range []struct {
		kind   event.Kind
		opcode uint8
		end    int
		texts  []string
	}{
		{event.Sendto, opSend, 0, []string{"hello"}}, {event.Recvfrom, opRecv, 1, []string{"some room"}},
		{event.Sendmsg, opSendmsg, 0, []string{"hel", "lo"}}, {event.Recvmsg, opRecvmsg, 1, []string{"some room"}},
	} {
		ev := l.expect(t, viaRing(test.kind, descriptor(pair[test.end])), func() {
			if res := r.do(letter{texts: test.texts}.request(test.opcode, pair[test.end])); res != 5 {
				t.Fatalf("%v returned %d", test.kind, res)
			}
		})
		if m := ev.Message; ev.Ret != 5 || m.Data != "hello" || ev.FD.Type != event.FDIPv4 || ev.FD.NameChanged {
			t.Errorf("%v: returned %d, %+v, %+v", test.kind, ev.Ret, ev.FD, m)
		}
	}
	ev := l.expect(t, viaRing(event.Recvfrom, descriptor(pair[1])), func() {
		request := letter{texts: []string{"room"}}.request(opRecv, pair[1])
		request.opFlags = unix.MSG_DONTWAIT
		r.do(request)
	})
	if ev.Ret != -int64(unix.EAGAIN) || ev.Message.Data != "" || ev.Args.Flags&unix.MSG_DONTWAIT == 0 {
		t.Errorf("nothing there: returned %d, %+v", ev.Ret, ev.Message)
	}
}
