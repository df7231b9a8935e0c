package probe

import (
	"os/exec"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

// call32 makes the call by its own 32-bit number, or by socketcall where it has none.
func call32(t *testing.T, kind event.Kind, a [6]uintptr) (uintptr, unix.Errno) {
	t.Helper()
	var args [6]uint32
	for i := range a {
		args[i] = uint32(a[i])
	}
	nr, ok := number32(kind)
	if way, isSocketCall := socketCallOf(kind); isSocketCall && (!ok || bySocketcall) {
		words := point(unsafe.Slice((*byte)(unsafe.Pointer(&args)), unsafe.Sizeof(args)))
		nr, ok, args = socketcall, true, [6]uint32{way, uint32(words)}
	}
	if !ok {
		t.Skipf("the 32-bit table has no %v", kind)
	}
	r := calling32.call(t, nr, args)
	called32.Add(kind)
	if -4096 < r && r < 0 {
		return ^uintptr(0), unix.Errno(-r)
	}
	return uintptr(r), 0
}

// bySocketcall has socket calls made by socketcall, also those that have a number.
var bySocketcall bool

// called32 are the kinds that were called so.
var called32 event.KindSet

// number32 is the highest number of a call: the one whose ids and offsets have their full width.
func number32(kind event.Kind) (nr uint32, ok bool) {
	for n, k := range compatCalls {
		if k == kind && uint32(n) >= nr {
			nr, ok = uint32(n), true
		}
	}
	return nr, ok
}

func socketCallOf(kind event.Kind) (way uint32, ok bool) {
	for n, k := range socketCalls {
		if k == kind {
			return uint32(n), true
		}
	}
	return 0, false
}

// What is tested of native calls holds of 32-bit ones, whoever makes them.
func TestCompatCalls(t *testing.T) {
	called32 = event.KindSet{}
	for name, by32 := range callers32 {
		for family, test := range map[string]func(*testing.T){
			"open": TestOpenFamily, "paths of open": TestOpenPaths, "unreadable": TestOpenUnreadable, "path": TestPathCalls,
			"fchmod": TestFchmod, "tcp": TestTCP, "connect": TestConnectOutcomes, "unix": TestUnixSockets,
			"no descriptor": TestNoDescriptor, "dup": TestDup, "numbers": TestNumberCalls, "finit_module": TestFinitModule,
		} {
			t.Run(name+" "+family, func(t *testing.T) {
				by32(t)
				test(t)
			})
		}
	}
	if called32 == (event.KindSet{}) {
		t.Skip("nothing here can make 32-bit calls")
	}
	for _, kind := range compatCalls {
		if !called32.Has(kind) {
			t.Errorf("%v was not called", kind)
		}
	}
}

// Ids of 16 bits: all ones leave an id as it is.
func TestCompatIDs16(t *testing.T) {
	const setuid, setresuid = 23, 164
	for name, by32 := range callers32 {
		t.Run(name, func(t *testing.T) {
			l := all(t)
			by32(t)
			ev := l.expect(t, mine(event.Setresuid, nil), func() { calling32.call(t, setresuid, [6]uint32{0xffff, 0, 0xffff}) })
			if want := (event.Args{UID: [3]int32{-1, 0, -1}}); ev.Args != want {
				t.Errorf("setresuid: %+v", ev.Args)
			}
			// What is above 16 bits is not looked at.
			ev = l.expect(t, mine(event.Setuid, nil), func() { calling32.call(t, setuid, [6]uint32{0x50000, 0, 0}) })
			if want := (event.Args{UID: [3]int32{0}}); ev.Args != want || ev.Ret != 0 {
				t.Errorf("setuid: %+v, returned %d", ev.Args, ev.Ret)
			}
		})
	}
}

// A 32-bit program is seen to start, and to be one.
func TestCompatProgram(t *testing.T) {
	l := all(t)
	byProgram(t)
	name, _ := built32()
	args := name + "\x00argument\x00"
	ev := l.expect(t, func(ev *event.Event) bool { return ev.Kind == event.Exec && string(ev.Exec.Args) == args }, func() {
		run(t, exec.CommandContext(t.Context(), name, "argument"))
	})
	if ev.Via != event.ViaCompat || ev.Exec.ExePath != name || ev.Exec.Filename != name {
		t.Errorf("via %d, %q, file %q", ev.Via, ev.Exec.ExePath, ev.Exec.Filename)
	}
	if ev := l.expect(t, ownExec, func() { run(t, child(t, "nothing")) }); ev.Via != event.ViaSyscall {
		t.Errorf("a 64-bit program came by %d", ev.Via)
	}
}
