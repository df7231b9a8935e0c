package field

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// A bit is one named flag. A flag of several bits stands before those it contains.
type bit struct {
	mask uint64
	name string
}

// openFlags are the flags of open(2), whose numbers differ between architectures (asm/fcntl.h); those of amd64 are
// the generic ones but for the three that 32-bit ARM, and after it arm64, moved.
func openFlags(arch string) []bit {
	direct, large, directory, nofollow := uint64(0o40000), uint64(0o100000), uint64(0o200000), uint64(0o400000)
	if arch == "arm64" {
		direct, large, directory, nofollow = 0o200000, 0o400000, 0o40000, 0o100000
	}
	return []bit{
		{0o100, "O_CREAT"}, {0o200, "O_EXCL"}, {0o400, "O_NOCTTY"}, {0o1000, "O_TRUNC"}, {0o2000, "O_APPEND"},
		{0o4000, "O_NONBLOCK"}, {0o4010000, "O_SYNC"}, {0o10000, "O_DSYNC"}, {direct, "O_DIRECT"}, {large, "O_LARGEFILE"},
		{0o20000000 | directory, "O_TMPFILE"}, {directory, "O_DIRECTORY"}, {nofollow, "O_NOFOLLOW"},
		{0o1000000, "O_NOATIME"}, {0o2000000, "O_CLOEXEC"}, {0o10000000, "O_PATH"},
	}
}

const (
	accessMode = 0o3 // O_ACCMODE
	writeOnly  = 0o1
	readWrite  = 0o2
	create     = 0o100
	tmpfile    = 0o20000000 // without O_DIRECTORY, which goes with it
)

var (
	openBits = openFlags(runtime.GOARCH)

	permissionBits = []bit{
		{0o4000, "S_ISUID"}, {0o2000, "S_ISGID"}, {0o1000, "S_ISVTX"}, {0o400, "S_IRUSR"}, {0o200, "S_IWUSR"}, {0o100, "S_IXUSR"},
		{0o40, "S_IRGRP"}, {0o20, "S_IWGRP"}, {0o10, "S_IXGRP"}, {0o4, "S_IROTH"}, {0o2, "S_IWOTH"}, {0o1, "S_IXOTH"},
	}
	mountBits = []bit{
		{1, "RDONLY"}, {2, "NOSUID"}, {4, "NODEV"}, {8, "NOEXEC"}, {16, "SYNCHRONOUS"}, {32, "REMOUNT"}, {64, "MANDLOCK"},
		{128, "DIRSYNC"}, {256, "NOSYMFOLLOW"}, {1024, "NOATIME"}, {2048, "NODIRATIME"}, {4096, "BIND"}, {8192, "MOVE"}, {16384, "REC"},
		{32768, "SILENT"}, {1 << 16, "POSIXACL"}, {1 << 17, "UNBINDABLE"}, {1 << 18, "PRIVATE"}, {1 << 19, "SLAVE"},
		{1 << 20, "SHARED"}, {1 << 21, "RELATIME"}, {1 << 23, "I_VERSION"}, {1 << 24, "STRICTATIME"}, {1 << 25, "LAZYTIME"},
	}
	acceptBits = []bit{{0o4000, "SOCK_NONBLOCK"}, {0o2000000, "SOCK_CLOEXEC"}}
	dupBits    = []bit{{0o2000000, "O_CLOEXEC"}}
	umountBits = []bit{{1, "FORCE"}, {2, "DETACH"}, {4, "EXPIRE"}, {8, "NOFOLLOW"}}
	linkBits   = []bit{{0x400, "AT_SYMLINK_FOLLOW"}, {0x1000, "AT_EMPTY_PATH"}}
	cloneBits  = []bit{ // linux/sched.h: what unshare takes and setns joins
		{0x80, "CLONE_NEWTIME"}, {0x100, "CLONE_VM"}, {0x200, "CLONE_FS"}, {0x400, "CLONE_FILES"}, {0x800, "CLONE_SIGHAND"},
		{0x10000, "CLONE_THREAD"}, {0x20000, "CLONE_NEWNS"}, {0x40000, "CLONE_SYSVSEM"}, {0x2000000, "CLONE_NEWCGROUP"},
		{0x4000000, "CLONE_NEWUTS"}, {0x8000000, "CLONE_NEWIPC"}, {0x10000000, "CLONE_NEWUSER"}, {0x20000000, "CLONE_NEWPID"},
		{0x40000000, "CLONE_NEWNET"},
	}
	ringBits = []bit{ // linux/io_uring.h
		{1, "IORING_SETUP_IOPOLL"}, {2, "IORING_SETUP_SQPOLL"}, {4, "IORING_SETUP_SQ_AFF"}, {8, "IORING_SETUP_CQSIZE"},
		{0x10, "IORING_SETUP_CLAMP"}, {0x20, "IORING_SETUP_ATTACH_WQ"}, {0x40, "IORING_SETUP_R_DISABLED"},
		{0x80, "IORING_SETUP_SUBMIT_ALL"}, {0x100, "IORING_SETUP_COOP_TASKRUN"}, {0x200, "IORING_SETUP_TASKRUN_FLAG"},
		{0x400, "IORING_SETUP_SQE128"}, {0x800, "IORING_SETUP_CQE32"}, {0x1000, "IORING_SETUP_SINGLE_ISSUER"},
		{0x2000, "IORING_SETUP_DEFER_TASKRUN"}, {0x4000, "IORING_SETUP_NO_MMAP"}, {0x8000, "IORING_SETUP_REGISTERED_FD_ONLY"},
		{0x10000, "IORING_SETUP_NO_SQARRAY"}, {0x20000, "IORING_SETUP_HYBRID_IOPOLL"},
	}
	userfaultBits = []bit{{1, "UFFD_USER_MODE_ONLY"}, {0o4000, "O_NONBLOCK"}, {0o2000000, "O_CLOEXEC"}}
	fsopenBits    = []bit{{1, "FSOPEN_CLOEXEC"}}
	fsmountBits   = []bit{{1, "FSMOUNT_CLOEXEC"}}
	attributeBits = []bit{
		{1, "MOUNT_ATTR_RDONLY"}, {2, "MOUNT_ATTR_NOSUID"}, {4, "MOUNT_ATTR_NODEV"}, {8, "MOUNT_ATTR_NOEXEC"}, {0x10, "MOUNT_ATTR_NOATIME"},
		{0x20, "MOUNT_ATTR_STRICTATIME"}, {0x80, "MOUNT_ATTR_NODIRATIME"}, {0x100000, "MOUNT_ATTR_IDMAP"}, {0x200000, "MOUNT_ATTR_NOSYMFOLLOW"},
	}
	treeBits = []bit{
		{1, "OPEN_TREE_CLONE"}, {0o2000000, "OPEN_TREE_CLOEXEC"}, {0x100, "AT_SYMLINK_NOFOLLOW"}, {0x800, "AT_NO_AUTOMOUNT"},
		{0x1000, "AT_EMPTY_PATH"}, {0x8000, "AT_RECURSIVE"},
	}
	moveBits = []bit{
		{1, "MOVE_MOUNT_F_SYMLINKS"}, {2, "MOVE_MOUNT_F_AUTOMOUNTS"}, {4, "MOVE_MOUNT_F_EMPTY_PATH"}, {0x10, "MOVE_MOUNT_T_SYMLINKS"},
		{0x20, "MOVE_MOUNT_T_AUTOMOUNTS"}, {0x40, "MOVE_MOUNT_T_EMPTY_PATH"}, {0x100, "MOVE_MOUNT_SET_GROUP"}, {0x200, "MOVE_MOUNT_BENEATH"},
	}
	unlinkBits   = []bit{{0x200, "AT_REMOVEDIR"}}
	renameBits   = []bit{{1, "RENAME_NOREPLACE"}, {2, "RENAME_EXCHANGE"}, {4, "RENAME_WHITEOUT"}}
	execveatBits = []bit{{0x1000, "AT_EMPTY_PATH"}, {0x100, "AT_SYMLINK_NOFOLLOW"}}
	fchmodatBits = execveatBits
	moduleBits   = []bit{{1, "MODULE_INIT_IGNORE_MODVERSIONS"}, {2, "MODULE_INIT_IGNORE_VERMAGIC"}, {4, "MODULE_INIT_COMPRESSED_FILE"}}
)

// named renders flags as NAME|NAME; bits without a name as one hexadecimal number, no bits as "0".
func named(table []bit, v uint64) string {
	var b strings.Builder
	for _, f := range table {
		if v&f.mask == f.mask {
			v &^= f.mask
			pipe(&b, f.name)
		}
	}
	if v != 0 {
		pipe(&b, "0x"+strconv.FormatUint(v, 16))
	}
	if b.Len() == 0 {
		return "0"
	}
	return b.String()
}

func pipe(b *strings.Builder, s string) {
	if b.Len() > 0 {
		b.WriteByte('|')
	}
	b.WriteString(s)
}

func openText(v uint64) string {
	access := [...]string{"O_RDONLY", "O_WRONLY", "O_RDWR", "O_WRONLY|O_RDWR"}[v&accessMode]
	if rest := named(openBits, v&^accessMode); rest != "0" {
		return access + "|" + rest
	}
	return access
}

// parseBits is the inverse of named; it takes numbers too.
func parseBits(table []bit, text string) (uint64, error) {
	var v uint64
next:
	for name := range strings.SplitSeq(text, "|") {
		for _, f := range table {
			if f.name == name {
				v |= f.mask
				continue next
			}
		}
		n, err := strconv.ParseUint(name, 0, 64)
		if err != nil {
			return 0, fmt.Errorf("%q is no flag of this call", name)
		}
		v |= n
	}
	return v, nil
}

func parseOpenFlags(text string) (uint64, error) {
	return parseBits(append([]bit{{0, "O_RDONLY"}, {writeOnly, "O_WRONLY"}, {readWrite, "O_RDWR"}}, openBits...), text)
}

// restarts are the results of a call that a signal interrupted (linux/errno.h). Programs never see them: behind the place
// where events are made the kernel turns them into EINTR, or calls again.
var restarts = map[int64]string{512: "ERESTARTSYS", 513: "ERESTARTNOINTR", 514: "ERESTARTNOHAND", 516: "ERESTART_RESTARTBLOCK"}

// errnoName is the symbol of a positive errno.
func errnoName(n int64) string {
	if s := restarts[n]; s != "" {
		return s
	}
	if s := unix.ErrnoName(unix.Errno(n)); s != "" {
		return s
	}
	return "errno " + strconv.FormatInt(n, 10)
}

func parseErrno(name string) (int64, bool) {
	for n := range int64(4096) {
		if n > 0 && (unix.ErrnoName(unix.Errno(n)) == name || restarts[n] == name) {
			return n, true
		}
	}
	return 0, false
}

// rendered remembers the texts of the few numbers that a field's values really are, so that most events cost no
// allocation; a number that falls on another's place replaces it, so memory is bounded.
type rendered struct {
	text   func(uint64) string
	places [64]atomic.Pointer[place]
}

type place struct {
	value uint64
	text  string
}

func render(text func(uint64) string) *rendered { return &rendered{text: text} }

func renderBits(table []bit) *rendered {
	return render(func(v uint64) string { return named(table, v) })
}

func (r *rendered) of(v uint64) string {
	at := &r.places[v*0x9e3779b97f4a7c15>>58]
	p := at.Load()
	if p == nil || p.value != v {
		p = &place{v, r.text(v)}
		at.Store(p)
	}
	return p.text
}
