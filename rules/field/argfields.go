package field

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"tiercel.dev/internal/event"
)

// uid shows a user id as the name it has where the process runs. The event holds the number; the name is known for the
// process's own id, which after a call that succeeded is the one asked for, and for root.
func uid(name string, n int) param {
	return param{name: name,
		text: func(ev *event.Event) (string, bool) {
			switch id := ev.Args.UID[n]; {
			case id == -1:
				return "<NONE>", true
			case ev.Process != nil && uint32(id) == ev.Process.UID && ev.Process.UserName != "":
				return ev.Process.UserName, true
			case id == 0:
				return "root", true
			}
			return "<NA>", true
		},
		num: func(ev *event.Event) (int64, bool) { return int64(ev.Args.UID[n]), true },
		set: func(b *builder, v string) error {
			switch v {
			case "root":
				return nil
			case "<NONE>":
				b.ev.Args.UID[n] = -1
				return nil
			}
			b.uidName = v
			b.ev.Args.UID[n] = testUID
			return nil
		},
	}
}

// execParams are the arguments of an exec. Of a failed one only what was asked for is the call's; the rest is the caller's.
func execParams(succeeded bool) []param {
	filename := param{name: "filename", text: func(ev *event.Event) (string, bool) {
		return ev.Args.Path.Raw, ev.Args.Path.Raw != ""
	}, set: func(b *builder, v string) error { b.ev.Args.Path = event.Path{Raw: v, Name: v}; return nil }}
	if !succeeded {
		return []param{res, filename}
	}
	filename.text = func(ev *event.Event) (string, bool) { return ev.Exec.Filename, ev.Exec.Filename != "" }
	filename.set = func(b *builder, v string) error { b.ev.Exec.Filename = v; return nil }
	texts := map[string]string{"exe": "proc.exe", "args": "proc.args", "cwd": "proc.cwd", "comm": "proc.name", "env": "proc.env",
		"trusted_exepath": "proc.exepath", "cap_inheritable": "thread.cap_inheritable", "cap_permitted": "thread.cap_permitted",
		"cap_effective": "thread.cap_effective"}
	nums := map[string]string{"tid": "thread.tid", "pid": "proc.pid", "ptid": "proc.ppid", "tty": "proc.tty", "vpgid": "proc.vpgid",
		"loginuid": "user.loginuid", "exe_ino": "proc.exe_ino", "uid": "user.uid", "pgid": "proc.pgid", "gid": "group.gid"}
	same := fieldsByName(slices.Concat(procFields(), userFields()))
	out := []param{res}
	for _, name := range strings.Fields("exe args tid pid ptid cwd comm env tty vpgid loginuid flags cap_inheritable cap_permitted cap_effective exe_ino uid trusted_exepath pgid gid") {
		if name == "flags" {
			out = append(out, execFlags)
		} else if f := texts[name]; f != "" {
			out = append(out, param{name: name, text: same[f].TextOf})
		} else {
			num := same[nums[name]].IntOf
			out = append(out, param{name: name, text: decimal(num), num: num})
		}
	}
	return append(out, filename)
}

func fieldsByName(fields []Field) map[string]Field {
	m := make(map[string]Field, len(fields))
	for _, f := range fields {
		m[f.Name] = f
	}
	return m
}

// execFlags are facts about the executable.
var execFlags = func() param {
	table := []bit{{1, "EXE_WRITABLE"}, {2, "EXE_UPPER_LAYER"}, {4, "EXE_FROM_MEMFD"}}
	texts := renderBits(table)
	num := func(ev *event.Event) (int64, bool) {
		p := ev.Process
		if p == nil {
			return 0, false
		}
		var v int64
		for i, set := range []bool{p.Writable, p.UpperLayer == event.TriTrue, p.Memfd} {
			if set {
				v |= 1 << i
			}
		}
		return v, true
	}
	return param{name: "flags", num: num, text: func(ev *event.Event) (string, bool) {
		v, ok := num(ev)
		if !ok {
			return "", false
		}
		return texts.of(uint64(v)), true
	}}
}()

// argFields makes evt.arg.NAME and evt.rawarg.NAME of every name that some kind has.
func argFields() []Field {
	byName := map[string]*[event.Kinds]*param{}
	for kind := range params {
		for i := range params[kind] {
			p := &params[kind][i]
			if byName[p.name] == nil {
				byName[p.name] = new([event.Kinds]*param)
			}
			byName[p.name][kind] = p
		}
	}
	fields := []Field{numberedArg()}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		fields = append(fields, argField(name, byName[name]))
		if f, ok := rawArgField(name, byName[name]); ok {
			fields = append(fields, f)
		}
	}
	return fields
}

// numberedArg is an argument by its place.
func numberedArg() Field {
	doc := "Text of the argument at a place, from 0, in the order of evt.args. Missing if the call has fewer."
	return Field{Name: "evt.arg", Doc: doc, Key: IntKey, KeyType: Text, KeyDoc: doc, keyed: func(k key) Field {
		return Field{TextOf: func(ev *event.Event) (string, bool) {
			if int(ev.Kind) >= len(params) || k.num >= len(params[ev.Kind]) {
				return "", false
			}
			return params[ev.Kind][k.num].text(ev)
		}}
	}}
}

func argField(name string, of *[event.Kinds]*param) Field {
	var kinds event.KindSet
	var texts [event.Kinds]func(*event.Event) (string, bool)
	for k, p := range of {
		if p != nil {
			kinds.Add(event.Kind(k))
			texts[k] = p.text
		}
	}
	return Field{Name: "evt.arg." + name, Type: Text, Kinds: kinds, Exact: true, Data: name == data.name, Doc: argDocs[name],
		TextOf: func(ev *event.Event) (string, bool) {
			if int(ev.Kind) < len(texts) && texts[ev.Kind] != nil {
				return texts[ev.Kind](ev)
			}
			return "", false
		},
		set: func(b *builder, v string) error {
			p := of[b.ev.Kind]
			if p == nil {
				return fmt.Errorf("%s events have no such argument", b.ev.Kind)
			}
			if p.set == nil {
				return fmt.Errorf("it is derived; give the facts it comes from")
			}
			return p.set(b, v)
		}}
}

func rawArgField(name string, of *[event.Kinds]*param) (Field, bool) {
	var kinds event.KindSet
	var nums [event.Kinds]func(*event.Event) (int64, bool)
	for k, p := range of {
		if p != nil && p.num != nil {
			kinds.Add(event.Kind(k))
			nums[k] = p.num
		}
	}
	return Field{Name: "evt.rawarg." + name, Type: Int, Kinds: kinds, Exact: true, Doc: "The number behind evt.arg." + name + ".",
		IntOf: func(ev *event.Event) (int64, bool) {
			if int(ev.Kind) < len(nums) && nums[ev.Kind] != nil {
				return nums[ev.Kind](ev)
			}
			return 0, false
		}}, !kinds.Empty()
}

// argDocs says what each argument is.
var argDocs = map[string]string{
	"addr": "The address given in the call, ip:port, or the path of a unix socket.", "args": "proc.args of the new image.",
	"attr_flags": "Names of the attributes, joined by |: MOUNT_ATTR_NOSUID.", "aux": "The number that the command takes: a descriptor.",
	"backlog": "Length of the queue asked for.", "cap_effective": "thread.cap_effective once the call has returned.",
	"cap_inheritable": "thread.cap_inheritable, the same.", "cap_permitted": "thread.cap_permitted, the same.",
	"cmd": "The command, by its name: BPF_PROG_LOAD, FSCONFIG_SET_STRING, F_DUPFD.", "comm": "proc.name of the new image.", "cq_entries": "How many results an io_uring has room for.", "cwd": "proc.cwd of the new image.",
	"data": dataDoc, "domain": "Family of the socket, by its name: AF_PACKET.", "proto": "Protocol of the socket, by its name: IPPROTO_ICMP; of a packet socket its number.",
	"size": "Bytes: of the buffers given; of recvmsg and recvmmsg, those received.",
	"dev":  "open: device number of the file; mount, fsmount, move_mount, open_tree: the device or source; mknod: the device number (makedev).", "dir": "mount: the mount point, absolute; move_mount: the new one.",
	"dirfd": "Descriptor of the directory that a relative path starts at, or AT_FDCWD.", "entries": "How many requests an io_uring shall have room for.", "env": "proc.env of the new image.",
	"egid": "The effective group asked for, by name; <NONE> leaves it.", "euid": "The effective user asked for, by name; <NONE> leaves it.", "exe": "proc.exe of the new image.",
	"exe_ino": "proc.exe_ino of the new image.", "fd": "The descriptor, as its type and name: <f>/etc/passwd.",
	"filename": "chmod, fchmodat: the path, absolute; execve: the path as given.",
	"flags":    "Names of the flags, joined by |: O_RDWR|O_CREAT; CLONE_NEWNS|CLONE_NEWPID. execve: EXE_WRITABLE, EXE_UPPER_LAYER, EXE_FROM_MEMFD.",
	"gid":      "setgid: the group asked for, by name, <NA> if the name is not known; execve: group.gid.", "ino": "Inode number of the file.", "length": "The length asked for, in bytes.", "key": "fsconfig: the name of the option: source, lowerdir.", "linkdirfd": "As dirfd, for linkpath.", "linkpath": "The new link, absolute.", "loginuid": "user.loginuid of the new image.",
	"mountfd": "Descriptor of any file on the filesystem, or AT_FDCWD.", "mode": "chmod: S_ISUID|S_IRUSR and so on; mknod: the same behind the type, S_IFCHR; mkdir, open, creat: octal digits, missing on an open that makes no file.",
	"name": "open, creat, unlinkat, umount, umount2: the path, absolute.", "newdir": "As dirfd, for newpath.", "newdirfd": "As dirfd, for newpath or dir.",
	"newfd": "The number asked for.", "newpath": "The new path, absolute.", "olddir": "As dirfd, for oldpath.", "olddirfd": "As dirfd, for oldpath.",
	"oldfd": "The descriptor that is copied.", "oldpath": "The old path, absolute.", "nstype": "Names of the namespaces, joined by |: CLONE_NEWNET; 0 for any.", "path": "The path, absolute; open_by_handle_at: as the kernel resolved it.",
	"pgid": "proc.pgid of the new image.", "pid": "ptrace, process_vm_readv, process_vm_writev, kill, tgkill: the target process; setns, pidfd_getfd: the process behind the pidfd, 0 if there is none; execve: the process.", "pid_fd": "The pidfd of the other process.", "ptid": "proc.ppid of the new image.",
	"request": "The request, by its name: PTRACE_ATTACH.", "res": "The error's name, or the number returned.",
	"rgid": "The real group asked for, by name; <NONE> leaves it.", "ruid": "The real user asked for, by name; <NONE> leaves it.", "sgid": "The saved group asked for, by name; <NONE> leaves it.", "sig": "The signal, by its name: SIGKILL.", "sq_entries": "How many requests an io_uring has room for.", "suid": "The saved user asked for, by name; <NONE> leaves it.",
	"target_fd": "The other process's descriptor.", "target": "What the link points at, as its text is.", "tid": "tkill, tgkill: the target thread; execve: thread.tid.", "trusted_exepath": "proc.exepath of the new image.", "tty": "proc.tty of the new image.",
	"tuple": "Both ends of the socket, as fd.name.", "type": "mount, fsopen, fsmount, move_mount, open_tree: type of the filesystem; socket: the type with its flags, by their names: SOCK_RAW|SOCK_CLOEXEC.", "uargs": "Parameters of the module.",
	"value_charbuf": "fsconfig: the value of the option, if it is a text or a path.", "uid": "setuid: the user asked for, by name, <NA> if the name is not known; execve: user.uid.", "vpgid": "proc.vpgid of the new image.",
}
