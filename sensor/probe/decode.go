package probe

import (
	"bytes"
	"fmt"
	"sync/atomic"
	"unsafe"

	"tiercel.dev/internal/event"
)

// A Decoder turns records into events. It needs no kernel. It belongs to one goroutine, but for Gaps and SetBootTime.
type Decoder struct {
	boot atomic.Int64
	gaps atomic.Uint64
	num  uint64
	next []uint64 // by CPU: the sequence number expected, 0 before the first record
	text []byte   // names made from the record at hand

	operations operations
	passed     [passedMax]event.PassedFD // that came with the message at hand
}

// NewDecoder makes a Decoder of records of a machine that was booted at boot, in ns since the epoch.
func NewDecoder(boot int64) *Decoder {
	// Two paths at most are made for one event, each of a base and a relative path.
	d := &Decoder{text: make([]byte, 0, 4*(bpfTextMax+1)), operations: newOperations()}
	d.boot.Store(boot)
	return d
}

// bpfTextMax is TEXT_MAX of bpf/wire.h.
const bpfTextMax = 4095

// passedMax is PASSED_MAX of bpf/message.c.
const passedMax = 16

// SetBootTime changes what is added to the records' times.
func (d *Decoder) SetBootTime(boot int64) { d.boot.Store(boot) }

// Gaps is how many records are missing in the sequences of the CPUs.
func (d *Decoder) Gaps() uint64 { return d.gaps.Load() }

// Decode decodes raw into ev, whatever ev held before. The event's strings are views into raw and into the decoder, and
// hold until the next call. Errors are [ErrTruncated] and [ErrUnknownKind]; with the latter the header is decoded.
func (d *Decoder) Decode(raw []byte, ev *event.Event) error {
	*ev = event.Event{}
	h, err := view[bpfEventHeader](raw)
	if err != nil {
		return err
	}
	if uint64(h.Size) > uint64(len(raw)) || h.Size < uint32(unsafe.Sizeof(h)) {
		return fmt.Errorf("record says %d bytes, have %d: %w", h.Size, len(raw), ErrTruncated)
	}
	raw = raw[:h.Size]
	d.text = d.text[:0]
	d.header(&h, raw, ev)
	d.sequence(h.Cpu, h.Seq)
	if h.Kind >= event.Kinds {
		return fmt.Errorf("kind %d: %w", h.Kind, ErrUnknownKind)
	}
	ev.Kind = event.Kind(h.Kind)
	if err := d.body(raw, ev); err != nil {
		return err
	}
	if h.Ret == resultLater && ev.Via == event.ViaIOUring && ev.Kind.Visible() {
		d.begin(&h, ev)
	}
	if ev.Kind.Visible() {
		d.num++
		ev.Num = d.num
	}
	return nil
}

// body decodes what is behind the header.
func (d *Decoder) body(raw []byte, ev *event.Event) error {
	switch ev.Kind {
	case event.Fork:
		return d.fork(raw, ev)
	case event.Exec:
		return d.exec(raw, ev)
	case event.Exit:
		return d.exit(raw, ev)
	case event.CgroupPath, event.CgroupMove:
		return d.cgroup(raw, ev)
	case event.Operation:
		return d.end(raw, ev)
	case event.Open, event.Openat, event.Openat2, event.Creat, event.OpenByHandleAt:
		return d.open(raw, ev)
	case event.Connect, event.Accept, event.Accept4, event.Bind, event.Listen,
		event.Dup, event.Dup2, event.Dup3, event.Fcntl, event.PidfdGetfd, event.Userfaultfd, event.Setns,
		event.Fchmod, event.Ftruncate, event.FinitModule:
		return d.descriptor(raw, ev)
	case event.Execve, event.Execveat, event.Unlink, event.Unlinkat, event.Rmdir, event.Truncate, event.Umount, event.Umount2,
		event.Rename, event.Renameat, event.Renameat2, event.Link, event.Linkat, event.Symlink, event.Symlinkat,
		event.Chmod, event.Fchmodat, event.Fchmodat2, event.Mkdir, event.Mkdirat, event.Mknod, event.Mknodat, event.Mount:
		return d.paths(raw, ev)
	case event.Socket:
		return d.socketMade(raw, ev)
	case event.Sendto, event.Sendmsg, event.Sendmmsg, event.Recvfrom, event.Recvmsg, event.Recvmmsg:
		return d.message(raw, ev)
	case event.Fsopen, event.Fsconfig, event.Fsmount, event.OpenTree, event.MoveMount, event.Chroot:
		return d.tree(raw, ev)
	case event.Ptrace, event.InitModule, event.Bpf, event.Unshare, event.ProcessVMReadv, event.ProcessVMWritev,
		event.Setuid, event.Setreuid, event.Setresuid, event.Setgid, event.Setregid, event.Setresgid, event.Capset,
		event.Kill, event.Tkill, event.Tgkill, event.IoUringSetup:
		return d.numbers(raw, ev)
	}
	return fmt.Errorf("kind %d: %w", ev.Kind, ErrUnknownKind)
}

func (d *Decoder) header(h *bpfEventHeader, raw []byte, ev *event.Event) {
	ev.CPU = h.Cpu
	ev.Seq = h.Seq
	ev.Boot = int64(h.KtimeNs)
	ev.Time = ev.Boot + d.boot.Load()
	ev.Ret = h.Ret
	ev.Via = event.Via(h.Via)
	t := &ev.Task
	t.TGID, t.TID, t.PPID = h.Tgid, h.Tid, h.Ppid
	t.Start, t.ParentStart = int64(h.StartNs), int64(h.ParentStartNs)
	t.ExecID = h.ExecId
	t.CgroupID = h.CgroupId
	t.UID, t.GID = h.Euid, h.Egid
	t.Caps = event.Caps{Effective: h.CapsEffective, Permitted: h.CapsPermitted, Inheritable: h.CapsInheritable}
	t.Comm = str(untilNUL(raw[unsafe.Offsetof(h.Comm):][:len(h.Comm)]))
}

// sequence counts what is missing before seq. A smaller number than expected is another run of the programs.
func (d *Decoder) sequence(cpu uint16, seq uint64) {
	if int(cpu) >= len(d.next) {
		d.next = append(d.next, make([]uint64, int(cpu)+1-len(d.next))...)
	}
	if next := d.next[cpu]; seq > next {
		d.gaps.Add(seq - next)
	}
	d.next[cpu] = seq + 1
}

// view copies the head of raw into a T. It is sound only for types generated from bpf/wire.h, which hold no pointers and
// no padding.
func view[T any](raw []byte) (T, error) {
	var v T
	if len(raw) < int(unsafe.Sizeof(v)) {
		return v, fmt.Errorf("%T: have %d of %d bytes: %w", v, len(raw), unsafe.Sizeof(v), ErrTruncated)
	}
	copy(unsafe.Slice((*byte)(unsafe.Pointer(&v)), unsafe.Sizeof(v)), raw)
	return v, nil
}

func untilNUL(text []byte) []byte {
	if i := bytes.IndexByte(text, 0); i >= 0 {
		return text[:i]
	}
	return text
}

// str is a string that shares b's memory.
func str(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// texts yields a record's texts, which follow its fixed part.
type texts struct {
	rest  []byte
	short int // bytes that the lengths promise and the record lacks
}

func textsOf[T any](raw []byte, _ *T) texts {
	var v T
	return texts{rest: raw[unsafe.Sizeof(v):]}
}

func (t *texts) next(n int) []byte {
	if n > len(t.rest) {
		t.short += n - len(t.rest)
		n = len(t.rest)
	}
	text := t.rest[:n:n]
	t.rest = t.rest[n:]
	return text
}

func (t *texts) err() error {
	if t.short != 0 {
		return fmt.Errorf("texts lack %d bytes: %w", t.short, ErrTruncated)
	}
	return nil
}
