package probe

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

// words lays out pointers and sizes as wide as the call's program has them.
func words(values ...uintptr) []byte {
	var b []byte
	for _, v := range values {
		if calling32 != nil {
			b = binary.NativeEndian.AppendUint32(b, uint32(v))
		} else {
			b = binary.NativeEndian.AppendUint64(b, uint64(v))
		}
	}
	return b
}

// A letter is a message to send, or room for one to receive.
type letter struct {
	to      netip.AddrPort // of a send
	texts   []string       // the buffers
	control int            // room for control messages
}

// header lays out a msghdr. The name's length and the flags are padded to the width of a pointer.
func (m letter) header() []byte {
	name := make([]byte, unix.SizeofSockaddrAny)
	if m.to.IsValid() {
		name = sockaddrBytes(m.to)
	}
	var buffers []byte
	for _, text := range m.texts {
		buffers = append(buffers, words(point([]byte(text)), uintptr(len(text)))...)
	}
	var control uintptr
	if m.control > 0 {
		control = point(make([]byte, m.control))
	}
	return words(point(name), uintptr(len(name)), point(buffers), uintptr(len(m.texts)), control, uintptr(m.control), 0)
}

// headers lays out an array of mmsghdr.
func headers(letters []letter) []byte {
	var b []byte
	for _, m := range letters {
		b = append(append(b, m.header()...), words(0)...)
	}
	return b
}

func sockaddrBytes(to netip.AddrPort) []byte {
	b := make([]byte, unix.SizeofSockaddrInet6)
	binary.BigEndian.PutUint16(b[2:], to.Port())
	if to.Addr().Is4() {
		binary.NativeEndian.PutUint16(b, unix.AF_INET)
		copy(b[4:], to.Addr().AsSlice())
		return b[:unix.SizeofSockaddrInet4]
	}
	binary.NativeEndian.PutUint16(b, unix.AF_INET6)
	copy(b[8:], to.Addr().AsSlice())
	return b
}

// must fails the test unless the call succeeded.
func must(t *testing.T, kind event.Kind, args ...uintptr) uintptr {
	t.Helper()
	r, errno := call(t, kind, args...)
	if errno != 0 {
		t.Fatalf("%v: %v", kind, errno)
	}
	return r
}

// send sends by one of the three calls.
func (m letter) send(t *testing.T, kind event.Kind, fd int, flags uintptr) {
	t.Helper()
	switch kind {
	case event.Sendto:
		var name, length uintptr
		if m.to.IsValid() {
			sa := sockaddrBytes(m.to)
			name, length = point(sa), uintptr(len(sa))
		}
		must(t, kind, at(fd), point([]byte(m.texts[0])), uintptr(len(m.texts[0])), flags, name, length)
	case event.Sendmsg:
		must(t, kind, at(fd), point(m.header()), flags)
	case event.Sendmmsg:
		must(t, kind, at(fd), point(headers([]letter{m})), 1, flags)
	}
}

// receive receives by one of the three calls.
func (m letter) receive(t *testing.T, kind event.Kind, fd int, flags uintptr) {
	t.Helper()
	switch kind {
	case event.Recvfrom:
		name := point(make([]byte, unix.SizeofSockaddrAny))
		length := uint32(unix.SizeofSockaddrAny)
		must(t, kind, at(fd), point([]byte(m.texts[0])), uintptr(len(m.texts[0])), flags, name, addr(&length))
	case event.Recvmsg:
		must(t, kind, at(fd), point(m.header()), flags)
	case event.Recvmmsg:
		must(t, kind, at(fd), point(headers([]letter{m})), 1, flags, 0)
	}
}

// unixAddr is the address of a unix socket as a call takes it; an abstract one begins with @.
func unixAddr(name string) (uintptr, uintptr) {
	b := append(binary.NativeEndian.AppendUint16(nil, unix.AF_UNIX), name...)
	if name[0] == '@' {
		b[2] = 0
	} else {
		b = append(b, 0)
	}
	return point(b), uintptr(len(b))
}
