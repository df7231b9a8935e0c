package probe

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

func init() {
	// compat makes two 32-bit calls: open, whose number is that of the native fstat, and the call whose number is that
	// of the native openat (remap_file_pages), with arguments that would make sense to openat.
	children["compat"] = func(args []string) error {
		const open, likeOpenat = 5, 257
		page, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC,
			unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_32BIT)
		if err != nil {
			return err
		}
		name := append([]byte(args[0]), 0)
		path := uint32(uintptr(unsafe.Pointer(&page[2048])))
		copy(page[2048:], name)
		fd := int80(page, open, path, unix.O_RDONLY, 0)
		if fd < 0 {
			return fmt.Errorf("32-bit open: %w", unix.Errno(-fd))
		}
		unix.Close(int(fd))
		int80(page, likeOpenat, ^uint32(99), path, unix.O_RDONLY)
		_, err = os.ReadFile(args[0] + ".last")
		return err
	}
}

// int80 enters the kernel as a 32-bit program does. page must be executable and below 4 GiB.
func int80(page []byte, eax, ebx, ecx, edx uint32) int32 {
	result := &page[1024]
	code := []byte{0x53} // push rbx
	for op, value := range map[byte]uint32{0xb8: eax, 0xbb: ebx, 0xb9: ecx, 0xba: edx} {
		code = binary.LittleEndian.AppendUint32(append(code, op), value) // mov register, value
	}
	code = append(code, 0xcd, 0x80)       // int 0x80
	code = append(code, 0x89, 0x04, 0x25) // mov [result], eax
	code = binary.LittleEndian.AppendUint32(code, uint32(uintptr(unsafe.Pointer(result))))
	code = append(code, 0x5b, 0xc3) // pop rbx, ret
	copy(page, code)
	// A func value points to a word that holds the code's address.
	entry := unsafe.Pointer(&page[0])
	value := &entry
	(*(*func())(unsafe.Pointer(&value)))()
	return int32(binary.LittleEndian.Uint32(page[1024:]))
}

// A 32-bit call is counted under its own name, and never taken for the native call of the same number.
func TestCompat(t *testing.T) {
	l := all(t)
	opens, others := countOf(l.probe, Compat, event.Open), countOf(l.probe, Compat, event.Unknown)
	name := filepath.Join(t.TempDir(), "compat")
	for _, f := range []string{name, name + ".last"} {
		if err := os.WriteFile(f, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var failed error
	last := func(ev *event.Event) bool { return ev.FD.Path.Raw == name+".last" }
	misread := func(ev *event.Event) bool { return ev.FD.Path.Raw == name && ev.Task.TGID != int32(os.Getpid()) }
	l.absent(t, misread, last, func() {
		failed = child(t, "compat", name).Run()
		var exit *exec.ExitError
		if errors.As(failed, &exit) && exit.ExitCode() == -1 {
			t.Skip("this kernel has no 32-bit calls (CONFIG_IA32_EMULATION)")
		}
	})
	if failed != nil {
		t.Fatal(failed)
	}
	if n := countOf(l.probe, Compat, event.Open) - opens; n != 1 {
		t.Errorf("%d 32-bit opens counted, want 1", n)
	}
	if n := countOf(l.probe, Compat, event.Unknown) - others; n != 1 {
		t.Errorf("%d others counted, want 1", n)
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

// A 32-bit program binds and listens by socketcall: it is counted whichever of the socket calls is wanted.
func TestSocketcall(t *testing.T) {
	for _, test := range []struct {
		wanted []event.Kind
		want   event.Kind
	}{
		{[]event.Kind{event.Bind}, event.Bind},
		{[]event.Kind{event.Listen, event.Accept}, event.Accept},
		{[]event.Kind{event.Bind, event.Connect}, event.Connect},
		{[]event.Kind{event.Openat, event.Dup}, event.Unknown},
	} {
		var wanted event.KindSet
		for _, kind := range test.wanted {
			wanted.Add(kind)
		}
		if call := callTable(wanted)[102]; call != uint16(test.want)<<8 {
			t.Errorf("%v: entry %#x, want %v in the high byte", test.wanted, call, test.want)
		}
	}
}

// A 32-bit program is seen to start, and counted as one whose calls will not be.
func TestCompatProgram(t *testing.T) {
	l := all(t)
	before := countOf(l.probe, Compat, event.Exec)
	name := filepath.Join(resolved(t, t.TempDir()), "exit32")
	if err := os.WriteFile(name, exit32(), 0o755); err != nil {
		t.Fatal(err)
	}
	l.expect(t, func(ev *event.Event) bool { return ev.Kind == event.Exec && ev.Exec.ExePath == name }, func() {
		err := exec.CommandContext(t.Context(), name).Run()
		if errors.Is(err, unix.ENOEXEC) {
			t.Skip("this kernel has no 32-bit programs (CONFIG_IA32_EMULATION)")
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	if n := countOf(l.probe, Compat, event.Exec) - before; n != 1 {
		t.Errorf("%d 32-bit programs counted, want 1", n)
	}
}

// An x32 call counts as one, and is taken for the native call of its number.
func TestX32(t *testing.T) {
	l := all(t)
	name := filepath.Join(t.TempDir(), "absent")
	before := countOf(l.probe, X32, event.Openat)
	ev := l.expect(t, mine(event.Openat, func(ev *event.Event) bool { return ev.FD.Path.Raw == name }), func() {
		unix.Syscall6(1<<30|unix.SYS_OPENAT, at(cwd), text(name), 0, 0, 0, 0)
	})
	// Most kernels have no such calls and refuse; one that has says that the file is absent.
	if ev.Ret != -int64(unix.ENOSYS) && ev.Ret != -int64(unix.ENOENT) {
		t.Errorf("returned %d", ev.Ret)
	}
	if countOf(l.probe, X32, event.Openat) != before+1 {
		t.Error("not counted")
	}
}

// Calls that have a number in the x32 table alone are not decoded, and counted. What a signal handler leaves is not one.
func TestX32Alone(t *testing.T) {
	p := all(t).probe
	const ptrace, past = 1<<30 | 521, 1<<31 | 521
	before := countOf(p, X32, event.Unknown)
	unix.Syscall(ptrace, unix.PTRACE_ATTACH, 1<<29, 0)
	if n := countOf(p, X32, event.Unknown) - before; n != 1 {
		t.Errorf("counted %d, want 1", n)
	}
	unix.Syscall(past, 0, 0, 0)
	unix.Syscall(^uintptr(0), 0, 0, 0)
	if n := countOf(p, X32, event.Unknown) - before; n != 1 {
		t.Errorf("counted %d, want 1", n)
	}
}
