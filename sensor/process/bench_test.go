package process

import (
	"testing"

	"tiercel.dev/internal/event"
)

// busy is a table with ten thousand processes and an event of one of them.
func busy(tb testing.TB) (*world, *event.Event) {
	w := newWorld(tb, Config{})
	sh, ev := w.fork(w.tasks[1])
	w.apply(ev)
	for range 10_000 {
		p, ev := w.fork(sh)
		w.apply(ev)
		w.apply(w.exec(p, "worker", "--serve"))
	}
	return w, w.does(sh)
}

func TestOrdinaryEventsAllocateNothing(t *testing.T) {
	w, ev := busy(t)
	w.table.Apply(ev)
	if n := testing.AllocsPerRun(1000, func() { w.table.Apply(ev) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkApplyOpen(b *testing.B) {
	w, ev := busy(b)
	b.ReportAllocs()
	for b.Loop() {
		w.table.Apply(ev)
	}
}

func BenchmarkForkExecExit(b *testing.B) {
	w, _ := busy(b)
	w.now += hour
	p, fork := w.fork(w.tasks[1])
	exec, exit := w.exec(p, "cc1", "-O2", "-o", "/tmp/x.o", "x.c"), w.exit(p)
	b.ReportAllocs()
	for i := int64(0); b.Loop(); i += 1e6 {
		start, pid := p.start+i, 20_000+int32(i/1e6)%10_000 // each time another process
		for _, ev := range []*event.Event{fork, exec, exit} {
			ev.Boot, ev.Time = start, start+epoch
			if ev == fork {
				ev.Fork.Start, ev.Fork.TGID = start, pid
			} else {
				ev.Task.Start, ev.Task.TGID = start, pid
			}
			w.table.Apply(ev)
		}
	}
	if s := w.table.Stats(); s.MissedForks+s.MissedExecs+s.MissedExits != 0 {
		b.Fatalf("%+v", s)
	}
}

// One number used by one process after the other must cost no more.
func BenchmarkOneNumber(b *testing.B) {
	w, _ := busy(b)
	w.now += hour
	p, fork := w.fork(w.tasks[1])
	exit := w.exit(p)
	b.ReportAllocs()
	for i := int64(0); b.Loop(); i += 1e6 {
		fork.Boot, fork.Fork.Start = p.start+i, p.start+i
		exit.Boot, exit.Task.Start = p.start+i, p.start+i
		w.table.Apply(fork)
		w.table.Apply(exit)
	}
}

func BenchmarkRepair(b *testing.B) {
	table := New(Config{})
	now, _ := table.source.Clock()
	f, err := table.source.Process(1)
	if err != nil {
		b.Skipf("process 1 cannot be read: %v", err)
	}
	task := &event.Task{TGID: 1, Start: f.Start, Comm: f.Name}
	b.ReportAllocs()
	for b.Loop() {
		table.now = now
		e := table.unknown(task)
		table.remove(e)
	}
}
