package probe

import (
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

// A ring that nobody reads fills up. Files and sockets leave its last quarter to process records, every loss is counted
// by its reason and kind, and the sequences of the CPUs miss just as many.
func TestFullRing(t *testing.T) {
	var filter event.Filter
	filter[event.Openat] = event.All
	p := open(t, Config{RingBytes: 256 << 10, Filter: filter})

	opens := func() {
		for range 3000 {
			fd, err := unix.Open("/dev/null", unix.O_RDONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			unix.Close(fd)
		}
	}
	opens()
	if countOf(p, Reserved, event.Openat) == 0 {
		t.Fatalf("3000 opens fit into a ring of 256 KiB; drops: %v", p.Drops())
	}
	if n := countOf(p, RingFull, event.Openat) + countOf(p, RingFull, event.Exec); n != 0 {
		t.Errorf("%d records found the ring full: the reserve was not kept", n)
	}
	run(t, child(t, "nothing", "in-the-reserve"))
	small, err := exec.LookPath("true")
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; countOf(p, RingFull, event.Exec) == 0; n++ {
		if n == 1000 {
			t.Fatalf("%d execs fit into the reserve; drops: %v", n, p.Drops())
		}
		run(t, exec.CommandContext(t.Context(), small, "beyond-the-reserve"))
	}

	reserved := false
	var ev event.Event
	for range ringRecords(t, p, &ev) {
		if args := argv(&ev); ev.Kind == event.Exec && len(args) > 1 && args[1] == "in-the-reserve" {
			reserved = true
		}
	}
	if !reserved {
		t.Error("the exec after the first quarter of losses was lost too")
	}
	// One more record of each CPU, behind the loss, shows the gap.
	lastOnEachCPU(t, p, &ev)
	var lost uint64
	for _, d := range p.Drops() {
		if d.Reason == RingFull || d.Reason == Reserved {
			lost += d.Count
		}
	}
	if gaps := p.decoder.Gaps(); gaps != lost {
		t.Errorf("%d records are missing in the sequences, %d were counted as lost", gaps, lost)
	}
	if n := countOf(p, Uncounted, event.Unknown); n != 0 {
		t.Errorf("%d losses that were counted are told of again", n)
	}
}

// ringRecords yields what is in the ring now.
func ringRecords(t *testing.T, p *Probe, ev *event.Event) func(func(int) bool) {
	return func(yield func(int) bool) {
		for n := 0; p.reader.AvailableBytes() > 0; n++ {
			raw, err := p.Next()
			if err != nil {
				t.Fatal(err)
			}
			if err := p.Decode(raw, ev); err != nil {
				t.Fatal(err)
			}
			if !yield(n) {
				return
			}
		}
	}
}

func lastOnEachCPU(t *testing.T, p *Probe, ev *event.Event) {
	t.Helper()
	var all unix.CPUSet
	if err := unix.SchedGetaffinity(0, &all); err != nil {
		t.Fatal(err)
	}
	for cpu := range 1024 {
		if !all.IsSet(cpu) {
			continue
		}
		done := make(chan error)
		go func() {
			// Not unlocked: the thread ends with the goroutine, and its affinity with it.
			lockToCPU(cpu, done)
		}()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	for range ringRecords(t, p, ev) {
	}
}

// What no rule names any more stops leaving the kernel, and what one names from now on starts to, while all goes on.
func TestSetFilter(t *testing.T) {
	var opens, unlinks event.Filter
	opens[event.Openat] = event.All
	unlinks[event.Unlinkat] = event.All
	l := all(t)
	name := filepath.Join(t.TempDir(), "absent")
	open := mine(event.Openat, func(ev *event.Event) bool { return ev.FD.Path.Raw == name })
	unlink := mine(event.Unlinkat, func(ev *event.Event) bool { return ev.Args.Path.Raw == name })
	both := func() {
		call(t, event.Openat, at(cwd), text(name), 0)
		call(t, event.Unlinkat, at(cwd), text(name), 0)
		run(t, child(t, "nothing"))
	}
	set := func(f event.Filter) {
		t.Helper()
		if err := l.probe.SetFilter(f); err != nil {
			t.Fatal(err)
		}
	}
	before := countOf(l.probe, TailCall, event.Openat) + countOf(l.probe, TailCall, event.Unlinkat)
	defer set(everything())

	set(opens)
	l.expect(t, open, both)
	l.absent(t, unlink, ownExec, both)
	set(unlinks)
	l.expect(t, unlink, both)
	l.absent(t, open, ownExec, both)
	set(opens.Union(unlinks))
	l.expect(t, open, both)
	l.expect(t, unlink, both)
	set(event.Filter{})
	if l.probe.calls != nil {
		t.Error("sys_exit is attached although no call is wanted")
	}
	l.absent(t, func(ev *event.Event) bool { return open(ev) || unlink(ev) }, ownExec, both)
	set(opens)
	l.expect(t, open, both)
	if n := countOf(l.probe, TailCall, event.Openat) + countOf(l.probe, TailCall, event.Unlinkat); n != before {
		t.Errorf("%d calls found no program", n-before)
	}
	for _, scope := range []event.Scope{3, 7, 32 | event.All} {
		if err := l.probe.SetFilter(event.Filter{event.Openat: scope}); err == nil {
			t.Errorf("scope %d was taken", scope)
		}
	}
}

// A wanted call whose program is not there is a loss, and counted.
func TestMissingProgram(t *testing.T) {
	p := all(t).probe
	before := countOf(p, TailCall, event.Openat)
	if err := p.objs.Handlers.Delete(uint32(event.Openat)); err != nil {
		t.Fatal(err)
	}
	call(t, event.Openat, at(cwd), text("/dev/null"), 0)
	if err := p.objs.Handlers.Put(uint32(event.Openat), p.handlers[event.Openat]); err != nil {
		t.Fatal(err)
	}
	if countOf(p, TailCall, event.Openat) == before {
		t.Errorf("not counted: %v", p.Drops())
	}
}
