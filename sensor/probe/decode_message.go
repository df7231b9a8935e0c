package probe

import (
	"fmt"
	"net/netip"
	"unsafe"

	"tiercel.dev/internal/event"
)

const modeSocket = 0o140000

// socketMade decodes a call of socket.
func (d *Decoder) socketMade(raw []byte, ev *event.Event) error {
	v, err := view[bpfSocketEvent](raw)
	if err != nil {
		return err
	}
	t := textsOf(raw, &v)
	a := &ev.Args
	a.Domain, a.SockType, a.Protocol = v.Domain, v.Type, v.Protocol
	d.descriptorFacts(&v.Fd, &t, ev)
	return t.err()
}

// message decodes a send or a receive.
func (d *Decoder) message(raw []byte, ev *event.Event) error {
	v, err := view[bpfMessageEvent](raw)
	if err != nil {
		return err
	}
	t := textsOf(raw, &v)
	f, m := &ev.FD, &ev.Message
	d.descriptorFacts(&v.Fd, &t, ev)
	f.Role = event.Role(min(v.Role, uint8(event.RoleServer)))
	f.NameChanged = v.Changed != 0
	sa := t.next(int(v.Fd.Socket.AskedLen))
	d.other(t.next(int(v.OtherLen)), f, ev.Kind.IsSend())
	d.named(sa, &v.Fd.Socket, ev)
	ev.Args.Flags = uint64(v.Flags)
	m.Size = v.Size
	if ev.Kind == event.Recvmsg || ev.Kind == event.Recvmmsg {
		m.Size = uint64(max(ev.Ret, 0))
	}
	m.Data = str(t.next(int(v.DataLen)))
	m.PassedCount = int(v.Passed)
	for range v.Listed {
		if err := d.passedFD(&t, m); err != nil {
			return err
		}
	}
	return t.err()
}

// named decodes the message's address: of a send, where it goes, and of a receive, where it comes from. A stream that
// is connected goes where it goes, whatever address the call has.
func (d *Decoder) named(sa []byte, s *bpfSocketFacts, ev *event.Event) {
	f := &ev.FD
	if f.Type == event.FDUnix {
		d.namedUnix(sa, ev)
		return
	}
	d.asked(sa, f)
	if len(sa) > 0 && f.Type == event.FDIPv4 && !f.Asked.IsValid() {
		f.Asked = unspecFamily(sa)
	}
	towards(s, ev)
}

func towards(s *bpfSocketFacts, ev *event.Event) {
	f := &ev.FD
	if !f.Asked.IsValid() || s.Type == socketStream && f.Remote.IsValid() {
		return
	}
	f.Remote = f.Asked
	if ev.Kind.IsReceive() {
		f.Asked = netip.AddrPort{}
	}
	unmap(f)
}

// sent completes a send by io_uring, of which the address was told. What was not sent has no new end.
func (d *Decoder) sent(v *bpfFdFacts, t *texts, ev *event.Event) {
	f, m := &ev.FD, &ev.Message
	if v.Socket.Family != 0 {
		begun := *f
		d.socket(v, t, ev)
		f.Role = begun.Role
		if f.Type == event.FDUnix {
			f.Unix, f.UnixLocal, f.UnixRemote = begun.Unix, begun.UnixLocal, begun.UnixRemote
		}
		if begun.Type == event.FDUnknown {
			f.UnixRemote = f.Unix
		}
	}
	switch {
	case ev.Ret >= 0 || ev.Ret == -errnoInProgress:
		towards(&v.Socket, ev)
	default:
		f.NameChanged = false
	}
	if n := max(ev.Ret, 0); int64(len(m.Data)) > n && ev.Ret != 0 {
		m.Data = m.Data[:n]
	}
}

// namedUnix takes the address for the other end's. Who sends is told by the end it sends to, and who receives by its
// own, if it has one.
func (d *Decoder) namedUnix(sa []byte, ev *event.Event) {
	f := &ev.FD
	if len(sa) > sockaddrPath {
		f.UnixRemote = d.unixPath(sa[sockaddrPath:])
	}
	f.Unix = f.UnixRemote
	if ev.Kind.IsReceive() && f.UnixLocal != "" {
		f.Unix = f.UnixLocal
	}
}

// passedFD decodes a descriptor that came along.
func (d *Decoder) passedFD(t *texts, m *event.Message) error {
	v, err := view[bpfPassedFd](t.next(int(unsafe.Sizeof(bpfPassedFd{}))))
	if err != nil {
		return err
	}
	if len(m.Passed) == len(d.passed) {
		return fmt.Errorf("more than %d descriptors are listed: %w", len(d.passed), ErrTruncated)
	}
	var f event.FD
	d.file(&v.File, t, &f)
	if v.File.Mode&modeType == modeSocket {
		f.Type, f.Real = event.FDOther, d.numbered("socket", v.File.Ino)
	}
	d.passed[len(m.Passed)] = event.PassedFD{Num: v.Fd, Type: f.Type, Real: f.Real, Foreign: f.Foreign, Dev: f.Dev, Ino: f.Ino}
	m.Passed = d.passed[:len(m.Passed)+1]
	return nil
}
