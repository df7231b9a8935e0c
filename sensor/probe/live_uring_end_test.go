package probe

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

// A ring can keep the end of a request to itself. What was begun is told all the same, as a success.
func TestRingHiddenEnd(t *testing.T) {
	l := all(t)
	name := filepath.Join(resolved(t, t.TempDir()), "file")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	open := openRequest(cwd, name, unix.O_RDONLY, 0)
	skipped := open
	skipped.flags = flagSkipCQE
	failed := openRequest(cwd, name+"-absent", unix.O_RDONLY, 0)
	failed.flags = flagSkipCQE
	for _, test := range []struct {
		name  string
		setup uint32
		first int // so many results stand in the way
		sqe   sqe
		raw   string
		shown bool // this kernel may show the end
		want  int64
	}{
		{name: "no result wanted", sqe: skipped, raw: name},
		{name: "no result wanted, but it fails", sqe: failed, raw: name + "-absent", want: -int64(unix.ENOENT)},
		{name: "no room for the result", setup: setupCQSize, first: 8, sqe: open, raw: name, shown: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRing(t, test.setup)
			for range test.first {
				r.push(sqe{opcode: opNop})
			}
			r.wait(uint32(test.first))
			ev := l.expect(t, viaRing(event.Openat, rawPath(test.raw)), func() {
				r.push(test.sqe)
				r.wait(uint32(test.first))
			})
			f := ev.FD
			if ev.Ret != test.want && (!test.shown || ev.Ret < 0) || f.Num != int32(max(ev.Ret, -1)) || f.Path.Name != test.raw || f.Type != event.FDFile {
				t.Errorf("returned %d, %+v", ev.Ret, f)
			}
		})
	}
}

// A direct descriptor has no number in the process's table: the event has the slot's result, and the file.
func TestRingDirectDescriptor(t *testing.T) {
	l := all(t)
	r := newRing(t, 0)
	files := [4]int32{-1, -1, -1, -1}
	r.register(registerFiles, addr(&files), len(files))
	name := filepath.Join(resolved(t, t.TempDir()), "file")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name  string
		index uint32
	}{{"chosen by the process", 3}, {"chosen by the kernel", slotAlloc}, {"the next", slotAlloc}} {
		t.Run(test.name, func(t *testing.T) {
			open := openRequest(cwd, name, unix.O_RDONLY, 0)
			open.fileIndex = test.index
			var res int32
			ev := l.expect(t, viaRing(event.Openat, rawPath(name)), func() { res = r.do(open) })
			if res < 0 || test.index != slotAlloc && res != 0 {
				t.Fatalf("returned %d", res)
			}
			checkRingFile(t, ev, res, name)
		})
	}
}

// A direct descriptor that becomes a common one is another of what is there, as by dup.
func TestRingInstall(t *testing.T) {
	l := all(t)
	r := newRing(t, 0)
	files := [4]int32{-1, -1, -1, -1}
	server, to := listening(t)
	files[2] = int32(server)
	r.register(registerFiles, addr(&files), len(files))
	install := sqe{opcode: opInstall, flags: flagFixed, fd: 2}
	res := r.do(install)
	if res == -int32(unix.EINVAL) {
		t.Skip("this kernel's io_uring installs no descriptors (6.8 does)")
	}
	unix.Close(int(res))
	ev := l.expect(t, viaRing(event.Dup, nil), func() { res = r.do(install) })
	defer unix.Close(int(res))
	if f := ev.FD; ev.Ret != int64(res) || !f.Valid || f.Num != res || f.Type != event.FDIPv4 || f.Local != to || ev.Args.OldFD != 2 {
		t.Errorf("returned %d of %d, %+v, args %+v", ev.Ret, res, f, ev.Args)
	}
}

// A request that waits for another which fails is cancelled, and says so.
func TestRingLinked(t *testing.T) {
	l := all(t)
	r := newRing(t, 0)
	dir := resolved(t, t.TempDir())
	first := openRequest(cwd, dir+"/absent", unix.O_RDONLY, 0)
	first.flags = flagLink
	ev := l.expect(t, viaRing(event.Openat, rawPath(dir)), func() {
		r.push(first, openRequest(cwd, dir, unix.O_RDONLY, 0))
		r.wait(2)
	})
	if ev.Ret != -int64(unix.ECANCELED) || ev.FD.Num != -1 {
		t.Errorf("cancelled: returned %d, %+v", ev.Ret, ev.FD)
	}
	r.reap()
	first.addr = uint64(text("/"))
	ev = l.expect(t, viaRing(event.Openat, rawPath(dir)), func() {
		r.push(first, openRequest(cwd, dir, unix.O_RDONLY, 0))
		r.wait(2)
	})
	results := r.reap()
	for _, c := range results {
		unix.Close(int(c.res))
	}
	if ev.Ret != int64(results[1].res) || ev.FD.Real != dir {
		t.Errorf("returned %d of %+v, %+v", ev.Ret, results, ev.FD)
	}
}

// A ring that is entered without its descriptor.
func TestRingRegistered(t *testing.T) {
	l := all(t)
	r := newRing(t, 0)
	update := struct {
		offset, reserved uint32
		fd               uint64
	}{^uint32(0), 0, uint64(r.fd)}
	r.register(registerRingFDs, addr(&update), 1)
	r.enterFD = int(update.offset)
	ev := l.expect(t, viaRing(event.Openat, rawPath("/")), func() { unix.Close(int(r.do(openRequest(cwd, "/", unix.O_PATH, 0)))) })
	if ev.Ret < 0 || ev.FD.Real != "/" || ev.Args.Flags != unix.O_PATH {
		t.Errorf("returned %d, %+v", ev.Ret, ev.FD)
	}
}

// A request can have the credentials that the process had when it registered them.
func TestRingPersonality(t *testing.T) {
	l := all(t)
	setEUID := func(id int) {
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, ^uintptr(0), uintptr(id), ^uintptr(0)); errno != 0 {
			t.Fatal(errno)
		}
	}
	for _, test := range []struct {
		name        string
		personality bool
		want        uint32
	}{{"its own", false, 1000}, {"root's", true, 0}} {
		t.Run(test.name, func(t *testing.T) {
			r := newRing(t, 0)
			open := openRequest(cwd, "/", unix.O_PATH, 0)
			if test.personality {
				open.personality = uint16(r.register(registerPersonality, 0, 0))
			}
			ev := l.expect(t, viaRing(event.Openat, rawPath("/")), func() {
				setEUID(1000)
				defer setEUID(0)
				unix.Close(int(r.do(open)))
			})
			if ev.Ret < 0 || ev.Task.UID != test.want || (ev.Task.Caps.Effective != 0) != test.personality {
				t.Errorf("returned %d, %+v", ev.Ret, ev.Task)
			}
		})
	}
}

// Operations that no rule names cost nothing: with none wanted, nothing is attached.
func TestRingFilter(t *testing.T) {
	l := all(t)
	r := newRing(t, 0)
	set := func(f event.Filter) {
		t.Helper()
		if err := l.probe.SetFilter(f); err != nil {
			t.Fatal(err)
		}
	}
	defer set(everything())
	set(event.Filter{event.Mount: event.All})
	if len(l.probe.rings.links) != 0 || l.probe.rings.programs() != 0 {
		t.Error("attached although no operation is wanted")
	}
	set(event.Filter{event.Unlinkat: event.All})
	open, name := viaRing(event.Openat, nil), t.TempDir()+"/absent"
	unlink := viaRing(event.Unlinkat, func(ev *event.Event) bool { return ev.Args.Path.Raw == name })
	l.absent(t, open, unlink, func() {
		r.do(openRequest(cwd, name, 0, 0))
		r.do(sqe{opcode: opUnlinkat, fd: cwd, addr: uint64(text(name))})
	})
	if n := l.probe.rings.programs(); n != 3 {
		t.Errorf("%d programs, want the two ends and one between", n)
	}
}

// More operations than can be held are told without their results, and nothing is held for ever.
func TestOperationsBounded(t *testing.T) {
	raw, err := os.ReadFile("testdata/records/operation_begun.bin")
	if err != nil {
		t.Skip(err)
	}
	d := NewDecoder(0)
	now := time.Unix(0, 0)
	d.operations.now = func() time.Time { return now }
	var ev event.Event
	decode := func(raw []byte) event.Event {
		t.Helper()
		if err := d.Decode(raw, &ev); err != nil {
			t.Fatal(err)
		}
		return ev
	}
	var seq uint64
	next := func() []byte {
		binary.NativeEndian.PutUint64(raw[unsafe.Offsetof(bpfEventHeader{}.Seq):], seq)
		seq++
		return raw
	}
	for range maxOperations {
		if ev := decode(next()); ev.Kind != event.Operation {
			t.Fatalf("told at once: %v", ev.Kind)
		}
	}
	if ev := decode(next()); ev.Kind != event.Openat || ev.Ret != 0 || ev.FD.Num != 0 {
		t.Errorf("one too many: %v, returned %d, %+v", ev.Kind, ev.Ret, ev.FD)
	}
	if d.overdue(false) != nil {
		t.Error("overdue at once")
	}
	now = now.Add(operationPatience)
	for n := range maxOperations {
		end := d.overdue(false)
		if end == nil {
			t.Fatalf("%d were told, not all", n)
		}
		if ev := decode(end); ev.Kind != event.Openat || ev.Ret != 0 || ev.Via != event.ViaIOUring || ev.FD.Path.Raw == "" {
			t.Fatalf("%+v", ev)
		}
	}
	if d.overdue(true) != nil || len(d.operations.held) != 0 || d.Gaps() != 0 {
		t.Errorf("%d are held, %d gaps", len(d.operations.held), d.Gaps())
	}
}
