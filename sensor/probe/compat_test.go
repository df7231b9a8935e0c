package probe

import (
	"os/exec"
	"runtime"
	"strconv"
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

// number32 is the highest number of a call, whose ids have their full width; but not one with an argument in two
// registers.
func number32(kind event.Kind) (nr uint32, ok bool) {
	for n, k := range compatCalls {
		if k == kind && uint32(n) >= nr && n != truncate64 && n != ftruncate64 {
			nr, ok = uint32(n), true
		}
	}
	return nr, ok
}

const truncate64, ftruncate64 = 193, 194

// socketCallOf is the highest word for a call: the one that takes all its arguments.
func socketCallOf(kind event.Kind) (way uint32, ok bool) {
	for n, k := range socketCalls {
		if k == kind && uint32(n) >= way {
			way, ok = uint32(n), true
		}
	}
	return way, ok
}

// What is tested of native calls holds of 32-bit ones, whoever makes them.
func TestCompatCalls(t *testing.T) {
	called32 = event.KindSet{}
	for name, by32 := range callers32 {
		for family, test := range map[string]func(*testing.T){
			"open": TestOpenFamily, "paths of open": TestOpenPaths, "unreadable": TestOpenUnreadable, "path": TestPathCalls,
			"fchmod": TestFchmod, "tcp": TestTCP, "connect": TestConnectOutcomes, "unix": TestUnixSockets,
			"no descriptor": TestNoDescriptor, "dup": TestDup, "numbers": TestNumberCalls, "socket": TestSocket,
			"datagrams": TestDatagrams, "many messages": TestManyMessages, "passed descriptors": TestPassedDescriptors,
			"every message": TestEveryMessage, "finit_module": TestFinitModule,
			"fcntl": TestFcntl, "setns": TestSetns, "userfaultfd": TestUserfaultfd, "pidfd": TestPidfdGetfd, "handle": TestOpenByHandle,
			"ftruncate": TestFtruncate, "trees": TestTreeCalls,
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

// Ids of 16 bits: all ones leave an id as it is, and what is above them is not looked at.
func TestCompatIDs16(t *testing.T) {
	const unset = 0xffff
	for name, by32 := range callers32 {
		t.Run(name, func(t *testing.T) {
			l := all(t)
			by32(t)
			for _, test := range []struct {
				nr   uint32
				kind event.Kind
				args [6]uint32
				want event.Args
			}{
				{23, event.Setuid, [6]uint32{0x50000}, event.Args{UID: [3]int32{0}}},
				{46, event.Setgid, [6]uint32{0x50000}, event.Args{GID: [3]int32{0}}},
				{70, event.Setreuid, [6]uint32{unset, 0}, event.Args{UID: [3]int32{-1, 0}}},
				{71, event.Setregid, [6]uint32{0, unset}, event.Args{GID: [3]int32{0, -1}}},
				{164, event.Setresuid, [6]uint32{unset, 0, unset}, event.Args{UID: [3]int32{-1, 0, -1}}},
				{170, event.Setresgid, [6]uint32{unset, unset, 0}, event.Args{GID: [3]int32{-1, -1, 0}}},
			} {
				ev := l.expect(t, mine(test.kind, nil), func() { calling32.call(t, test.nr, test.args) })
				if ev.Args != test.want || ev.Ret != 0 {
					t.Errorf("%v: %+v, returned %d", test.kind, ev.Args, ev.Ret)
				}
			}
		})
	}
}

// send and recv are sendto and recvfrom without an address, whatever stands where that would.
func TestCompatWithoutAddress(t *testing.T) {
	l := every(t)
	for name, by32 := range callers32 {
		t.Run(name, func(t *testing.T) {
			by32(t)
			pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer unix.Close(pair[0])
			defer unix.Close(pair[1])
			for i, test := range []struct {
				kind         event.Kind
				word, number uint32
			}{{event.Sendto, 9, 289}, {event.Recvfrom, 10, 291}} {
				name, _ := unixAddr("/stray")
				args := [6]uint32{uint32(at(pair[i])), uint32(text("hello")), 5, 0, uint32(name), uint32(name)}
				nr := test.number
				if socketcall != 0 {
					words := point(unsafe.Slice((*byte)(unsafe.Pointer(&args)), unsafe.Sizeof(args)))
					nr, args = socketcall, [6]uint32{test.word, uint32(words)}
				}
				ev := l.expect(t, mine(test.kind, descriptor(pair[i])), func() { calling32.call(t, nr, args) })
				if m := ev.Message; ev.Ret != 5 || m.Size != 5 || m.Data != "hello" || ev.FD.UnixRemote != "" {
					t.Errorf("%v: returned %d, %+v, %+v", test.kind, ev.Ret, m, ev.FD)
				}
			}
		})
	}
}

// A length is a register and its sign, or two.
func TestCompatLengths(t *testing.T) {
	const truncate = 92
	wide := [6]uint32{0, 0x89abcdef, 0x1234567}
	if runtime.GOARCH == "arm64" {
		wide = [6]uint32{0, 0xbad, wide[1], wide[2]}
	}
	for name, by32 := range callers32 {
		t.Run(name, func(t *testing.T) {
			l := all(t)
			by32(t)
			for _, test := range []struct {
				nr   uint32
				args [6]uint32
				want int64
			}{
				{truncate, [6]uint32{0, 0x7fffffff}, 0x7fffffff},
				{truncate, [6]uint32{0, 0xfffffffe}, -2},
				{truncate64, wide, 0x123456789abcdef},
			} {
				path := "/absent/" + strconv.FormatInt(test.want, 10)
				test.args[0] = uint32(text(path))
				ev := l.expect(t, mine(event.Truncate, func(ev *event.Event) bool { return ev.Args.Path.Raw == path }),
					func() { calling32.call(t, test.nr, test.args) })
				if ev.Args.Length != test.want {
					t.Errorf("call %d: %d, want %d", test.nr, ev.Args.Length, test.want)
				}
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
