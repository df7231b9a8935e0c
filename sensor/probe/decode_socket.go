package probe

import (
	"encoding/binary"
	"math/bits"
	"net/netip"

	"tiercel.dev/internal/event"
)

// Numbers of families, types, protocols and states, and offsets in a sockaddr: the same on every Linux.
const (
	familyUnix, familyIPv4, familyIPv6, familyNetlink, familyPacket = 1, 2, 10, 16, 17

	protocolICMP, protocolTCP, protocolUDP, protocolICMPv6, protocolRaw, protocolMPTCP = 1, 6, 17, 58, 255, 262

	socketStream, socketRaw = 1, 3
	stateEstablished        = 1

	sockaddrPath, sockaddrPort, sockaddrIPv4, sockaddrIPv6 = 2, 2, 4, 8
)

// socket decodes what the kernel side said of a socket.
func (d *Decoder) socket(v *bpfFdFacts, t *texts, ev *event.Event) {
	s, f := &v.Socket, &ev.FD
	f.Ino, f.Dev = v.File.Ino, v.File.Dev
	f.RealStatus = event.PathAnonymous
	f.Real = d.numbered("socket", v.File.Ino)
	f.Connected = s.State == stateEstablished
	f.Role = roleOf(ev.Kind)
	f.L4 = l4Of(s)
	switch s.Family {
	case familyIPv4:
		f.Type = event.FDIPv4
		f.Local = end(netip.AddrFrom4([4]byte(s.Local[:4])), s.LocalPort)
		f.Remote = end(netip.AddrFrom4([4]byte(s.Remote[:4])), bits.ReverseBytes16(s.RemotePort))
	case familyIPv6:
		f.Type = event.FDIPv6
		f.Local = end(netip.AddrFrom16(s.Local), s.LocalPort)
		f.Remote = end(netip.AddrFrom16(s.Remote), bits.ReverseBytes16(s.RemotePort))
		unmap(f)
	case familyUnix:
		f.Type = event.FDUnix
		f.Unix = d.unixPath(t.next(int(s.UnixLen)))
	case familyNetlink:
		f.Type = event.FDNetlink
	case familyPacket:
		f.Type = event.FDPacket
	default:
		f.Type = event.FDOther
	}
}

// end is one end of a socket; it is invalid if the socket has none there (yet).
func end(ip netip.Addr, port uint16) netip.AddrPort {
	if ip.IsUnspecified() && port == 0 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ip, port)
}

// unmap makes IPv4 of an IPv6 socket that talks to an IPv4 address, as Falco does.
func unmap(f *event.FD) {
	if !f.Remote.Addr().Is4In6() && !f.Local.Addr().Is4In6() {
		return
	}
	f.Type = event.FDIPv4
	f.Local = netip.AddrPortFrom(f.Local.Addr().Unmap(), f.Local.Port())
	f.Remote = netip.AddrPortFrom(f.Remote.Addr().Unmap(), f.Remote.Port())
}

func roleOf(k event.Kind) event.Role {
	switch k {
	case event.Connect:
		return event.RoleClient
	case event.Accept, event.Accept4, event.Bind, event.Listen:
		return event.RoleServer
	}
	return event.RoleUnknown
}

func l4Of(s *bpfSocketFacts) event.L4 {
	if s.Family != familyIPv4 && s.Family != familyIPv6 {
		return event.L4Unknown
	}
	switch s.Protocol {
	case protocolTCP, protocolMPTCP: // what leaves the machine is TCP either way
		return event.L4TCP
	case protocolUDP:
		return event.L4UDP
	case protocolICMP, protocolICMPv6:
		return event.L4ICMP
	}
	if s.Protocol == protocolRaw || s.Type == socketRaw {
		return event.L4Raw
	}
	return event.L4Unknown
}

// other decodes the address of the end of a unix socket that socket did not; peer says that it is the socket's own.
func (d *Decoder) other(text []byte, f *event.FD, peer bool) {
	if f.Type != event.FDUnix {
		return
	}
	other := d.unixPath(text)
	f.UnixLocal, f.UnixRemote = f.Unix, other
	if peer {
		f.UnixLocal, f.UnixRemote = other, f.Unix
	}
}

const errnoInProgress = 115

// changesName reports whether a call that is no message gave the socket an end that it did not have.
func changesName(ev *event.Event) bool {
	switch ev.Kind {
	case event.Connect:
		return ev.Ret >= 0 || ev.Ret == -errnoInProgress
	case event.Accept, event.Accept4, event.Bind:
		return ev.Ret >= 0
	}
	return false
}

// unixPath writes an abstract address, which begins with NUL, with "@". The rest of a path's buffer is not the path.
func (d *Decoder) unixPath(text []byte) string {
	if len(text) > 0 && text[0] == 0 {
		start := len(d.text)
		d.text = append(append(d.text, '@'), text[1:]...)
		return str(d.text[start:])
	}
	return str(untilNUL(text))
}

// asked decodes the sockaddr of a connect or bind. One that is too short or of a family without addresses says nothing.
func (d *Decoder) asked(sa []byte, f *event.FD) {
	if len(sa) < sockaddrPort {
		return
	}
	switch family := binary.NativeEndian.Uint16(sa); {
	case family == familyIPv4 && len(sa) >= sockaddrIPv4+4:
		f.Asked = netip.AddrPortFrom(netip.AddrFrom4([4]byte(sa[sockaddrIPv4:])), askedPort(sa))
	case family == familyIPv6 && len(sa) >= sockaddrIPv6+16:
		f.Asked = netip.AddrPortFrom(netip.AddrFrom16([16]byte(sa[sockaddrIPv6:])).Unmap(), askedPort(sa))
	case family == familyUnix && f.Unix == "":
		f.Unix = d.unixPath(sa[sockaddrPath:])
	}
}

// unspecFamily is an address without a family, which a datagram socket takes for one of IPv4.
func unspecFamily(sa []byte) netip.AddrPort {
	if len(sa) < sockaddrIPv4+4 || binary.NativeEndian.Uint16(sa) != 0 {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte(sa[sockaddrIPv4:])), askedPort(sa))
}

func askedPort(sa []byte) uint16 { return binary.BigEndian.Uint16(sa[sockaddrPort:]) }
