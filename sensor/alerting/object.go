package alerting

import (
	"fmt"
	"net/netip"

	"tiercel.dev/alert"
	"tiercel.dev/internal/event"
)

// files are what the event's paths and descriptor name.
func files(ev *event.Event) []*alert.File {
	var out []*alert.File
	add := func(p event.Path, op alert.Operation) {
		if p != (event.Path{}) {
			out = append(out, &alert.File{Path: p.Name, RawPath: p.Raw, Operation: op})
		}
	}
	op := operation(ev)
	fd, path, newPath := ev.FD, ev.Args.Path, ev.Args.NewPath
	switch {
	case startsAtDescriptor(ev.Kind):
		fd = event.FD{}
	case ev.Kind == event.Chroot && ev.FD.Real != "":
		fd.Valid, fd.Path, path = true, path, event.Path{}
	case ev.Kind == event.MoveMount && ev.FD.Real != "":
		fd.Path, newPath = newPath, event.Path{}
	}
	if f := file(&fd, op); f != nil {
		out = append(out, f)
	}
	add(path, op)
	add(newPath, op)
	for _, p := range ev.Message.Passed {
		if p.Type == event.FDFile || p.Type == event.FDDirectory {
			out = append(out, &alert.File{RealPath: p.Real, Foreign: p.Foreign, Inode: p.Ino, Device: device(p.Dev)})
		}
	}
	return out
}

// startsAtDescriptor: the descriptor is the directory in which the call finds its path, and not what it is about.
func startsAtDescriptor(kind event.Kind) bool {
	switch kind {
	case event.Unlinkat, event.Fchmodat, event.Fchmodat2, event.Mkdirat, event.Mknodat, event.Symlinkat:
		return true
	}
	return false
}

// file is the descriptor's, or nil if it is none of a file.
func file(fd *event.FD, op alert.Operation) *alert.File {
	if !fd.Valid || fd.Path == (event.Path{}) && fd.Real == "" || isSocket(fd) {
		return nil
	}
	return &alert.File{Path: fd.Path.Name, RawPath: fd.Path.Raw, RealPath: fd.Real, FsPath: fd.FSPath, Foreign: fd.Foreign, Operation: op,
		Inode: fd.Ino, Device: device(fd.Dev)}
}

// device is major:minor; "" for none.
func device(dev uint32) string {
	if dev == 0 {
		return ""
	}
	return fmt.Sprintf("%d:%d", dev>>20, dev&(1<<20-1))
}

func operation(ev *event.Event) alert.Operation {
	switch ev.Kind {
	case event.Open, event.Openat, event.Openat2, event.OpenByHandleAt:
		return openOperation(ev.Args.Flags)
	case event.Creat, event.Truncate, event.Ftruncate:
		return alert.Alert_File_WRITE
	case event.Mkdir, event.Mkdirat, event.Mknod, event.Mknodat:
		return alert.Alert_File_CREATE
	case event.Link, event.Linkat, event.Symlink, event.Symlinkat:
		return alert.Alert_File_LINK
	case event.Rename, event.Renameat, event.Renameat2:
		return alert.Alert_File_RENAME
	case event.Unlink, event.Unlinkat, event.Rmdir:
		return alert.Alert_File_DELETE
	case event.Chmod, event.Fchmod, event.Fchmodat, event.Fchmodat2:
		return alert.Alert_File_CHANGE_MODE
	case event.OpenTree:
		return alert.Alert_File_OPEN
	case event.Mount, event.Fsmount, event.MoveMount:
		return alert.Alert_File_MOUNT
	case event.Umount, event.Umount2:
		return alert.Alert_File_UNMOUNT
	case event.Execve, event.Execveat:
		return alert.Alert_File_EXECUTE
	default:
		return alert.Alert_File_OPERATION_UNSPECIFIED
	}
}

// Access modes of open(2); the same numbers on every architecture. With O_PATH, which is not, the mode means nothing,
// and both amd64 and arm64 have it at the same place.
const (
	accessMode = 0o3
	readOnly   = 0o0
	pathOnly   = 0o10000000
)

func openOperation(flags uint64) alert.Operation {
	switch {
	case flags&pathOnly != 0:
		return alert.Alert_File_OPEN
	case flags&accessMode == readOnly:
		return alert.Alert_File_READ
	default:
		return alert.Alert_File_WRITE
	}
}

func isSocket(fd *event.FD) bool {
	return fd.Type == event.FDIPv4 || fd.Type == event.FDIPv6 || fd.Type == event.FDUnix
}

func connection(fd *event.FD) *alert.Connection {
	if !fd.Valid || !isSocket(fd) {
		return nil
	}
	c := &alert.Connection{Protocol: protocols[fd.L4], UnixPath: fd.Unix, Role: roles[fd.Role]}
	if fd.Type == event.FDUnix {
		c.Protocol = "unix"
	}
	c.LocalIp, c.LocalPort = address(fd.Local)
	c.RemoteIp, c.RemotePort = address(fd.Remote)
	c.AskedIp, c.AskedPort = address(fd.Asked)
	return c
}

var protocols = map[event.L4]string{event.L4TCP: "tcp", event.L4UDP: "udp", event.L4ICMP: "icmp", event.L4Raw: "raw"}

var roles = map[event.Role]alert.Role{
	event.RoleClient: alert.Alert_Connection_CLIENT,
	event.RoleServer: alert.Alert_Connection_SERVER,
}

// address writes an IPv4 address inside an IPv6 one as the IPv4 address that it is.
func address(a netip.AddrPort) (string, uint32) {
	if !a.IsValid() {
		return "", 0
	}
	return a.Addr().Unmap().String(), uint32(a.Port())
}
