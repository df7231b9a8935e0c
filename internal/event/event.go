// Package event is the vocabulary that the sensor's parts share: what happened on this machine (an Event), who did it
// (a Process) and where (a Container). It imports the standard library alone, and holds facts, not behaviour: package
// rules gives them Falco's field names and types.
//
// One Event is reused for all records of a reader, so that decoding allocates nothing. Its strings are views into the
// reader's buffers and hold until the next record is decoded; what must live longer is copied with [Event.Clone].
package event

import "net/netip"

// An Event is one record, decoded. Which of Exec, Fork, Exit, Cgroup, FD and Args hold anything depends on Kind.
type Event struct {
	Kind Kind
	CPU  uint16
	Num  uint64 // counts the events of this sensor from 1 (evt.num)
	Seq  uint64 // counts the records of CPU since the programs were loaded; a gap is a loss
	Boot int64  // ns since boot, CLOCK_BOOTTIME
	Time int64  // ns since the epoch
	Ret  int64  // what the system call returned: a result, or -errno
	Via  Via    // how the kernel was asked
	Task Task

	// Process is the acting process as the process table knows it. For Exec it is the new image, for Fork the child.
	// Never nil once the table has seen the event; a process of which nothing could be learned has only its ids.
	Process *Process
	// Container is the process's container, or [Host]. Never nil once sensor/container has seen the event.
	Container *Container

	Args    Args
	FD      FD
	Message Message
	Exec    ExecFacts
	Fork    ForkFacts
	Exit    ExitFacts
	Cgroup  CgroupFacts

	// Redacted counts the secrets replaced in Args of a copy; 0 in a reader's event. Those of a process are counted there.
	Redacted int
}

// Via is how the kernel was asked for what happened. The values are those of enum via in bpf/wire.h.
type Via uint8

const (
	ViaSyscall Via = iota
	ViaCompat      // a 32-bit system call on a 64-bit kernel; of an Exec: the new image is a 32-bit program
	ViaIOUring     // an operation of an io_uring
)

// Task is the acting task as the kernel described it in the record itself.
type Task struct {
	TGID, TID   int32
	PPID        int32  // real_parent's tgid
	Start       int64  // start of the thread group's leader, ns since boot (start_boottime)
	ParentStart int64  // the same of the parent
	ExecID      uint64 // self_exec_id: counts the images of this process
	CgroupID    uint64 // kernfs id; see [CgroupFacts]
	UID, GID    uint32 // effective
	Caps        Caps
	Comm        string // of the leader, at most 15 bytes
}

// Caps are capability sets, bit n for capability n of linux/capability.h.
type Caps struct{ Effective, Permitted, Inheritable uint64 }

// ExecFacts describe a new process image (Exec only).
type ExecFacts struct {
	Args          []byte // argv, each argument ended by NUL
	Env           []byte // environment, each entry ended by NUL
	ArgsTruncated bool   // Args or its last argument was cut at the record's limit
	EnvTruncated  bool
	Filename      string // as given to execve: the script for a script, relative if it was
	ExePath       string // of the executable itself (the interpreter for a script), resolved by the kernel
	CWD           string
	OldTID        int32  // id of the thread that called execve, if not the leader; it took over the leader's
	TTY           uint32 // controlling terminal as in /proc/PID/stat (new_encode_dev: 34816 is pts/0); 0 for none
	SID           int32  // session
	PGID          int32
	VPID          int32 // in the innermost pid namespace
	VPGID         int32
	LoginUID      int32 // -1 if unset or not supported by the kernel
	SessionID     int32
	UpperLayer    Tri  // the executable lies in the upper layer of an overlay
	Memfd         bool // the executable is a memfd
	Writable      bool // the executable is writable by the process
	Chrooted      bool // the process's root is not the top of its mounts
	OtherMount    bool // the executable lies on another mount than that root
	Ino           uint64
	Ctime, Mtime  int64 // of the executable, ns since the epoch
	PIDNSStart    int64 // start of the pid namespace's init, ns since boot; 0 if unknown
}

// Tri is a yes or no that may be unknown.
type Tri uint8

const (
	TriUnknown Tri = iota
	TriFalse
	TriTrue
)

// ForkFacts name the new task (Fork only); Event.Task is its parent.
type ForkFacts struct {
	TGID, TID int32
	Start     int64 // ns since boot
	VPID      int32
	CgroupID  uint64
	Thread    bool // TGID is the parent's: a thread, no process
}

// ExitFacts say what a task's end means for its process (Exit only); Event.Task is the one that ends.
type ExitFacts struct {
	// GroupDead: no thread of the process is left (group_dead of sched_process_exit, or signal->live == 0 before kernels
	// had it). Without it a thread ended, maybe the leader, and the process goes on. Two threads that end at once may
	// both carry it.
	GroupDead bool
}

// CgroupFacts tie a cgroup id to its path, from the root of its hierarchy (CgroupPath, CgroupMove).
type CgroupFacts struct {
	ID   uint64
	Path string
	Cut  bool // the path has more components than the kernel side follows: its first ones, which name the container, are missing
}

// Path is a path argument: as asked, and made absolute.
type Path struct {
	Raw  string // the bytes the program gave; cut at 4095
	Name string // Raw joined to its base directory and normalised by its text alone; links are not followed
}

// Args are the arguments of a system call, raw: flags and constants are the kernel's numbers for this architecture.
type Args struct {
	Flags    uint64   // sends, receives, open, openat2, accept4, mount, umount2, dup3, unlinkat, renameat2, linkat, execveat, finit_module, fchmodat2, unshare, setns, userfaultfd, fsopen, fsmount, open_tree, move_mount, io_uring_setup
	Mode     uint32   // open, creat, chmod, mkdir, mknod; fsmount: the attributes
	Dev      uint32   // mknod: the device, as user space writes it (makedev)
	Path     Path     // unlink, rename and link (old), chmod, mkdir, mknod, truncate, mount and umount (target), chroot, failed execve; move_mount: what is moved, if it is no descriptor; symlink: what it points at
	NewPath  Path     // rename and link (new); symlink: the link; move_mount: the target
	Source   string   // mount, and of the mounts of fsmount, open_tree and move_mount: device; fsconfig: the value; finit_module and init_module: parameters
	FSType   string   // fsopen, mount, and of the mounts of fsmount, open_tree and move_mount
	Key      string   // fsconfig
	Request  int64    // ptrace; kill family: the signal
	PID      int32    // ptrace, process_vm_readv, process_vm_writev, kill, tgkill: the target; setns, pidfd_getfd: the process behind the pidfd, 0 if there is none
	TID      int32    // tkill, tgkill: the target
	Cmd      int32    // bpf, fcntl, fsconfig
	UID      [3]int32 // setuid: [0]; setreuid: real, effective; setresuid: real, effective, saved; -1 leaves an id as it is
	GID      [3]int32 // the same of setgid, setregid, setresgid
	OldFD    int32    // dup, fcntl; pidfd_getfd: the pidfd
	NewFD    int32    // dup2, dup3; fcntl: the least number; pidfd_getfd: the other process's; fsconfig: aux
	DirFD    int32    // *at calls: the directory's descriptor, or AT_FDCWD; renameat, linkat: the old one's
	NewDirFD int32    // renameat, linkat, symlinkat, move_mount
	Backlog  int32    // listen
	Length   int64    // truncate, ftruncate
	Domain   int32    // socket
	SockType int32    // socket: the type, with SOCK_CLOEXEC and SOCK_NONBLOCK
	Protocol int32    // socket
	Entries  [3]int32 // io_uring_setup: asked for, of the queue for requests, of that for results
}

// FD is the descriptor that an event makes, uses or ends. Valid is false for events that have none.
type FD struct {
	Valid bool
	Num   int32 // -1 for a failed open
	Type  FDType

	// Files.
	Path       Path   // as asked; Path.Name is Falco's fd.name
	Real       string // resolved by the kernel in the process's mount namespace; "" if it could not be
	RealStatus PathStatus
	Foreign    bool   // the resolved path ends at a root that is not the process's
	FSPath     string // from the root of its own filesystem, where a bind mount hides that; else ""
	Dev        uint32 // the kernel's dev_t: major<<20 | minor
	Ino        uint64

	// Sockets.
	L4        L4
	Local     netip.AddrPort // the kernel's socket
	Remote    netip.AddrPort // the kernel's socket
	Asked     netip.AddrPort // as given in the call (connect, bind, sends)
	Unix      string         // path of a unix socket, abstract ones with a leading "@"
	Role      Role
	Connected bool
	// NameChanged: this event gave the socket another end, or an address of its own.
	NameChanged bool
	// A unix socket's own address and that of its other end, as far as they have any; one of them is Unix.
	UnixLocal, UnixRemote string
}

// Message is what a send or a receive moved.
type Message struct {
	Size   uint64 // bytes: of the buffers given; of a recvmsg, those received
	Data   string // the first 80 bytes at most, if a rule wants them
	Passed []PassedFD
	// PassedCount is how many descriptors came along: only the first ones are in Passed.
	PassedCount int
}

// PassedFD is a descriptor that came with a message from another process.
type PassedFD struct {
	Num     int32
	Type    FDType
	Real    string // as FD.Real
	Foreign bool
	Dev     uint32
	Ino     uint64
}

// PathStatus says how a resolved path came about.
type PathStatus uint8

const (
	PathNone        PathStatus = iota // there is no file: the call failed, or it has no descriptor
	PathResolved                      // complete
	PathTooDeep                       // more components or bytes than the kernel side follows: Real is ""
	PathUnreachable                   // a disconnected dentry: Real is what is known of it
	PathAnonymous                     // memfd, anonymous inode, socket, pipe: Real is the kernel's name for it
)

// FDType is what a descriptor refers to.
type FDType uint8

const (
	FDUnknown FDType = iota
	FDFile
	FDDirectory
	FDIPv4
	FDIPv6
	FDUnix
	FDPipe
	FDEvent
	FDSignal
	FDEventpoll
	FDInotify
	FDTimer
	FDNetlink
	FDBpf
	FDUserfault
	FDIoUring
	FDMemfd
	FDPid
	FDPacket
	FDOther
)

// L4 is a socket's transport protocol.
type L4 uint8

const (
	L4Unknown L4 = iota
	L4TCP
	L4UDP
	L4ICMP
	L4Raw
)

// Role is which end of a connection the process is.
type Role uint8

const (
	RoleUnknown Role = iota
	RoleClient
	RoleServer
)
