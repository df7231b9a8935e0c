package field

import (
	"net/netip"
	"strconv"
	"strings"

	"tiercel.dev/internal/event"
)

// fdKinds make, use or end a descriptor.
var fdKinds = openKinds.Union(kindSet(event.Creat, event.Connect, event.Accept, event.Accept4, event.Bind, event.Listen,
	event.Unlinkat, event.Mkdirat, event.Mknodat, event.Symlinkat, event.Fchmod, event.Fchmodat, event.Fchmodat2, event.Dup, event.Dup2, event.Dup3, event.FinitModule, event.Bpf,
	event.Setns, event.Userfaultfd, event.Fcntl, event.Ftruncate, event.PidfdGetfd,
	event.Fsopen, event.Fsconfig, event.Fsmount, event.MoveMount, event.OpenTree, event.Socket)).Union(messageKinds)

// fileKinds have a file that the kernel resolved.
var fileKinds = fdKinds.Union(kindSet(event.Chroot))

var socketKinds = kindSet(event.Connect, event.Accept, event.Accept4, event.Bind, event.Listen, event.Dup, event.Dup2, event.Dup3,
	event.Fcntl, event.PidfdGetfd, event.Socket).Union(messageKinds)

var (
	messageKinds = kindSet(event.Sendto, event.Sendmsg, event.Sendmmsg).Union(receiveKinds)
	receiveKinds = kindSet(event.Recvfrom, event.Recvmsg, event.Recvmmsg)
)

type fdType struct{ name, char string }

var fdTypes = [...]fdType{
	event.FDFile: {"file", "f"}, event.FDDirectory: {"directory", "d"}, event.FDIPv4: {"ipv4", "4"}, event.FDIPv6: {"ipv6", "6"},
	event.FDUnix: {"unix", "u"}, event.FDPipe: {"pipe", "p"}, event.FDEvent: {"event", "e"}, event.FDSignal: {"signalfd", "s"},
	event.FDEventpoll: {"eventpoll", "l"}, event.FDInotify: {"inotify", "i"}, event.FDTimer: {"timerfd", "t"},
	event.FDNetlink: {"netlink", "n"}, event.FDBpf: {"bpf", "b"}, event.FDUserfault: {"userfaultfd", "u"},
	event.FDIoUring: {"io_uring", "r"}, event.FDMemfd: {"memfd", "m"}, event.FDPid: {"pidfd", "P"}, event.FDPacket: {"packet", "o"},
	event.FDOther: {"other", "o"},
}

func typeOf(t event.FDType) fdType {
	if int(t) < len(fdTypes) {
		return fdTypes[t]
	}
	return fdType{}
}

func isSocket(t event.FDType) bool { return isIP(t) || t == event.FDUnix }
func isIP(t event.FDType) bool     { return t == event.FDIPv4 || t == event.FDIPv6 }
func isFile(t event.FDType) bool   { return t == event.FDFile || t == event.FDDirectory }

func fdFields() []Field {
	fields := append(fdFileFields(), fdSocketFields()...)
	for i := range fields {
		if fields[i].Kinds.Empty() {
			fields[i].Kinds = fdKinds
		}
	}
	return fields
}

func fdFileFields() []Field {
	return []Field{
		{Name: "fd.num", Type: Int, Doc: "The descriptor: the new one of an open, accept or dup, -1 if that failed.",
			IntOf: func(ev *event.Event) (int64, bool) { return some(int64(ev.FD.Num), ev.FD.Valid) },
			set: func(b *builder, v string) error {
				b.fd, b.fdNumSet = true, true
				return parse(v, int32Of, &b.ev.FD.Num)
			}},
		{Name: "fd.type", Type: Text, Doc: "What the descriptor refers to: file, directory, ipv4, ipv6, unix, pipe, event, signalfd, eventpoll, inotify, timerfd, netlink, bpf, userfaultfd, io_uring, memfd, pidfd, packet, other.",
			TextOf: func(ev *event.Event) (string, bool) {
				t := typeOf(ev.FD.Type).name
				return some(t, ev.FD.Valid && t != "")
			},
			set: func(b *builder, v string) error { return b.setType(v, func(t fdType) string { return t.name }) }},
		{Name: "fd.typechar", Type: Text, Doc: "fd.type as one letter: f file, d directory, 4 ipv4, 6 ipv6, u unix or userfaultfd, p pipe, e event, s signalfd, l eventpoll, i inotify, t timerfd, n netlink, b bpf, r io_uring, m memfd, P pidfd, o other.",
			TextOf: func(ev *event.Event) (string, bool) {
				t := typeOf(ev.FD.Type).char
				return some(t, ev.FD.Valid && t != "")
			},
			set: func(b *builder, v string) error { return b.setType(v, func(t fdType) string { return t.char }) }},
		{Name: "fd.name", Type: Text, Doc: "File: the path as asked for, made absolute and cleaned by its text alone (links are not followed). Socket: client:port->server:port, or ip:port of one that listens. Unix socket: its path, an abstract one with a leading @.",
			TextOf: fdName,
			set:    func(b *builder, v string) error { b.name = v; return nil }},
		{Name: "fd.nameraw", Type: Text, Doc: "The path as the program gave it.",
			TextOf: func(ev *event.Event) (string, bool) {
				return some(ev.FD.Path.Raw, ev.FD.Valid && ev.FD.Path.Raw != "")
			},
			set: func(b *builder, v string) error { b.fd, b.ev.FD.Path.Raw = true, v; return nil }},
		{Name: "fd.directory", Type: Text, Doc: "Directory of fd.name, without a slash at its end. Files and directories only.",
			TextOf: fdDirectory},
		{Name: "fd.filename", Type: Text, Doc: "Last part of fd.name. Files only, not directories.",
			TextOf: func(ev *event.Event) (string, bool) {
				if !ev.FD.Valid || ev.FD.Type != event.FDFile || ev.FD.Path.Name == "" {
					return "", false
				}
				return Basename(ev.FD.Path.Name), true
			}},
		{Name: "fd.path", Type: Text, Kinds: fileKinds, Doc: "The path of the opened file as the kernel resolved it, in the process's mount namespace: links are followed. chroot: the new root; move_mount: where the mount is now; unlinkat, mkdirat, mknodat, symlinkat, fchmodat: the directory that the path starts from. Missing if the call failed or the path is too deep (see fd.path_status).",
			TextOf: func(ev *event.Event) (string, bool) { return ev.FD.Real, ev.FD.Real != "" },
			set:    handlePath.set},
		{Name: "fd.path_status", Type: Text, Kinds: fileKinds, Doc: "How fd.path came about: resolved, too_deep, unreachable (a file whose directory is gone), anonymous (memfd, pipe, socket). Missing if there is no file.",
			TextOf: func(ev *event.Event) (string, bool) {
				s := ev.FD.RealStatus
				if int(s) >= len(pathStatuses) || s == event.PathNone {
					return "", false
				}
				return pathStatuses[s], true
			}},
		{Name: "fd.path_foreign", Type: Bool, Kinds: fileKinds, Doc: "fd.path starts at a root that is not the process's: a host process in /proc/PID/root, or a descriptor passed on.",
			BoolOf: func(ev *event.Event) (bool, bool) { return some(ev.FD.Foreign, ev.FD.Real != "") },
			set:    func(b *builder, v string) error { b.fd = true; return parse(v, boolOf, &b.ev.FD.Foreign) }},
		{Name: "fd.fspath", Type: Text, Kinds: fileKinds, Doc: "The file's path from the root of its own filesystem, where a bind mount hides that; else missing.",
			TextOf: func(ev *event.Event) (string, bool) { return ev.FD.FSPath, ev.FD.FSPath != "" },
			set:    func(b *builder, v string) error { b.fd, b.ev.FD.FSPath = true, v; return nil }},
		{Name: "fd.uid", Type: Text, Doc: "thread.tid and fd.num, one behind the other: tells descriptors of all processes apart. Made anew at each use.",
			TextOf: func(ev *event.Event) (string, bool) {
				if !ev.FD.Valid {
					return "", false
				}
				return number(int64(ev.Task.TID)) + number(int64(ev.FD.Num)), true
			}},
		{Name: "fd.dev", Type: Int, Kinds: fileKinds, Doc: "Device number of the file's filesystem.", IntOf: fdDev,
			set: func(b *builder, v string) error { b.fd = true; return parse(v, uint32Of, &b.ev.FD.Dev) }},
		{Name: "fd.dev.major", Type: Int, Kinds: fileKinds, Doc: "Major number of fd.dev.", IntOf: devPart(func(dev int64) int64 { return dev >> 20 })},
		{Name: "fd.dev.minor", Type: Int, Kinds: fileKinds, Doc: "Minor number of fd.dev.", IntOf: devPart(func(dev int64) int64 { return dev & (1<<20 - 1) })},
		{Name: "fd.containername", Type: Text, Doc: "The container's id, empty on the host, a colon and fd.name. Made anew at each use.", TextOf: withContainer(fdName)},
		{Name: "fd.containerdirectory", Type: Text, Doc: "The container's id, empty on the host, a colon and fd.directory. Made anew at each use.", TextOf: withContainer(fdDirectory)},
		{Name: "fd.ino", Type: Int, Kinds: fileKinds, Doc: "Inode number of the file.", IntOf: fdIno,
			set: func(b *builder, v string) error { b.fd = true; return parse(v, uint64Of, &b.ev.FD.Ino) }},
	}
}

var pathStatuses = [...]string{"", "resolved", "too_deep", "unreachable", "anonymous"}

func fdDirectory(ev *event.Event) (string, bool) {
	if !ev.FD.Valid || !isFile(ev.FD.Type) || ev.FD.Path.Name == "" {
		return "", false
	}
	return Dirname(ev.FD.Path.Name), true
}

// devPart is a part of the device's number.
func devPart(of func(dev int64) int64) func(*event.Event) (int64, bool) {
	return func(ev *event.Event) (int64, bool) {
		dev, ok := fdDev(ev)
		return of(dev), ok
	}
}

// withContainer has the container's id before a text.
func withContainer(of func(*event.Event) (string, bool)) func(*event.Event) (string, bool) {
	return func(ev *event.Event) (string, bool) {
		text, ok := of(ev)
		if !ok {
			return "", false
		}
		id := ""
		if c := ev.Container; c != nil && c.InContainer() {
			id = c.ID
		}
		return id + ":" + text, true
	}
}

// fdName allocates for sockets of the internet families alone.
func fdName(ev *event.Event) (string, bool) {
	fd := &ev.FD
	switch {
	case !fd.Valid:
		return "", false
	case isIP(fd.Type):
		client, server := ends(ev)
		switch {
		case !server.IsValid() && !client.IsValid():
			return "", false
		case !client.Addr().IsValid() || !server.Addr().IsValid():
			if server.Addr().IsValid() {
				client = server
			}
			return endText(client), true
		}
		return endText(client) + "->" + endText(server), true
	case fd.Type == event.FDUnix:
		return fd.Unix, fd.Unix != ""
	case fd.Path.Name != "":
		return fd.Path.Name, true
	}
	return fd.Real, fd.Real != ""
}

// endText is ip:port, without brackets around IPv6 addresses, as Falco has it.
func endText(a netip.AddrPort) string {
	return a.Addr().Unmap().String() + ":" + strconv.Itoa(int(a.Port()))
}

// Dirname is what stands before the last slash; "/" for what lies in the root, "" where there is no slash.
func Dirname(path string) string {
	switch i := strings.LastIndexByte(path, '/'); i {
	case -1:
		return ""
	case 0:
		return "/"
	default:
		return path[:i]
	}
}

// Basename is what stands behind the last slash.
func Basename(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
