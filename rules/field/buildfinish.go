package field

import (
	"net/netip"
	"reflect"

	"tiercel.dev/internal/event"
)

// finish adds what follows from the values given.
func (b *builder) finish() {
	b.finishProcess()
	b.finishContainer()
	if b.socket || socketKinds.Has(b.ev.Kind) && !b.typeSet {
		b.finishSocket()
	}
	b.finishFile()
	b.finishReturn()
	b.ev.Message.PassedCount = max(int(b.passedCount), len(b.ev.Message.Passed))
}

func (b *builder) finishProcess() {
	p := b.proc
	p.Env = append(p.Env, b.env...)
	if b.duration != 0 {
		p.StartTime = b.ev.Time - int64(b.duration)
	}
	if p.UserName == "" && p.UID == 0 && (b.uidSet || b.uidName == "") {
		p.UserName = "root"
	}
	if b.uidName != "" && b.ev.Ret >= 0 {
		p.UserName, p.UID = b.uidName, testUID
	}
	for q := p; q != nil; q = q.Parent {
		if q.CmdLine == "" {
			q.CmdLine = q.Name
			if q.ArgsText != "" {
				q.CmdLine += " " + q.ArgsText
			}
		}
		if q.Parent != nil && (q != p || q.PPID == 1) {
			q.PPID = q.Parent.PID
		}
	}
	b.ev.Task.UID, b.ev.Task.GID, b.ev.Task.Caps, b.ev.Task.PPID = p.UID, p.GID, p.Caps, p.PPID
}

func (b *builder) finishContainer() {
	c := b.container
	c.Metadata = event.MetadataComplete
	given := !reflect.DeepEqual(*c, event.Container{Metadata: event.MetadataComplete})
	if b.hostSet || !given {
		b.ev.Container = event.Host
		return
	}
	if c.ID == "" {
		c.ID = "3f1b2c4d5e6f"
	}
	if c.FullID == "" {
		c.FullID = c.ID
	}
	if c.Runtime == "" {
		c.Runtime = "containerd"
	}
	b.proc.ContainerID = c.FullID
	b.ev.Container = c
}

// finishSocket ties the ends given as client and server to the local and the remote one by the process's role.
func (b *builder) finishSocket() {
	fd := &b.ev.FD
	if fd.Role == event.RoleUnknown {
		switch b.ev.Kind {
		case event.Connect:
			fd.Role = event.RoleClient
		case event.Accept, event.Accept4, event.Bind, event.Listen:
			fd.Role = event.RoleServer
		}
		switch {
		case b.ev.Kind.IsSend():
			fd.Role = event.RoleClient
		case b.ev.Kind.IsReceive():
			fd.Role = event.RoleServer
		}
	}
	local, far := &fd.Local, &fd.Remote
	if fd.Role == event.RoleServer {
		local, far = far, local
	}
	for _, end := range []struct {
		to   *netip.AddrPort
		from netip.AddrPort
	}{{local, b.client}, {far, b.server}} {
		if end.from != (netip.AddrPort{}) {
			*end.to = end.from
		}
	}
	if !b.typeSet {
		for _, a := range []netip.AddrPort{fd.Local, fd.Remote, fd.Asked} {
			switch {
			case a.Addr().Unmap().Is4():
				fd.Type = event.FDIPv4
			case a.Addr().Is6():
				fd.Type = event.FDIPv6
			default:
				continue
			}
			break
		}
	}
	if fd.L4 == event.L4Unknown && isIP(fd.Type) {
		fd.L4 = event.L4TCP
		if b.ev.Kind.IsMessage() {
			fd.L4 = event.L4UDP
		}
	}
	b.fd = b.fd || fd.Type != event.FDUnknown
}

func (b *builder) finishFile() {
	fd := &b.ev.FD
	opens := openKinds.Has(b.ev.Kind) || b.ev.Kind == event.Creat
	if opens || b.name != "" {
		b.fd = true
	}
	switch {
	case b.name == "":
	case fd.Type == event.FDUnix:
		fd.Unix = b.name
	case !isIP(fd.Type):
		fd.Path.Name = b.name
		if fd.Path.Raw == "" {
			fd.Path.Raw = b.name
		}
	}
	fd.Valid = b.fd && fdKinds.Has(b.ev.Kind)
	if fd.Valid && fd.Type == event.FDUnknown {
		fd.Type = event.FDFile
	}
}

// returnsFD return a descriptor, and have none if they fail.
var returnsFD = kindSet(event.Dup, event.Dup2, event.Dup3, event.Fcntl, event.PidfdGetfd, event.Userfaultfd, event.Fsopen, event.Fsmount, event.OpenTree)

// finishReturn gives calls that return a descriptor one, and a failed one -1.
func (b *builder) finishReturn() {
	ev := b.ev
	makes := openKinds.Has(ev.Kind) || ev.Kind == event.Creat || ev.Kind == event.Accept || ev.Kind == event.Accept4
	dup := returnsFD.Has(ev.Kind)
	switch {
	case (makes || dup) && b.fdNumSet && !b.retSet:
		ev.Ret = int64(ev.FD.Num)
	case (makes || dup) && !b.fdNumSet:
		if ev.Ret == 0 && !b.retSet {
			ev.Ret = 3
		}
		ev.FD.Num = int32(max(ev.Ret, -1))
	case !b.fdNumSet && ev.FD.Valid:
		ev.FD.Num = 3
	}
	if b.retSet && ev.Ret == 0 && makes && b.fdNumSet {
		ev.Ret = int64(ev.FD.Num)
	}
}
