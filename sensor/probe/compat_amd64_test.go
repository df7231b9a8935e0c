package probe

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

func init() {
	// int80 asks for the process's id, and dies where the kernel has no 32-bit calls.
	children["int80"] = func([]string) error {
		if pid := int80(20); pid <= 0 {
			return unix.Errno(-pid)
		}
		return nil
	}
}

// low is memory below 4 GiB, for code and for what 32-bit calls are pointed to.
var low struct {
	sync.Mutex
	page []byte
	used int
}

const lowBytes, codeBytes = 1 << 20, 256

// reserve cuts off a piece of it.
func reserve(n int) []byte {
	low.Lock()
	defer low.Unlock()
	if low.page == nil {
		page, err := unix.Mmap(-1, 0, lowBytes, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC,
			unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_32BIT|unix.MAP_POPULATE)
		if err != nil {
			panic(err)
		}
		low.page = page
	}
	b := low.page[low.used:][:n:n]
	low.used += (n + 15) &^ 15
	return b
}

func address32(b []byte) uint32 { return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) }

// int80 enters the kernel as a 32-bit program does.
func int80(nr uint32, args ...uint32) int32 {
	const ebx, ecx, edx, esi, edi, ebp = 0xbb, 0xb9, 0xba, 0xbe, 0xbf, 0xbd // mov register, value
	page := reserve(codeBytes)
	result := page[codeBytes-4:]
	code := []byte{0x53, 0x55} // push rbx, push rbp
	code = binary.LittleEndian.AppendUint32(append(code, 0xb8), nr)
	for i, value := range args {
		code = append(code, [...]byte{ebx, ecx, edx, esi, edi, ebp}[i])
		code = binary.LittleEndian.AppendUint32(code, value)
	}
	code = append(code, 0xcd, 0x80)       // int 0x80
	code = append(code, 0x89, 0x04, 0x25) // mov [result], eax
	code = binary.LittleEndian.AppendUint32(code, address32(result))
	code = append(code, 0x5d, 0x5b, 0xc3) // pop rbp, pop rbx, ret
	copy(page, code)
	// A func value points to a word that holds the code's address.
	entry := unsafe.Pointer(&page[0])
	value := &entry
	(*(*func())(unsafe.Pointer(&value)))()
	return int32(binary.LittleEndian.Uint32(result))
}

// An int80Caller makes 32-bit calls from this 64-bit program.
type int80Caller struct{}

func (int80Caller) pid() int { return os.Getpid() }
func (int80Caller) lend(int) {}
func (int80Caller) point(b []byte) uintptr {
	return uintptr(unsafe.Pointer(unsafe.SliceData(append(reserve(len(b))[:0], b...))))
}

// Go does not know that this is a system call: it would interrupt a long one, as it does what computes for long.
func (int80Caller) call(t *testing.T, nr uint32, args [6]uint32) int32 {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var all, was unix.Sigset_t
	for i := range all.Val {
		all.Val[i] = ^uint64(0)
	}
	if err := unix.PthreadSigmask(unix.SIG_SETMASK, &all, &was); err != nil {
		t.Fatal(err)
	}
	defer unix.PthreadSigmask(unix.SIG_SETMASK, &was, nil)
	return int80(nr, args[:]...)
}

// byInt80 has the tests' calls made so, for the rest of a test.
func byInt80(t *testing.T) {
	t.Helper()
	var exit *exec.ExitError
	if err := child(t, "int80").Run(); errors.As(err, &exit) && exit.ExitCode() == -1 {
		t.Skip("this kernel has no 32-bit calls (CONFIG_IA32_EMULATION)")
	} else if err != nil {
		t.Fatal(err)
	}
	calling32 = int80Caller{}
	t.Cleanup(func() { calling32 = nil })
}

var callers32 = map[string]func(*testing.T){"int 0x80": byInt80, "program": byProgram}

// Before Linux 4.3 there was no other way to make them, and it is open to all still.
func TestSocketcall(t *testing.T) {
	bySocketcall = true
	defer func() { bySocketcall = false }()
	for name, by32 := range callers32 {
		for family, test := range map[string]func(*testing.T){"tcp": TestTCP, "connect": TestConnectOutcomes, "unix": TestUnixSockets,
			"socket": TestSocket, "datagrams": TestDatagrams, "passed descriptors": TestPassedDescriptors} {
			t.Run(name+" "+family, func(t *testing.T) {
				by32(t)
				test(t)
			})
		}
	}
}

// A 32-bit call is never taken for the native call of its number, nor the other way round.
func TestCompatMisread(t *testing.T) {
	const remapFilePages = 257 // 32-bit; natively openat
	l := all(t)
	name := filepath.Join(t.TempDir(), "absent")
	mine := func(ev *event.Event) bool { return ev.Task.TGID == int32(os.Getpid()) && ev.FD.Path.Raw == name }
	misread := func(ev *event.Event) bool { return mine(ev) && ev.Kind != event.Creat }
	last := func(ev *event.Event) bool { return mine(ev) && ev.Kind == event.Creat }
	byInt80(t)
	l.absent(t, misread, last, func() {
		int80(remapFilePages, ^uint32(99), uint32(text(name)), unix.O_RDONLY)
		unix.Syscall(unix.SYS_FSTAT, text(name), unix.O_RDONLY, 0) // 5: open of 32 bits
		call(t, event.Creat, text(name), 0o600)
	})
}

// What looks like the native call in every register that a program can set is a 32-bit call all the same: the SYSCALL
// instruction leaves its return address in rcx.
func TestCompatDisguised(t *testing.T) {
	l := all(t)
	byInt80(t)
	name := filepath.Join(resolved(t, t.TempDir()), "file")
	page := reserve(codeBytes)
	next := page[64:]
	code := []byte{0x53, 0xb8, 5, 0, 0, 0, 0xbb} // push rbx; eax = open; ebx = path
	code = binary.LittleEndian.AppendUint32(code, uint32(text(name)))
	code = append(code, 0xb9) // ecx = where int 0x80 returns to, taken for flags
	code = binary.LittleEndian.AppendUint32(code, address32(next))
	code = append(code, 0xeb, byte(62-len(code)-2)) // jmp to what follows
	copy(page, code)
	copy(page[62:], []byte{0xcd, 0x80, 0x5b, 0xc3}) // int 0x80; pop rbx; ret
	entry := unsafe.Pointer(&page[0])
	value := &entry
	l.expect(t, mine(event.Open, func(ev *event.Event) bool { return ev.FD.Path.Raw == name && ev.Args.Flags == uint64(address32(next)) }),
		*(*func())(unsafe.Pointer(&value)))
}

// The messages of a ring that a 32-bit call made are laid out as that program has them.
func TestRingCompat(t *testing.T) {
	l := all(t)
	_, to := bound(t, netip.MustParseAddr("127.0.0.1"))
	fd := socket(t, unix.AF_INET, unix.SOCK_DGRAM, 0)
	newRing(t, 0).close() // skips where there are none
	r := &ring{t: t}
	byInt80(t)
	params := reserve(int(unsafe.Sizeof(r.params)))
	made := int80(unix.SYS_IO_URING_SETUP, 8, address32(params))
	if made < 0 {
		t.Fatal(unix.Errno(-made))
	}
	r.params = *(*ringParams)(unsafe.Pointer(&params[0]))
	r.open(int(made))
	ev := l.expect(t, viaRing(event.Sendmsg, descriptor(fd)), func() {
		r.do(letter{to: to, texts: []string{"hel", "lo"}}.request(opSendmsg, fd))
	})
	if f := ev.FD; ev.Ret != 5 || ev.Message.Size != 5 || f.Remote != to || !f.NameChanged {
		t.Errorf("returned %d, %+v, %+v", ev.Ret, f, ev.Message)
	}
}

// A socketcall leads to the kinds that are wanted, and is no call of interest where none is.
func TestSocketcallTable(t *testing.T) {
	for _, test := range []struct {
		wanted []event.Kind
		entry  uint16
		bind   event.Kind
	}{
		{[]event.Kind{event.Bind}, 0xff00, event.Bind},
		{[]event.Kind{event.Listen, event.Accept}, 0xff00, event.Unknown},
		{[]event.Kind{event.Openat, event.Dup}, 0, event.Unknown},
	} {
		var wanted event.KindSet
		for _, kind := range test.wanted {
			wanted.Add(kind)
		}
		if got := callTable(wanted)[socketcall]; got != test.entry {
			t.Errorf("%v: entry %#x, want %#x", test.wanted, got, test.entry)
		}
		if got := socketTable(wanted)[2]; got != uint8(test.bind) {
			t.Errorf("%v: bind leads to %d", test.wanted, got)
		}
	}
}
