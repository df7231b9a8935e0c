package procfs

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

// Facts are what the kernel tells of a process without touching its memory or its files, so that nothing the process
// does can make the reader wait.
type Facts struct {
	PID, PPID   int32
	Start       int64 // ns since boot, rounded down to a multiple of Tick
	Tick        int64 // ns
	Dead        bool  // a zombie without threads
	Kernel      bool  // a kernel thread: it has no image
	Name        string
	ExePath     string // as event.Process has it; "" for a kernel thread
	Memfd       bool
	CWD         string
	TTY         uint32
	SID, PGID   int32
	VPID, VPGID int32
	UID, GID    uint32
	LoginUID    int32
	SessionID   int32
	Caps        event.Caps
	PIDNS       uint64 // inode of the pid namespace, 0 if it could not be read
	MountNS     uint64 // the same of the mount namespace
}

// pfKthread is PF_KTHREAD of linux/sched.h.
const pfKthread = 0x00200000

const (
	statMax   = 2048      // 52 numbers of at most 20 digits
	statusMax = 8 << 10   // enough unless a process has hundreds of groups
	groupsMax = 1 << 20   // enough for a process with the most groups there can be, 65536
	linkMax   = 4 << 10   // PATH_MAX
	memoryMax = 4<<10 - 1 // TEXT_MAX of bpf/wire.h: a process looks the same from here and from its exec record
)

var buffers = sync.Pool{New: func() any { return new([statusMax]byte) }}

// Process reads the facts of one process. [ErrGone] if there is none.
func (fs *FS) Process(pid int32) (Facts, error) {
	d, err := fs.open(pid)
	if err != nil {
		return Facts{}, err
	}
	defer d.close()
	scratch := buffers.Get().(*[statusMax]byte)
	defer buffers.Put(scratch)
	buf := scratch[:]
	s, err := d.stat(buf)
	if err != nil {
		return Facts{}, err
	}
	f := Facts{
		PID: pid, PPID: s.ppid, Start: s.startTicks * fs.tick, Tick: fs.tick, Dead: s.dead(), Kernel: s.flags&pfKthread != 0, Name: s.comm,
		TTY: s.tty, SID: s.sid, PGID: s.pgid,
	}
	text, more, err := d.read("status", buf)
	if more && err == nil {
		text, _, err = d.read("status", make([]byte, groupsMax))
	}
	if err != nil {
		return Facts{}, err
	}
	st, err := parseStatus(text)
	if err != nil {
		return Facts{}, fmt.Errorf("process %d: %w", pid, err)
	}
	f.UID, f.GID, f.VPID, f.VPGID, f.Caps = st.uid, st.gid, st.vpid, st.vpgid, st.caps
	f.LoginUID, f.SessionID = d.id("loginuid", buf), d.id("sessionid", buf)
	f.ExePath, f.Memfd = exePath(d.link("exe", buf[:linkMax]))
	f.CWD = strings.TrimSuffix(d.link("cwd", buf[:linkMax]), deleted)
	f.PIDNS, f.MountNS = d.namespace("pid", buf), d.namespace("mnt", buf)
	return f, nil
}

func (d dir) stat(buf []byte) (stat, error) {
	line, _, err := d.read("stat", buf[:statMax])
	if err != nil {
		return stat{}, err
	}
	s, err := parseStat(line)
	if err != nil {
		return stat{}, fmt.Errorf("process %d: %w", d.pid, err)
	}
	return s, nil
}

// id reads a file that holds one id; -1 for the kernel's 4294967295, and where it has no audit.
func (d dir) id(name string, buf []byte) int32 {
	text, _, err := d.read(name, buf[:32])
	if err != nil {
		return -1
	}
	n, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
	if err != nil {
		return -1
	}
	return int32(uint32(n))
}

// namespace reads the inode out of a link like "pid:[4026531836]".
func (d dir) namespace(kind string, buf []byte) uint64 {
	text := strings.TrimPrefix(d.link("ns/"+kind, buf[:linkMax]), kind+":[")
	inode, err := strconv.ParseUint(strings.TrimSuffix(text, "]"), 10, 64)
	if err != nil {
		return 0
	}
	return inode
}

// deleted is what the kernel writes behind the path of an unlinked file. A file may be named so; Falco cuts it off all the same.
const deleted = " (deleted)"

// exePath gives the link of an executable the form that exec records have.
func exePath(link string) (path string, memfd bool) {
	path = strings.TrimSuffix(link, deleted)
	if name, ok := strings.CutPrefix(path, "/memfd:"); ok && path != link {
		return "memfd:" + name, true
	}
	return path, false
}

// Image is what stands in a process's memory, and its executable's inode. Reading it may wait for as long as the process
// likes: its memory may be served by userfaultfd, its executable by FUSE.
type Image struct {
	Args          []byte // NUL behind each; nil for a kernel thread
	Env           []byte
	ArgsTruncated bool
	Ino           uint64
	Ctime, Mtime  int64 // ns since the epoch
}

// Image reads the image of the process that has pid and started at start (as in Facts). [ErrGone] if another one has
// the number by now.
func (fs *FS) Image(pid int32, start int64) (Image, error) {
	d, err := fs.open(pid)
	if err != nil {
		return Image{}, err
	}
	defer d.close()
	scratch := buffers.Get().(*[statusMax]byte)
	defer buffers.Put(scratch)
	buf := scratch[:memoryMax]
	s, err := d.stat(buf)
	if err != nil {
		return Image{}, err
	}
	if s.startTicks*fs.tick != start {
		return Image{}, fmt.Errorf("process %d: started at %d, not %d: %w", pid, s.startTicks*fs.tick, start, ErrGone)
	}
	args, more, err := d.read("cmdline", buf)
	if err != nil {
		return Image{}, err
	}
	// What a process writes over its arguments to name itself is often padded with NULs up to their old length.
	args = append(bytes.TrimRight(args, "\x00"), 0)
	img := Image{ArgsTruncated: more}
	if len(args) > 1 {
		img.Args = bytes.Clone(args)
	}
	if fs.env {
		// Without the permission to read it a process simply has no known environment.
		if env, _, err := d.read("environ", buf); err == nil {
			img.Env = append([]byte(nil), env...)
		}
	}
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd, "exe", &st, 0); err == nil {
		img.Ino, img.Ctime, img.Mtime = st.Ino, st.Ctim.Nano(), st.Mtim.Nano()
	}
	return img, nil
}
