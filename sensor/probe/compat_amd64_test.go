package probe

import (
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
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

func below4GiB(b []byte) []byte { return append(reserve(len(b))[:0], b...) }

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

// call32 makes the call as a 32-bit program would: by its own number, or by socketcall where it has none.
func call32(t *testing.T, kind event.Kind, a [6]uintptr) (uintptr, unix.Errno) {
	t.Helper()
	var args [6]uint32
	for i := range a {
		args[i] = uint32(a[i])
	}
	nr, ok := number32(kind)
	if !ok {
		t.Skipf("i386 has no %v", kind)
	}
	if nr >= 1<<16 {
		words := point(unsafe.Slice((*byte)(unsafe.Pointer(&args)), unsafe.Sizeof(args)))
		args = [6]uint32{nr >> 16, uint32(words)}
		nr = socketcall
	}
	r := int80(nr, args[:]...)
	called32.Add(kind)
	if -4096 < r && r < 0 {
		return ^uintptr(0), unix.Errno(-r)
	}
	return uintptr(r), 0
}

// called32 are the kinds that were called so.
var called32 event.KindSet

// number32 is the highest number of a call, which is the one with ids and offsets of full width; with what a socketcall
// is told to do in its high half if it has none.
func number32(kind event.Kind) (nr uint32, ok bool) {
	for n, k := range compatCalls {
		if k == kind && uint32(n) >= nr {
			nr, ok = uint32(n), true
		}
	}
	for n, k := range socketCalls {
		if k == kind && !ok {
			return socketcall | uint32(n)<<16, true
		}
	}
	return nr, ok
}

// by32 makes the tests' calls 32-bit ones for the rest of a test.
func by32(t *testing.T) {
	t.Helper()
	var exit *exec.ExitError
	if err := child(t, "int80").Run(); errors.As(err, &exit) && exit.ExitCode() == -1 {
		t.Skip("this kernel has no 32-bit calls (CONFIG_IA32_EMULATION)")
	} else if err != nil {
		t.Fatal(err)
	}
	calling = event.ViaCompat
	t.Cleanup(func() { calling = event.ViaSyscall })
}

// What is tested of native calls holds of 32-bit ones.
func TestCompatCalls(t *testing.T) {
	for name, test := range map[string]func(*testing.T){
		"open": TestOpenFamily, "paths of open": TestOpenPaths, "unreadable": TestOpenUnreadable, "path": TestPathCalls,
		"fchmod": TestFchmod, "tcp": TestTCP, "connect": TestConnectOutcomes, "unix": TestUnixSockets,
		"no descriptor": TestNoDescriptor, "dup": TestDup, "numbers": TestNumberCalls, "finit_module": TestFinitModule,
	} {
		t.Run(name, func(t *testing.T) {
			by32(t)
			test(t)
		})
	}
	for _, kind := range compatCalls {
		if !called32.Has(kind) {
			t.Errorf("%v was not called", kind)
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
	by32(t)
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
	by32(t)
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

// exit32 is a whole 32-bit program: an ELF header, a program header, and exit(0).
func exit32() []byte {
	const base, headers = 0x08048000, 52 + 32
	code := []byte{0x31, 0xdb, 0x31, 0xc0, 0x40, 0xcd, 0x80} // ebx = 0, eax = 1, int 0x80
	le := binary.LittleEndian
	b := append([]byte("\x7fELF"), 1, 1, 1)
	b = append(b, make([]byte, 9)...)
	b = le.AppendUint16(b, 2) // executable
	b = le.AppendUint16(b, 3) // i386
	for _, v := range []uint32{1, base + headers, 52, 0, 0} {
		b = le.AppendUint32(b, v)
	}
	for _, v := range []uint16{52, 32, 1, 0, 0, 0} {
		b = le.AppendUint16(b, v)
	}
	size := uint32(headers + len(code))
	for _, v := range []uint32{1, 0, base, base, size, size, 5, 0x1000} {
		b = le.AppendUint32(b, v)
	}
	return append(b, code...)
}

// A 32-bit program is seen to start, and to be one.
func TestCompatProgram(t *testing.T) {
	l := all(t)
	by32(t)
	name := filepath.Join(resolved(t, t.TempDir()), "exit32")
	if err := os.WriteFile(name, exit32(), 0o755); err != nil {
		t.Fatal(err)
	}
	ev := l.expect(t, func(ev *event.Event) bool { return ev.Kind == event.Exec && ev.Exec.ExePath == name }, func() {
		run(t, exec.CommandContext(t.Context(), name, "argument"))
	})
	if ev.Via != event.ViaCompat || string(ev.Exec.Args) != name+"\x00argument\x00" {
		t.Errorf("via %d, arguments %q", ev.Via, ev.Exec.Args)
	}
	if ev := l.expect(t, ownExec, func() { run(t, child(t, "nothing")) }); ev.Via != event.ViaSyscall {
		t.Errorf("a 64-bit program came by %d", ev.Via)
	}
}
