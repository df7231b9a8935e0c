package probe

import (
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Numbers of linux/io_uring.h.
const (
	opNop       = 0
	opSendmsg   = 9
	opRecvmsg   = 10
	opAccept    = 13
	opConnect   = 16
	opOpenat    = 18
	opSend      = 26
	opRecv      = 27
	opOpenat2   = 28
	opRenameat  = 35
	opUnlinkat  = 36
	opMkdirat   = 37
	opSymlinkat = 38
	opLinkat    = 39
	opSocket    = 45
	opSendZC    = 47
	opSendmsgZC = 48
	opInstall   = 54
	opBind      = 56
	opListen    = 57
	flagFixed   = 1 << 0
	flagLink    = 1 << 2
	flagAsync   = 1 << 4
	flagSkipCQE = 1 << 6

	setupSQPoll       = 1 << 1
	setupCQSize       = 1 << 3
	setupSingleIssuer = 1 << 12
	setupDeferTaskrun = 1 << 13

	enterGetEvents  = 1 << 0
	enterSQWakeup   = 1 << 1
	enterRegistered = 1 << 4

	registerFiles       = 2
	registerPersonality = 9
	registerRingFDs     = 20

	slotAlloc = ^uint32(0)
)

// An sqe is a request, and a cqe its result, as the kernel lays them out.
type sqe struct {
	opcode, flags uint8
	ioprio        uint16
	fd            int32
	off, addr     uint64
	len, opFlags  uint32
	userData      uint64
	bufIndex      uint16
	personality   uint16
	fileIndex     uint32
	addr3, pad    uint64
}

type cqe struct {
	userData uint64
	res      int32
	flags    uint32
}

type ringParams struct {
	sqEntries, cqEntries, flags, sqThreadCPU, sqThreadIdle, features, wqFD uint32
	resv                                                                   [3]uint32
	sq                                                                     struct {
		head, tail, mask, entries, flags, dropped, array, resv uint32
		userAddr                                               uint64
	}
	cq struct {
		head, tail, mask, entries, overflow, cqes, flags, resv uint32
		userAddr                                               uint64
	}
}

// A ring is an io_uring of the test's own.
type ring struct {
	t       testing.TB
	fd      int
	params  ringParams
	enterFD int
	sq, cq  []byte
	sqes    []byte
}

// newRing makes a ring, or skips where this machine has none; with TIERCEL_REQUIRE_BPF=1 only where the kernel has none.
func newRing(t testing.TB, flags uint32) *ring {
	t.Helper()
	runtime.LockOSThread() // some rings take requests of one thread only
	t.Cleanup(runtime.UnlockOSThread)
	r := &ring{t: t}
	r.params.flags = flags
	r.params.sqThreadIdle = 10
	if flags&setupCQSize != 0 {
		r.params.cqEntries = 8
	}
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, 8, uintptr(unsafe.Pointer(&r.params)), 0)
	disabled, _ := os.ReadFile("/proc/sys/kernel/io_uring_disabled")
	switch {
	case errno == unix.ENOSYS:
		t.Skip("this kernel has no io_uring (CONFIG_IO_URING)")
	case errno == unix.EINVAL:
		t.Skipf("this kernel has no rings of the flags %#x", flags)
	case errno != 0 && os.Getenv(requireBPF) == "1":
		t.Fatalf("io_uring_setup: %v (kernel.io_uring_disabled is %q)", errno, disabled)
	case errno != 0:
		t.Skipf("io_uring_setup: %v (kernel.io_uring_disabled is %q; else a seccomp filter)", errno, disabled)
	}
	r.open(int(fd))
	return r
}

// open maps the queues of a ring that was made.
func (r *ring) open(fd int) {
	r.fd, r.enterFD = fd, fd
	p := &r.params
	r.sq = r.mmap(0, int(p.sq.array+4*p.sqEntries))
	r.cq = r.mmap(0x8000000, int(p.cq.cqes)+int(p.cqEntries)*int(unsafe.Sizeof(cqe{})))
	r.sqes = r.mmap(0x10000000, int(p.sqEntries)*int(unsafe.Sizeof(sqe{})))
	r.t.Cleanup(func() { r.close() })
}

func (r *ring) mmap(offset int64, size int) []byte {
	m, err := unix.Mmap(r.fd, offset, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		r.t.Fatal(err)
	}
	return m
}

func (r *ring) close() {
	if r.fd < 0 {
		return
	}
	for _, m := range [][]byte{r.sq, r.cq, r.sqes} {
		unix.Munmap(m)
	}
	unix.Close(r.fd)
	r.fd = -1
}

func word(m []byte, offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&m[offset])) }

func (r *ring) register(opcode, arg uintptr, n int) int {
	r.t.Helper()
	res, _, errno := unix.Syscall6(unix.SYS_IO_URING_REGISTER, uintptr(r.fd), opcode, arg, uintptr(n), 0, 0)
	if errno != 0 {
		r.t.Skipf("io_uring_register %d: %v", opcode, errno)
	}
	return int(res)
}

// push queues requests.
func (r *ring) push(requests ...sqe) {
	for _, s := range requests {
		tail := word(r.sq, r.params.sq.tail)
		i := *tail & *word(r.sq, r.params.sq.mask)
		*(*sqe)(unsafe.Pointer(&r.sqes[uintptr(i)*unsafe.Sizeof(s)])) = s
		*word(r.sq, r.params.sq.array+4*i) = i
		atomic.StoreUint32(tail, *tail+1)
	}
}

// wait has the kernel take what is queued, and waits until there are so many results. A signal, as the runtime sends
// them, ends a wait before or after the requests were taken.
func (r *ring) wait(results uint32) {
	r.t.Helper()
	flags := uintptr(enterGetEvents)
	if r.params.flags&setupSQPoll != 0 {
		flags |= enterSQWakeup
	}
	if r.enterFD != r.fd {
		flags |= enterRegistered
	}
	for deadline := time.Now().Add(patience); ; {
		queued := *word(r.sq, r.params.sq.tail) - atomic.LoadUint32(word(r.sq, r.params.sq.head))
		there := atomic.LoadUint32(word(r.cq, r.params.cq.tail)) - *word(r.cq, r.params.cq.head)
		if queued == 0 && there >= results {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("%d requests were not taken, %d results are there of %d", queued, there, results)
		}
		_, _, errno := unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.enterFD), uintptr(queued), uintptr(results), flags, 0, 0)
		if errno != 0 && errno != unix.EINTR {
			r.t.Fatalf("io_uring_enter: %v", errno)
		}
	}
}

// reap takes the results that are there.
func (r *ring) reap() []cqe {
	head, tail := word(r.cq, r.params.cq.head), word(r.cq, r.params.cq.tail)
	var all []cqe
	for h := *head; h != atomic.LoadUint32(tail); h++ {
		i := h & *word(r.cq, r.params.cq.mask)
		all = append(all, *(*cqe)(unsafe.Pointer(&r.cq[uintptr(r.params.cq.cqes)+uintptr(i)*unsafe.Sizeof(cqe{})])))
		atomic.StoreUint32(head, h+1)
	}
	return all
}

// do makes one request and returns its result.
func (r *ring) do(s sqe) int32 {
	r.t.Helper()
	r.push(s)
	r.wait(1)
	results := r.reap()
	if len(results) != 1 {
		r.t.Fatalf("%d results", len(results))
	}
	return results[0].res
}
