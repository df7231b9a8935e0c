// Package procfs reads what /proc says of one process: bounded, and never of two processes at once. It knows nothing of
// events or of the process table, its only caller, which decides what to believe.
//
// Each read goes through a descriptor of the process's own directory. The kernel ties that to the process and not to its
// number, so a number that is reused between two reads gives an error and never a mixture.
package procfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

var (
	// ErrGone: the process has ended, or another one has its number. What was asked cannot be learned any more.
	ErrGone = errors.New("process is gone")
	// ErrMalformed: the file is not what the kernel writes. A caller treats the process as unreadable.
	ErrMalformed = errors.New("malformed")
	// ErrPIDNamespace: this /proc numbers processes otherwise than the kernel's records do; nothing in it can be used.
	ErrPIDNamespace = errors.New("not the host's pid namespace")
)

// initPIDNS is the inode of the first pid namespace: PROC_PID_INIT_INO of linux/proc_ns.h, fixed since 3.8.
const initPIDNS = "pid:[4026531836]"

// Config says which /proc is read, and how much of it.
type Config struct {
	ProcRoot    string // where procfs is mounted; default /proc
	Environment bool   // read environments too; default false, since they hold secrets
}

// Validate names the field that cannot be used.
func (c Config) Validate() error {
	if c.ProcRoot != "" && !filepath.IsAbs(c.ProcRoot) {
		return fmt.Errorf("ProcRoot: %q is not absolute", c.ProcRoot)
	}
	return nil
}

// FS is a mounted /proc. Its methods may be called from several goroutines.
type FS struct {
	root string
	env  bool
	tick int64 // ns per clock tick
}

func New(cfg Config) *FS {
	if cfg.ProcRoot == "" {
		cfg.ProcRoot = "/proc"
	}
	return &FS{root: cfg.ProcRoot, env: cfg.Environment, tick: 1e9 / clockTicks()}
}

// clockTicks is USER_HZ, the unit of times in /proc. It is 100 on every architecture that Linux still has but alpha;
// the kernel tells in the auxiliary vector.
func clockTicks() int64 {
	const atClktck = 17
	vector, err := unix.Auxv()
	if err != nil {
		return 100
	}
	for _, entry := range vector {
		if entry[0] == atClktck && entry[1] > 0 && entry[1] <= 1e6 {
			return int64(entry[1])
		}
	}
	return 100
}

// Clock is now: in ns since boot, which is the clock of process starts and of event.Event.Boot, and since the epoch.
func (fs *FS) Clock() (boot, epoch int64) {
	var ts unix.Timespec
	// No kernel with BPF lacks this clock.
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts)
	return ts.Nano(), time.Now().UnixNano()
}

// Check reports why this /proc cannot serve, and what to do about it: [ErrPIDNamespace], or one that other users'
// processes cannot be read in.
func (fs *FS) Check() error {
	link := filepath.Join(fs.root, "1/ns/pid")
	namespace, err := os.Readlink(link)
	if errors.Is(err, os.ErrPermission) && fs.maySee() {
		// Some machines keep process 1 alone from everybody. This process's own namespace tells as well, unless the
		// host's /proc is mounted into another.
		link = filepath.Join(fs.root, "self/ns/pid")
		namespace, err = os.Readlink(link)
	}
	if errors.Is(err, os.ErrPermission) && !fs.maySee() {
		return fmt.Errorf("read %s: %w: missing CAP_SYS_PTRACE: run as root, or add SYS_PTRACE to the container's capabilities "+
			"(securityContext.capabilities.add)", link, err)
	}
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("read %s: %w, and CAP_SYS_PTRACE is there: /proc is mounted with hidepid, or a security module forbids it", link, err)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w: mount the host's proc there", link, err)
	}
	if namespace != initPIDNS {
		return fmt.Errorf("%s is %s, not %s: %w: set hostPID: true in the pod's specification", link, namespace,
			initPIDNS, ErrPIDNamespace)
	}
	return nil
}

// maySee reports whether this process has CAP_SYS_PTRACE, with which it can read what /proc says of any other.
func (fs *FS) maySee() bool {
	text, err := os.ReadFile(filepath.Join(fs.root, "self/status"))
	if err != nil {
		return false
	}
	_, line, _ := strings.Cut(string(text), "CapEff:\t")
	caps, err := strconv.ParseUint(strings.SplitN(line, "\n", 2)[0], 16, 64)
	return err == nil && caps>>unix.CAP_SYS_PTRACE&1 != 0
}

// PIDs lists the processes, threads not among them, in ascending order.
func (fs *FS) PIDs() ([]int32, error) {
	dir, err := os.Open(fs.root)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	return pids(names), nil
}

// dir is the directory of one process.
type dir struct {
	fd  int
	pid int32
}

func (fs *FS) open(pid int32) (dir, error) {
	path := fs.root + "/" + strconv.Itoa(int(pid))
	fd, err := retry(func() (int, error) {
		return unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC|unix.O_NOFOLLOW, 0)
	})
	if err != nil {
		return dir{}, gone(pid, "open", err)
	}
	return dir{fd, pid}, nil
}

func (d dir) close() { unix.Close(d.fd) }

// read fills buf with the head of a file, and reports whether there was more. Files in /proc are read again after a
// short read, since the kernel may stop at a page's end.
func (d dir) read(name string, buf []byte) (head []byte, more bool, err error) {
	fd, err := retry(func() (int, error) {
		return unix.Openat(d.fd, name, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	})
	if err != nil {
		return nil, false, gone(d.pid, name, err)
	}
	defer unix.Close(fd)
	n := 0
	for n < len(buf) {
		got, err := retry(func() (int, error) { return unix.Read(fd, buf[n:]) })
		if err != nil {
			return nil, false, gone(d.pid, name, err)
		}
		if got == 0 {
			return buf[:n], false, nil
		}
		n += got
	}
	var extra [1]byte
	got, err := retry(func() (int, error) { return unix.Read(fd, extra[:]) })
	return buf, err == nil && got > 0, nil
}

// link reads a link's text. "" where the kernel has none to give: a kernel thread's executable, or one that has ended.
func (d dir) link(name string, buf []byte) string {
	n, err := unix.Readlinkat(d.fd, name, buf)
	if err != nil {
		return ""
	}
	return string(buf[:n])
}

// gone turns the ways in which the kernel says that a process has ended into ErrGone.
func gone(pid int32, what string, err error) error {
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ESRCH) {
		err = ErrGone
	}
	return fmt.Errorf("process %d: %s: %w", pid, what, err)
}

// retry repeats a call that a signal interrupted; the Go runtime's own preemption signals do.
func retry(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if err != unix.EINTR {
			return n, err
		}
	}
}
