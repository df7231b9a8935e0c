package field

import (
	"net/netip"

	"tiercel.dev/internal/event"
)

// remote is the far end: the kernel's, or for a connect whose socket has none (it failed, or is under way) the one
// asked for.
func remote(ev *event.Event) netip.AddrPort {
	if fd := &ev.FD; ev.Kind != event.Connect || fd.Remote.IsValid() && !fd.Remote.Addr().IsUnspecified() {
		return fd.Remote
	}
	return ev.FD.Asked
}

// ends returns client and server; where the role is unknown, the local end and the remote one.
func ends(ev *event.Event) (client, server netip.AddrPort) {
	if ev.FD.Role == event.RoleServer {
		return ev.FD.Remote, ev.FD.Local
	}
	return ev.FD.Local, remote(ev)
}

func client(ev *event.Event) netip.AddrPort {
	if ev.FD.Role == event.RoleUnknown {
		return netip.AddrPort{}
	}
	c, _ := ends(ev)
	return c
}

func server(ev *event.Event) netip.AddrPort {
	if ev.FD.Role == event.RoleUnknown {
		return netip.AddrPort{}
	}
	_, s := ends(ev)
	return s
}

func fdSocketFields() []Field {
	local := func(ev *event.Event) netip.AddrPort { return ev.FD.Local }
	askedEnd := func(ev *event.Event) netip.AddrPort { return ev.FD.Asked }
	fields := []Field{
		{Name: "fd.ip", Type: Addrs, Doc: "Addresses of both ends, client first: a socket that listens has one.",
			AddrsOf: func(ev *event.Event, dst []netip.Addr) ([]netip.Addr, bool) {
				if !ev.FD.Valid || !isIP(ev.FD.Type) {
					return dst, false
				}
				n := len(dst)
				for _, a := range known(ends(ev)) {
					if a.Addr().IsValid() {
						dst = append(dst, a.Addr().Unmap())
					}
				}
				return dst, len(dst) > n
			}},
		{Name: "fd.port", Type: Ints, Doc: "Ports of both ends, the client's first.",
			IntsOf: func(ev *event.Event, dst []int64) ([]int64, bool) {
				if !ev.FD.Valid || !isIP(ev.FD.Type) {
					return dst, false
				}
				n := len(dst)
				c, s := ends(ev)
				for _, a := range [...]netip.AddrPort{c, s} {
					if a.Addr().IsValid() {
						dst = append(dst, int64(a.Port()))
					}
				}
				return dst, len(dst) > n
			}},
		{Name: "fd.l4proto", Type: Text, Doc: "tcp, udp, icmp or raw; the text \"<NA>\" for what is no such socket.",
			TextOf: func(ev *event.Event) (string, bool) {
				if !ev.FD.Valid {
					return "", false
				}
				return l4Text(ev.FD.L4), true
			},
			set: func(b *builder, v string) error {
				return parse(v, choice("tcp udp icmp raw", event.L4TCP, event.L4UDP, event.L4ICMP, event.L4Raw), &b.ev.FD.L4)
			}},
		{Name: "fd.sockfamily", Type: Text, Doc: "ip or unix. Sockets only.",
			TextOf: func(ev *event.Event) (string, bool) {
				switch {
				case ev.FD.Valid && isIP(ev.FD.Type):
					return "ip", true
				case ev.FD.Valid && ev.FD.Type == event.FDUnix:
					return "unix", true
				}
				return "", false
			}},
		{Name: "fd.connected", Type: Bool, Doc: "The socket is connected. Sockets only.",
			BoolOf: func(ev *event.Event) (bool, bool) { return some(ev.FD.Connected, ev.FD.Valid && isSocket(ev.FD.Type)) },
			set:    func(b *builder, v string) error { return parse(v, boolOf, &b.ev.FD.Connected) }},
		{Name: "fd.name_changed", Type: Bool, Facts: FromNews,
			Doc: "The event gave the socket another end, or an address of its own: a connect, accept or bind that succeeded; a message to or from another address than the socket's last one. Of a message never missing: false for what is no socket. A rule on messages that asks for it sees a socket's first message to each new address; without it the kernel must report every message, which may be hundreds of thousands a second.",
			BoolOf: func(ev *event.Event) (bool, bool) {
				return ev.FD.NameChanged, ev.Kind.IsMessage() || ev.FD.Valid && isSocket(ev.FD.Type)
			},
			set: func(b *builder, v string) error { b.fd = true; return parse(v, boolOf, &b.ev.FD.NameChanged) }},
		unixField("fd.unix_local", "The unix socket's own address, as fd.name has it.", func(fd *event.FD) *string { return &fd.UnixLocal }),
		unixField("fd.unix_remote", "The address of the unix socket's other end. Most clients have none.", func(fd *event.FD) *string { return &fd.UnixRemote }),
		{Name: "fd.is_server", Type: Bool, Doc: "The process is the server's end of the connection. False for what is no socket.",
			BoolOf: func(ev *event.Event) (bool, bool) {
				return ev.FD.Valid && ev.FD.Role == event.RoleServer, ev.FD.Valid
			}},
		{Name: "fd.role", Type: Text, Doc: "Which end of the connection the process is: client or server. Sockets only.",
			TextOf: func(ev *event.Event) (string, bool) {
				switch ev.FD.Role {
				case event.RoleClient:
					return some("client", ev.FD.Valid)
				case event.RoleServer:
					return some("server", ev.FD.Valid)
				}
				return "", false
			},
			set: func(b *builder, v string) error {
				return parse(v, choice("client server", event.RoleClient, event.RoleServer), &b.ev.FD.Role)
			}},
	}
	fields = append(fields, endFields("fd.c", "client", client, func(b *builder) *netip.AddrPort { return &b.client })...)
	fields = append(fields, endFields("fd.s", "server", server, func(b *builder) *netip.AddrPort { return &b.server })...)
	fields = append(fields, endFields("fd.l", "local end", local, func(b *builder) *netip.AddrPort { return &b.ev.FD.Local })...)
	fields = append(fields, endFields("fd.r", "remote end", remote, func(b *builder) *netip.AddrPort { return &b.ev.FD.Remote })...)
	fields = append(fields, endFields("fd.asked_", "address given in the call (connect, bind, sends), which the kernel may replace by another when it balances services,",
		askedEnd, func(b *builder) *netip.AddrPort { return &b.ev.FD.Asked })...)
	fields = append(fields, domainField("fd.cip.name", "client", client), domainField("fd.sip.name", "server", server),
		domainField("fd.lip.name", "local end", local), domainField("fd.rip.name", "remote end", remote))
	for i := range fields {
		fields[i].Kinds = socketKinds
	}
	return fields
}

// endFields are the address and the port of one end.
func endFields(prefix, what string, of func(*event.Event) netip.AddrPort, at func(*builder) *netip.AddrPort) []Field {
	return []Field{
		{Name: prefix + "ip", Type: Addr, Doc: "Address of the " + trimComma(what) + ".",
			AddrOf: func(ev *event.Event) (netip.Addr, bool) {
				if !ev.FD.Valid {
					return netip.Addr{}, false
				}
				a := of(ev).Addr()
				return a.Unmap(), a.IsValid()
			},
			set: func(b *builder, v string) error {
				a, err := netip.ParseAddr(v)
				b.fd, b.socket = true, true
				*at(b) = netip.AddrPortFrom(a, at(b).Port())
				return err
			}},
		{Name: prefix + "port", Type: Int, Doc: "Port of the " + trimComma(what) + ".",
			IntOf: func(ev *event.Event) (int64, bool) {
				if !ev.FD.Valid {
					return 0, false
				}
				a := of(ev)
				return int64(a.Port()), a.Addr().IsValid()
			},
			set: func(b *builder, v string) error {
				var port uint16
				err := parse(v, uint16Of, &port)
				b.fd, b.socket = true, true
				*at(b) = netip.AddrPortFrom(at(b).Addr(), port)
				return err
			}},
	}
}

func unixField(name, doc string, at func(*event.FD) *string) Field {
	return Field{Name: name, Type: Text, Doc: doc,
		TextOf: func(ev *event.Event) (string, bool) { s := *at(&ev.FD); return s, ev.FD.Valid && s != "" },
		set: func(b *builder, v string) error {
			b.fd, b.typeSet = true, true
			b.ev.FD.Type, *at(&b.ev.FD) = event.FDUnix, v
			return nil
		}}
}

// known leaves out an own address that is not known: a socket that sends without a connection is bound to none, and
// what the kernel chose for the message is not to be seen.
func known(client, server netip.AddrPort) [2]netip.AddrPort {
	switch {
	case server.IsValid() && !server.Addr().IsUnspecified() && client.Addr().IsUnspecified():
		client = netip.AddrPort{}
	case client.IsValid() && !client.Addr().IsUnspecified() && server.Addr().IsUnspecified():
		server = netip.AddrPort{}
	}
	return [2]netip.AddrPort{client, server}
}

func trimComma(s string) string {
	if s[len(s)-1] == ',' {
		return s[:len(s)-1]
	}
	return s
}

func l4Text(l event.L4) string {
	switch l {
	case event.L4TCP:
		return "tcp"
	case event.L4UDP:
		return "udp"
	case event.L4ICMP:
		return "icmp"
	case event.L4Raw:
		return "raw"
	}
	return "<NA>"
}
