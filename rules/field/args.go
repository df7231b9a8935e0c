package field

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tiercel.dev/internal/event"
)

// A param is one argument of a kind of event: evt.arg.NAME is its text, evt.rawarg.NAME its number.
type param struct {
	name string
	text func(*event.Event) (string, bool)
	num  func(*event.Event) (int64, bool) // nil for texts
	set  func(*builder, string) error
}

func (p param) value(ev *event.Event) (string, bool) { return p.text(ev) }

// params holds each kind's arguments, in the order and by the names of Falco's event definitions.
var params = [event.Kinds][]param{
	event.Exec:     execParams(true),
	event.Execve:   execParams(false),
	event.Execveat: append(execParams(false), dirfd("dirfd"), execveatFlags),

	event.Open:           {fdParam, openName, openFlagsParam, openMode, dev, ino},
	event.Openat:         {fdParam, dirfd("dirfd"), openName, openFlagsParam, openMode, dev, ino},
	event.Openat2:        {fdParam, dirfd("dirfd"), openName, openFlagsParam, openMode, dev, ino},
	event.OpenByHandleAt: {fdParam, dirfd("mountfd"), openFlagsParam, handlePath, dev, ino},
	event.Creat:          {fdParam, openName, octalMode, dev, ino},

	event.Connect: {res, tuple, fdParam, asked},
	event.Accept:  {fdParam, tuple},
	event.Accept4: {fdParam, tuple, flags(acceptBits)},
	event.Bind:    {res, asked, fdParam},
	event.Listen:  {res, fdParam, whole("backlog", func(a *event.Args) *int32 { return &a.Backlog })},

	event.Ptrace: {res, symbol("request", render(ptraceText), func(a *event.Args) *int64 { return &a.Request }, parsePtrace),
		pid},
	event.ProcessVMReadv:  {res, pid},
	event.ProcessVMWritev: {res, pid},
	event.Kill:            {res, pid, signal},
	event.Tkill:           {res, tid, signal},
	event.Tgkill:          {res, pid, tid, signal},

	event.Setuid:    {uid("uid", 0), res},
	event.Setreuid:  {res, uid("ruid", 0), uid("euid", 1)},
	event.Setresuid: {uid("ruid", 0), uid("euid", 1), uid("suid", 2), res},
	event.Setgid:    {res, gid("gid", 0)},
	event.Setregid:  {res, gid("rgid", 0), gid("egid", 1)},
	event.Setresgid: {res, gid("rgid", 0), gid("egid", 1), gid("sgid", 2)},
	event.Capset:    capsetParams(),
	event.Unshare:   {res, flags(cloneBits)},
	event.Setns:     {res, fdParam, flagsNamed("nstype", cloneBits), pid},
	event.IoUringSetup: {res, whole("entries", entries(0)), whole("sq_entries", entries(1)), whole("cq_entries", entries(2)),
		flags(ringBits)},
	event.Chroot: {res, pathParam("path", oldPath)},

	event.Userfaultfd: {res, fdParam, flags(userfaultBits)},
	event.PidfdGetfd:  {fdParam, whole("pid_fd", oldFD), whole("target_fd", newFD), hexFlags, pid},

	event.Unlink:    {res, pathParam("path", oldPath)},
	event.Unlinkat:  {res, dirfd("dirfd"), pathParam("name", oldPath), flags(unlinkBits)},
	event.Rmdir:     {res, pathParam("path", oldPath)},
	event.Truncate:  {res, pathParam("path", oldPath), length},
	event.Ftruncate: {res, fdParam, length},
	event.Rename:    {res, pathParam("oldpath", oldPath), pathParam("newpath", newPath)},
	event.Renameat:  {res, dirfd("olddirfd"), pathParam("oldpath", oldPath), dirfdAt("newdirfd", newDirFD), pathParam("newpath", newPath)},
	event.Renameat2: {res, dirfd("olddirfd"), pathParam("oldpath", oldPath), dirfdAt("newdirfd", newDirFD), pathParam("newpath", newPath), flags(renameBits)},

	event.Link:      {res, pathParam("oldpath", oldPath), pathParam("newpath", newPath)},
	event.Linkat:    {res, dirfd("olddir"), pathParam("oldpath", oldPath), dirfdAt("newdir", newDirFD), pathParam("newpath", newPath), flags(linkBits)},
	event.Symlink:   {res, linkTarget, pathParam("linkpath", newPath)},
	event.Symlinkat: {res, linkTarget, dirfdAt("linkdirfd", newDirFD), pathParam("linkpath", newPath)},

	event.Mkdir:   {res, pathParam("path", oldPath), octalMode},
	event.Mkdirat: {res, dirfd("dirfd"), pathParam("path", oldPath), octalMode},
	event.Mknod:   {res, pathParam("path", oldPath), nodeMode, nodeDev},
	event.Mknodat: {res, dirfd("dirfd"), pathParam("path", oldPath), nodeMode, nodeDev},

	event.Chmod:     {res, pathParam("filename", oldPath), permissions},
	event.Fchmod:    {res, fdParam, permissions},
	event.Fchmodat:  {res, dirfd("dirfd"), pathParam("filename", oldPath), permissions},
	event.Fchmodat2: {res, dirfd("dirfd"), pathParam("filename", oldPath), permissions, flags(fchmodatBits)},

	event.Mount: {res, source, pathParam("dir", oldPath), fsType, flags(mountBits)},

	event.Umount:  {res, pathParam("name", oldPath)},
	event.Umount2: {res, pathParam("name", oldPath), flags(umountBits)},

	event.Fsopen: {fdParam, fsType, flags(fsopenBits)},
	event.Fsconfig: {res, fdParam, fsCommand, plain("key", func(a *event.Args) *string { return &a.Key }),
		plain("value_charbuf", func(a *event.Args) *string { return &a.Source }), whole("aux", newFD)},
	event.Fsmount: {fdParam, source, fsType, flags(fsmountBits), mountAttributes},
	event.MoveMount: {res, source, fsType, fdParam, dirfd("olddirfd"), pathParam("oldpath", oldPath), dirfdAt("newdirfd", newDirFD),
		pathParam("dir", newPath), flags(moveBits)},
	event.OpenTree: {fdParam, source, fsType, dirfd("dirfd"), treePath, flags(treeBits)},

	event.Dup:  {fdParam, whole("oldfd", oldFD)},
	event.Dup2: {fdParam, whole("oldfd", oldFD), whole("newfd", newFD)},
	event.Dup3: {fdParam, whole("oldfd", oldFD), whole("newfd", newFD), flags(dupBits)},
	// The descriptor is the new one. Falco's fd is that of the call, which here is oldfd.
	event.Fcntl: {res, fdParam, fcntlCmd, whole("oldfd", oldFD)},

	event.InitModule:  {res, plain("uargs", func(a *event.Args) *string { return &a.Source })},
	event.FinitModule: {res, fdParam, plain("uargs", func(a *event.Args) *string { return &a.Source }), flags(moduleBits)},

	event.Bpf: {res, fdParam, bpfCmd},

	event.Socket: {fdParam, symbol("domain", render(familyText), func(a *event.Args) *int32 { return &a.Domain }, parseFamily),
		socketType, protocolParam},
	event.Sendto:   {res, fdParam, size, asked, tuple, flags(messageBits), data},
	event.Sendmsg:  {res, fdParam, size, asked, tuple, flags(messageBits), data},
	event.Sendmmsg: {res, fdParam, size, asked, tuple, flags(messageBits), data},
	event.Recvfrom: {res, fdParam, size, tuple, flags(messageBits), data},
	event.Recvmsg:  {res, fdParam, size, tuple, flags(messageBits), data},
	event.Recvmmsg: {res, fdParam, size, tuple, flags(messageBits), data},
}

func oldPath(a *event.Args) *event.Path { return &a.Path }
func newPath(a *event.Args) *event.Path { return &a.NewPath }
func oldFD(a *event.Args) *int32        { return &a.OldFD }
func newFD(a *event.Args) *int32        { return &a.NewFD }
func newDirFD(a *event.Args) *int32     { return &a.NewDirFD }

var (
	pid = whole("pid", func(a *event.Args) *int32 { return &a.PID })
	tid = whole("tid", func(a *event.Args) *int32 { return &a.TID })

	source = plain("dev", func(a *event.Args) *string { return &a.Source })
	fsType = plain("type", func(a *event.Args) *string { return &a.FSType })
)

var res = param{name: "res",
	text: func(ev *event.Event) (string, bool) {
		if ev.Ret < 0 {
			return errnoName(-ev.Ret), true
		}
		return number(ev.Ret), true
	},
	num: func(ev *event.Event) (int64, bool) { return ev.Ret, true },
}

// fdParam shows a descriptor as its type and name: <f>/etc/passwd.
var fdParam = param{name: "fd",
	text: func(ev *event.Event) (string, bool) {
		if !ev.FD.Valid {
			return "", false
		}
		name, _ := fdName(ev)
		return "<" + typeOf(ev.FD.Type).char + ">" + name, true
	},
	num: func(ev *event.Event) (int64, bool) { return some(int64(ev.FD.Num), ev.FD.Valid) },
}

var openName = param{name: "name",
	text: func(ev *event.Event) (string, bool) { return ev.FD.Path.Name, ev.FD.Path.Name != "" },
	set:  func(b *builder, v string) error { b.name = v; return nil },
}

var openFlagsParam = func() param {
	texts := render(openText)
	return param{name: "flags",
		text: func(ev *event.Event) (string, bool) { return texts.of(ev.Args.Flags), true },
		num:  func(ev *event.Event) (int64, bool) { return int64(ev.Args.Flags), true },
		set: func(b *builder, v string) (err error) {
			b.ev.Args.Flags, err = parseOpenFlags(v)
			return err
		},
	}
}()

var (
	octalMode = mode(render(func(v uint64) string { return octal(v) }), parseOctal, func(*event.Event) bool { return true })
	// The mode of an open that makes no file means nothing; the kernel ignores it.
	openMode = mode(render(func(v uint64) string { return octal(v) }), parseOctal, func(ev *event.Event) bool {
		return ev.Args.Flags&(create|tmpfile) != 0
	})
	permissions = modeBits(renderBits(permissionBits), permissionBits)
	nodeMode    = modeBits(render(nodeText), slices.Concat(nodeTypes, permissionBits))
)

func mode(texts *rendered, parse func(string) (uint64, error), has func(*event.Event) bool) param {
	return param{name: "mode",
		text: func(ev *event.Event) (string, bool) {
			if !has(ev) {
				return "", false
			}
			return texts.of(uint64(ev.Args.Mode)), true
		},
		num: func(ev *event.Event) (int64, bool) {
			if !has(ev) {
				return 0, false
			}
			return int64(ev.Args.Mode), true
		},
		set: func(b *builder, v string) error {
			n, err := parse(v)
			b.ev.Args.Mode = uint32(n)
			return err
		},
	}
}

// modeBits is a mode shown by the names of its bits, of which some are a type's.
func modeBits(texts *rendered, table []bit) param {
	return mode(texts, func(v string) (uint64, error) {
		if n, err := parseOctal(v); err == nil {
			return n, nil
		}
		return parseBits(table, v)
	}, func(*event.Event) bool { return true })
}

func octal(v uint64) string {
	if v == 0 {
		return "0"
	}
	return "0" + strconv.FormatUint(v, 8)
}

func parseOctal(v string) (uint64, error) {
	return strconv.ParseUint(strings.TrimPrefix(v, "0o"), 8, 32)
}

var dev = param{name: "dev", text: decimal(fdDev), num: fdDev}
var ino = param{name: "ino", text: decimal(fdIno), num: fdIno}

func fdDev(ev *event.Event) (int64, bool) { return some(int64(ev.FD.Dev), ev.FD.Ino != 0) }
func fdIno(ev *event.Event) (int64, bool) { return int64(ev.FD.Ino), ev.FD.Ino != 0 }

func decimal(of func(*event.Event) (int64, bool)) func(*event.Event) (string, bool) {
	return func(ev *event.Event) (string, bool) {
		n, ok := of(ev)
		if !ok {
			return "", false
		}
		return number(n), true
	}
}

// tuple is fd.name of a socket; asked is the address given in the call.
var tuple = param{name: "tuple", text: func(ev *event.Event) (string, bool) {
	if !ev.FD.Valid || !isSocket(ev.FD.Type) {
		return "", false
	}
	return fdName(ev)
}}

var asked = param{name: "addr", text: func(ev *event.Event) (string, bool) {
	if ev.FD.Asked.IsValid() {
		return endText(ev.FD.Asked), true
	}
	return some(ev.FD.Unix, ev.FD.Valid && ev.FD.Unix != "")
}}

func flags(table []bit) param { return flagsNamed("flags", table) }

func flagsNamed(name string, table []bit) param {
	texts := renderBits(table)
	return param{name: name,
		text: func(ev *event.Event) (string, bool) { return texts.of(ev.Args.Flags), true },
		num:  func(ev *event.Event) (int64, bool) { return int64(ev.Args.Flags), true },
		set: func(b *builder, v string) (err error) {
			b.ev.Args.Flags, err = parseBits(table, v)
			return err
		},
	}
}

func whole(name string, at func(*event.Args) *int32) param {
	num := func(ev *event.Event) (int64, bool) { return int64(*at(&ev.Args)), true }
	return param{name: name, text: decimal(num), num: num,
		set: func(b *builder, v string) error { return parse(v, int32Of, at(&b.ev.Args)) }}
}

func entries(n int) func(*event.Args) *int32 {
	return func(a *event.Args) *int32 { return &a.Entries[n] }
}

func symbol[T int32 | int64](name string, texts *rendered, at func(*event.Args) *T, parse func(string) (T, error)) param {
	return param{name: name,
		text: func(ev *event.Event) (string, bool) { return texts.of(uint64(*at(&ev.Args))), true },
		num:  func(ev *event.Event) (int64, bool) { return int64(*at(&ev.Args)), true },
		set: func(b *builder, v string) (err error) {
			*at(&b.ev.Args), err = parse(v)
			return err
		},
	}
}

func parsePtrace(v string) (int64, error) {
	for n, name := range ptraceRequests {
		if name == v {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%q is no request of ptrace", v)
}

var (
	bpfCmd    = command("bpf", bpfText)
	fsCommand = command("fsconfig", fsconfigText)
	fcntlCmd  = command("fcntl", fcntlText)
)

// command shows the command of a call that has many by its name.
func command(call string, name func(uint64) string) param {
	texts := render(name)
	return param{name: "cmd",
		text: func(ev *event.Event) (string, bool) { return texts.of(uint64(ev.Args.Cmd)), true },
		num:  func(ev *event.Event) (int64, bool) { return int64(ev.Args.Cmd), true },
		set: func(b *builder, v string) error {
			for n := range int32(maxCommand) {
				if name(uint64(n)) == v {
					b.ev.Args.Cmd = n
					return nil
				}
			}
			return fmt.Errorf("%q is no command of %s", v, call)
		},
	}
}

func pathParam(name string, at func(*event.Args) *event.Path) param {
	return param{name: name,
		text: func(ev *event.Event) (string, bool) { p := at(&ev.Args).Name; return p, p != "" },
		set: func(b *builder, v string) error {
			*at(&b.ev.Args) = event.Path{Raw: v, Name: v}
			return nil
		},
	}
}

func plain(name string, at func(*event.Args) *string) param {
	return param{name: name,
		text: func(ev *event.Event) (string, bool) { return *at(&ev.Args), true },
		set:  func(b *builder, v string) error { *at(&b.ev.Args) = v; return nil },
	}
}

const atFDCWD = -100

func dirfd(name string) param { return dirfdAt(name, func(a *event.Args) *int32 { return &a.DirFD }) }

func dirfdAt(name string, at func(*event.Args) *int32) param {
	p := whole(name, at)
	plain := p.text
	p.text = func(ev *event.Event) (string, bool) {
		if *at(&ev.Args) == atFDCWD {
			return "AT_FDCWD", true
		}
		return plain(ev)
	}
	return p
}

var execveatFlags = flags(execveatBits)
