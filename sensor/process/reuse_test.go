package process

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/internal/event"
)

// Numbers that are used again, and processes that are gone or denied when they are read.
func TestReuse(t *testing.T) {
	runSequences(t, []sequence{
		{"a number is used again", func(w *world) {
			a, ev := w.fork(w.tasks[1])
			w.apply(ev)
			w.apply(w.exec(a, "old", "secret"))
			late := w.does(a)
			w.apply(w.exit(a))
			b, ev := w.forkAs(a.pid, w.tasks[1])
			w.apply(ev)
			w.sees(b)
			if got := w.apply(late); got.Name != "old" || got.Start != a.start || !got.Exited {
				w.t.Errorf("late record: got %+v", got)
			}
			w.sees(b)
			w.sameLive()
		}, Stats{PIDReused: 1}},

		{"a number is used again, the exit was missed", func(w *world) {
			a, ev := w.fork(w.tasks[1])
			w.apply(ev)
			w.apply(w.exec(a, "old"))
			w.exit(a)
			b, ev := w.forkAs(a.pid, w.tasks[1])
			w.apply(ev)
			w.sees(b)
			w.sameLive()
		}, Stats{PIDReused: 1, MissedExits: 1}},

		{"a number is used again, everything was missed", func(w *world) {
			a, ev := w.fork(w.tasks[1])
			w.apply(ev)
			w.apply(w.exec(a, "old"))
			w.exit(a)
			w.now += tick
			b, _ := w.forkAs(a.pid, w.tasks[1])
			w.exec(b, "new")
			w.sees(b)
			w.sameLive()
		}, Stats{PIDReused: 1, MissedExits: 1, MissedForks: 1, Repaired: 1}},

		{"/proc shows the next holder of the number", func(w *world) {
			a, _ := w.fork(w.tasks[1])
			w.exec(a, "old")
			late := w.does(a)
			w.exit(a)
			w.now += tick
			b, ev := w.forkAs(a.pid, w.tasks[1])
			w.exec(b, "new", "secret")
			got := w.apply(late)
			if !got.Partial || got.Name != "old" || got.CmdLine != "old" || got.ExePath != "" {
				w.t.Errorf("mixed: %+v", got)
			}
			w.apply(ev)
			w.sees(b)
			w.sameLive()
		}, Stats{MissedForks: 1, Partial: 1, PIDReused: 1, MissedExecs: 1, Repaired: 1}},

		{"a process dies before it is read", func(w *world) {
			p, _ := w.fork(w.tasks[1])
			p.uid, p.caps.Effective = 33, 7
			last := w.does(p)
			w.exit(p)
			got := w.apply(last)
			want := known{
				PID: p.pid, PPID: 1, Start: p.start, StartTime: p.start + epoch, ExecID: 1, Name: "init", CmdLine: "init",
				UID: 33, Caps: event.Caps{Effective: 7}, CgroupID: 1, Exited: true, Partial: true, Lineage: "init(100) init(1)",
			}
			if diff := cmp.Diff(want, facts(got)); diff != "" {
				w.t.Errorf("(-want +got):\n%s", diff)
			}
		}, Stats{MissedForks: 1, Partial: 1}},

		{"a process dies while it is read", func(w *world) {
			p, _ := w.fork(w.tasks[1])
			ev := w.does(p)
			w.during = func(pid int32) {
				if pid == p.pid {
					w.exec(p, "next")
					delete(w.tasks, pid)
				}
			}
			if got := w.apply(ev); !got.Partial || got.Name != "init" {
				w.t.Errorf("got %+v", got)
			}
		}, Stats{MissedForks: 1, Partial: 1}},

		{"a process that /proc denies is asked for again, but not at each record", func(w *world) {
			p, _ := w.fork(w.tasks[1])
			w.fail[p.pid] = errDenied
			for range 5 {
				if got := w.apply(w.does(p)); !got.Partial || got.Exited {
					w.t.Errorf("got %+v", got)
				}
			}
			if w.reads[p.pid] != 1 {
				w.t.Errorf("read %d times", w.reads[p.pid])
			}
			delete(w.fail, p.pid)
			w.now += retryAfter
			if got := w.sees(p); !got.Repaired {
				w.t.Error("not marked repaired")
			}
		}, Stats{MissedForks: 1, Partial: 1, Unreadable: 1, Repaired: 1}},
	})
}
