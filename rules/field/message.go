package field

import (
	"fmt"
	"strconv"
	"strings"

	"tiercel.dev/internal/event"
)

const dataDoc = "The first bytes, 80 at most, of what was sent or received, as they are. They are copied for rules that read them, and are in no output that does not name them. Missing if the call failed."

func messageData(ev *event.Event) (string, bool) { return ev.Message.Data, ev.Message.Data != "" }

var data = param{name: "data", text: messageData, set: func(b *builder, v string) error { b.ev.Message.Data = v; return nil }}

var size = func() param {
	num := func(ev *event.Event) (int64, bool) { return int64(ev.Message.Size), true }
	return param{name: "size", text: decimal(num), num: num,
		set: func(b *builder, v string) error { return parse(v, uint64Of, &b.ev.Message.Size) }}
}()

// messageBits are the flags of sends and receives (linux/socket.h).
var messageBits = []bit{
	{0x1, "MSG_OOB"}, {0x2, "MSG_PEEK"}, {0x4, "MSG_DONTROUTE"}, {0x8, "MSG_CTRUNC"}, {0x10, "MSG_PROBE"}, {0x20, "MSG_TRUNC"},
	{0x40, "MSG_DONTWAIT"}, {0x80, "MSG_EOR"}, {0x100, "MSG_WAITALL"}, {0x200, "MSG_FIN"}, {0x400, "MSG_SYN"}, {0x800, "MSG_CONFIRM"},
	{0x1000, "MSG_RST"}, {0x2000, "MSG_ERRQUEUE"}, {0x4000, "MSG_NOSIGNAL"}, {0x8000, "MSG_MORE"}, {0x10000, "MSG_WAITFORONE"},
	{0x40000, "MSG_BATCH"}, {0x4000000, "MSG_ZEROCOPY"}, {0x20000000, "MSG_FASTOPEN"}, {0x40000000, "MSG_CMSG_CLOEXEC"},
}

// socketFamilies are the families of socket(2) from 0 (linux/socket.h).
var socketFamilies = strings.Fields("AF_UNSPEC AF_UNIX AF_INET AF_AX25 AF_IPX AF_APPLETALK AF_NETROM AF_BRIDGE AF_ATMPVC AF_X25 AF_INET6 " +
	"AF_ROSE AF_DECnet AF_NETBEUI AF_SECURITY AF_KEY AF_NETLINK AF_PACKET AF_ASH AF_ECONET AF_ATMSVC AF_RDS AF_SNA AF_IRDA AF_PPPOX " +
	"AF_WANPIPE AF_LLC AF_IB AF_MPLS AF_CAN AF_TIPC AF_BLUETOOTH AF_IUCV AF_RXRPC AF_ISDN AF_PHONET AF_IEEE802154 AF_CAIF AF_ALG AF_NFC " +
	"AF_VSOCK AF_KCM AF_QIPCRTR AF_SMC AF_XDP AF_MCTP")

func familyText(v uint64) string {
	if v < uint64(len(socketFamilies)) {
		return socketFamilies[v]
	}
	return strconv.FormatInt(int64(v), 10)
}

func parseFamily(v string) (int32, error) {
	for n, name := range socketFamilies {
		if name == v {
			return int32(n), nil
		}
	}
	return 0, fmt.Errorf("%q is no family of sockets", v)
}

// protocols are those of the internet (linux/in.h) that have a name in the headers.
var protocols = map[int32]string{0: "IPPROTO_IP", 1: "IPPROTO_ICMP", 2: "IPPROTO_IGMP", 4: "IPPROTO_IPIP", 6: "IPPROTO_TCP",
	8: "IPPROTO_EGP", 12: "IPPROTO_PUP", 17: "IPPROTO_UDP", 33: "IPPROTO_DCCP", 41: "IPPROTO_IPV6", 46: "IPPROTO_RSVP", 47: "IPPROTO_GRE",
	50: "IPPROTO_ESP", 51: "IPPROTO_AH", 58: "IPPROTO_ICMPV6", 103: "IPPROTO_PIM", 108: "IPPROTO_COMP", 132: "IPPROTO_SCTP",
	136: "IPPROTO_UDPLITE", 137: "IPPROTO_MPLS", 255: "IPPROTO_RAW", 262: "IPPROTO_MPTCP"}

func parseProtocol(v string) (int32, error) {
	for n, name := range protocols {
		if name == v {
			return n, nil
		}
	}
	return int32Of(v)
}

// The bits of socket(2)'s type that say what it is; the others are flags.
const socketTypeMask = 0xf

var (
	socketTypes     = []string{"", "SOCK_STREAM", "SOCK_DGRAM", "SOCK_RAW", "SOCK_RDM", "SOCK_SEQPACKET", "SOCK_DCCP", "", "", "", "SOCK_PACKET"}
	socketTypeFlags = []bit{{0o2000000, "SOCK_CLOEXEC"}, {0o4000, "SOCK_NONBLOCK"}}
)

func socketTypeText(v uint64) string {
	name := strconv.FormatUint(v&socketTypeMask, 10)
	if n := v & socketTypeMask; n < uint64(len(socketTypes)) && socketTypes[n] != "" {
		name = socketTypes[n]
	}
	if rest := uint64(uint32(v)) &^ socketTypeMask; rest != 0 {
		name += "|" + named(socketTypeFlags, rest)
	}
	return name
}

func parseSocketType(v string) (int32, error) {
	table := socketTypeFlags
	for n, name := range socketTypes {
		if name != "" {
			table = append(table, bit{uint64(n), name})
		}
	}
	n, err := parseBits(table, v)
	return int32(n), err
}

var socketType = symbol("type", render(socketTypeText), func(a *event.Args) *int32 { return &a.SockType }, parseSocketType)

// protocolParam names a protocol by what it is in the socket's family: only the internet's have names.
var protocolParam = func() param {
	p := symbol("proto", render(protocolText), func(a *event.Args) *int32 { return &a.Protocol }, parseProtocol)
	byName := p.text
	p.text = func(ev *event.Event) (string, bool) {
		if d := ev.Args.Domain; d != familyIPv4 && d != familyIPv6 {
			return number(int64(ev.Args.Protocol)), true
		}
		return byName(ev)
	}
	return p
}()

const familyIPv4, familyIPv6 = 2, 10

func protocolText(v uint64) string {
	if s, ok := protocols[int32(v)]; ok {
		return s
	}
	return strconv.FormatInt(int64(v), 10)
}
