package event

import (
	"fmt"
	"iter"
	"math/bits"
)

// A Kind says what a record, and the event decoded from it, is about. The values are those of enum event_kind in
// bpf/wire.h and are never reused, since captures outlive releases.
type Kind uint8

// Kinds below [Execve] keep the process table right; of these only Exec is shown to rules. Kinds from Execve on are
// system calls, seen as they return.
const (
	Unknown    Kind = 0
	Fork       Kind = 1 // a task was made: a process, or a thread of one
	Exec       Kind = 2 // a process image was replaced: execve or execveat that succeeded
	Exit       Kind = 3 // a task ended
	CgroupPath Kind = 4 // the path of a cgroup id, sent once before the first record that carries the id
	CgroupMove Kind = 5 // a process was moved to another cgroup
	Operation  Kind = 6 // an io_uring's operation began, or ended unexpectedly: its event comes, or came, with the result

	Execve      Kind = 16 // failed: a successful one is Exec
	Execveat    Kind = 17 // failed: a successful one is Exec
	Open        Kind = 18
	Openat      Kind = 19
	Openat2     Kind = 20
	Creat       Kind = 21
	Connect     Kind = 22
	Accept      Kind = 23
	Accept4     Kind = 24
	Bind        Kind = 25
	Listen      Kind = 26
	Ptrace      Kind = 27
	Setuid      Kind = 28
	Setresuid   Kind = 29
	Unlink      Kind = 30
	Unlinkat    Kind = 31
	Rename      Kind = 32
	Renameat    Kind = 33
	Renameat2   Kind = 34
	Chmod       Kind = 35
	Fchmod      Kind = 36
	Fchmodat    Kind = 37
	Fchmodat2   Kind = 38
	Mount       Kind = 39
	Dup         Kind = 40
	Dup2        Kind = 41
	Dup3        Kind = 42
	InitModule  Kind = 43
	FinitModule Kind = 44
	Bpf         Kind = 45

	Symlink         Kind = 46
	Symlinkat       Kind = 47
	Link            Kind = 48
	Linkat          Kind = 49
	Rmdir           Kind = 50
	Mkdir           Kind = 51
	Mkdirat         Kind = 52
	Mknod           Kind = 53
	Mknodat         Kind = 54
	Setns           Kind = 55
	Unshare         Kind = 56
	Userfaultfd     Kind = 57
	OpenByHandleAt  Kind = 58
	Chroot          Kind = 59
	ProcessVMReadv  Kind = 60
	ProcessVMWritev Kind = 61
	Umount          Kind = 62 // 32-bit only
	Umount2         Kind = 63
	Fsopen          Kind = 64
	Fsconfig        Kind = 65
	Fsmount         Kind = 66
	MoveMount       Kind = 67
	OpenTree        Kind = 68
	Fcntl           Kind = 69 // only F_DUPFD and F_DUPFD_CLOEXEC

	Socket   Kind = 70
	Sendto   Kind = 71
	Sendmsg  Kind = 72
	Sendmmsg Kind = 73 // one event a message
	Recvfrom Kind = 74
	Recvmsg  Kind = 75
	Recvmmsg Kind = 76 // one event a message

	Truncate   Kind = 90
	Ftruncate  Kind = 91
	PidfdGetfd Kind = 92
	Setgid     Kind = 93
	Setresgid  Kind = 94
	Setreuid   Kind = 95
	Setregid   Kind = 96
	Capset     Kind = 97
	Kill       Kind = 98
	Tkill      Kind = 99
	Tgkill     Kind = 100

	IoUringSetup Kind = 101

	// Kinds is how many kinds there is room for: in a [KindSet], in the kernel's tables and in arrays by kind. Some
	// numbers are spare.
	Kinds = 128
)

// typeNames holds Falco's evt.type of each kind.
var typeNames = [Kinds]string{
	Fork: "fork", Exec: "execve", Exit: "procexit", CgroupPath: "cgroup_path", CgroupMove: "cgroup_move",
	Operation: "operation",
	Execve:    "execve", Execveat: "execveat",
	Open: "open", Openat: "openat", Openat2: "openat2", Creat: "creat",
	Connect: "connect", Accept: "accept", Accept4: "accept4", Bind: "bind", Listen: "listen",
	Ptrace: "ptrace", Setuid: "setuid", Setresuid: "setresuid",
	Unlink: "unlink", Unlinkat: "unlinkat", Rename: "rename", Renameat: "renameat", Renameat2: "renameat2",
	Chmod: "chmod", Fchmod: "fchmod", Fchmodat: "fchmodat", Fchmodat2: "fchmodat2",
	Mount: "mount", Dup: "dup", Dup2: "dup2", Dup3: "dup3",
	InitModule: "init_module", FinitModule: "finit_module", Bpf: "bpf",
	Symlink: "symlink", Symlinkat: "symlinkat", Link: "link", Linkat: "linkat", Rmdir: "rmdir",
	Mkdir: "mkdir", Mkdirat: "mkdirat", Mknod: "mknod", Mknodat: "mknodat", Truncate: "truncate", Ftruncate: "ftruncate",
	Setns: "setns", Userfaultfd: "userfaultfd", OpenByHandleAt: "open_by_handle_at", Chroot: "chroot",
	Fsopen: "fsopen", Fsconfig: "fsconfig", Fsmount: "fsmount", MoveMount: "move_mount", OpenTree: "open_tree",
	Fcntl: "fcntl", PidfdGetfd: "pidfd_getfd",
	Umount: "umount", Umount2: "umount2",
	Unshare: "unshare", ProcessVMReadv: "process_vm_readv", ProcessVMWritev: "process_vm_writev",
	Setgid: "setgid", Setresgid: "setresgid", Setreuid: "setreuid", Setregid: "setregid", Capset: "capset",
	IoUringSetup: "io_uring_setup",
	Kill:         "kill", Tkill: "tkill", Tgkill: "tgkill",
	Socket: "socket", Sendto: "sendto", Sendmsg: "sendmsg", Sendmmsg: "sendmmsg",
	Recvfrom: "recvfrom", Recvmsg: "recvmsg", Recvmmsg: "recvmmsg",
}

// Type is the kind's evt.type: the system call's name. Exec and a failed Execve are both "execve", and so is an
// execveat that succeeded, as in Falco.
func (k Kind) Type() string {
	if k.Known() {
		return typeNames[k]
	}
	return fmt.Sprintf("kind %d", k)
}

// String names the kind in messages and metrics: its type, but "exec" for Exec, which is not the failed call.
func (k Kind) String() string {
	if k == Exec {
		return "exec"
	}
	return k.Type()
}

// Known reports whether this version knows the kind.
func (k Kind) Known() bool { return k < Kinds && typeNames[k] != "" }

// Visible reports whether rules see events of this kind.
func (k Kind) Visible() bool { return k == Exec || k.IsSyscall() }

// IsSyscall reports whether the kind is seen at the return of a system call, and so only if a program for it is attached.
func (k Kind) IsSyscall() bool { return k >= Execve && k.Known() }

// IsSend reports whether events of the kind are messages that the process sends.
func (k Kind) IsSend() bool { return k == Sendto || k == Sendmsg || k == Sendmmsg }

// IsReceive reports whether events of the kind are messages that the process receives.
func (k Kind) IsReceive() bool { return k == Recvfrom || k == Recvmsg || k == Recvmmsg }

// IsMessage reports whether the kernel side leaves out events of the kind that tell nothing new, see [EveryMessage].
func (k Kind) IsMessage() bool { return k.IsSend() || k.IsReceive() }

// KindsOf returns the visible kinds whose [Kind.Type] is name; none if there is no such event type.
func KindsOf(name string) KindSet {
	var s KindSet
	for k := range Kind(Kinds) {
		if k.Visible() && typeNames[k] == name {
			s.Add(k)
		}
	}
	return s
}

// A KindSet is a set of kinds. The zero value is empty; sets compare with ==.
type KindSet struct{ words [2]uint64 }

// AllKinds holds every kind that rules see.
func AllKinds() KindSet {
	var s KindSet
	for k := range Kind(Kinds) {
		if k.Visible() {
			s.Add(k)
		}
	}
	return s
}

// Add adds k, which is below [Kinds].
func (s *KindSet) Add(k Kind) { s.words[k>>6] |= 1 << (k & 63) }

func (s KindSet) Has(k Kind) bool { return k < Kinds && s.words[k>>6]>>(k&63)&1 != 0 }
func (s KindSet) Empty() bool     { return s == KindSet{} }

func (s KindSet) Len() int { return bits.OnesCount64(s.words[0]) + bits.OnesCount64(s.words[1]) }

func (s KindSet) Union(o KindSet) KindSet {
	return KindSet{[2]uint64{s.words[0] | o.words[0], s.words[1] | o.words[1]}}
}

func (s KindSet) Intersect(o KindSet) KindSet {
	return KindSet{[2]uint64{s.words[0] & o.words[0], s.words[1] & o.words[1]}}
}

func (s KindSet) Minus(o KindSet) KindSet {
	return KindSet{[2]uint64{s.words[0] &^ o.words[0], s.words[1] &^ o.words[1]}}
}

// All yields the kinds of s in ascending order.
func (s KindSet) All() iter.Seq[Kind] {
	return func(yield func(Kind) bool) {
		for i, word := range s.words {
			for ; word != 0; word &= word - 1 {
				if !yield(Kind(i<<6 + bits.TrailingZeros64(word))) {
					return
				}
			}
		}
	}
}
