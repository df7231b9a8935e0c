package process

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/internal/event"
)

// sequence is what happens on a machine, and the losses and repairs that it must be counted as.
type sequence struct {
	name string
	run  func(w *world)
	want Stats // counters only
}

func runSequences(t *testing.T, tests []sequence) {
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, Config{})
			tt.run(w)
			got := w.table.Stats()
			got.Live, got.Exited, got.TextBytes = 0, 0, 0
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("stats (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSequences(t *testing.T) {
	runSequences(t, []sequence{
		{"fork, exec, exit", func(w *world) {
			sh, ev := w.fork(w.tasks[1])
			w.apply(ev)
			w.sees(sh)
			p := w.apply(w.exec(sh, "bash", "-c", "id; true"))
			if p.CmdLine != "bash -c id; true" || p.ArgsText != "-c id; true" || p.CWD != "/" {
				w.t.Errorf("got %q, %q, %q", p.CmdLine, p.ArgsText, p.CWD)
			}
			w.sees(sh)
			w.apply(w.exit(sh))
		}, Stats{}},

		{"a fork's process is the child, a thread's its own", func(w *world) {
			child, ev := w.fork(w.tasks[1])
			if p := w.apply(ev); p.PID != child.pid {
				w.t.Errorf("fork: got process %d, want %d", p.PID, child.pid)
			}
			if p := w.apply(w.thread(child, 900)); p.PID != child.pid {
				w.t.Errorf("thread: got process %d, want %d", p.PID, child.pid)
			}
		}, Stats{}},

		{"a thread's exit ends no process, nor does the leader's before the last", func(w *world) {
			p, ev := w.fork(w.tasks[1])
			w.apply(ev)
			w.apply(w.thread(p, 900))
			w.apply(w.exitThread(p, 900))
			w.sees(p)
			w.apply(w.exitThread(p, p.pid))
			w.sees(p)
		}, Stats{}},

		{"both of two last threads say the process is dead", func(w *world) {
			p, ev := w.fork(w.tasks[1])
			w.apply(ev)
			last := w.exit(p)
			w.apply(last)
			w.apply(last)
			w.sameLive()
			if got := w.table.Stats(); got.Live != 1 || got.Exited != 1 {
				w.t.Errorf("live %d, exited %d", got.Live, got.Exited)
			}
		}, Stats{}},

		{"exec by a thread that is not the leader", func(w *world) {
			p, ev := w.fork(w.tasks[1])
			w.apply(ev)
			w.apply(w.thread(p, 900))
			w.apply(w.exitThread(p, p.pid)) // the leader makes room
			exec := w.exec(p, "id")
			exec.Exec.OldTID = 900
			w.apply(exec)
			w.sees(p)
		}, Stats{}},

		{"missed fork", func(w *world) {
			p, _ := w.fork(w.tasks[1])
			if got := w.sees(p); !got.Repaired {
				w.t.Error("not marked repaired")
			}
		}, Stats{MissedForks: 1, Repaired: 1}},

		{"missed fork of a session's leader", func(w *world) {
			p, _ := w.fork(w.tasks[1])
			p.sid, p.comm = p.pid, "bash"
			if got := w.sees(p); got.SessionName != "bash" {
				w.t.Errorf("got session %q", got.SessionName)
			}
		}, Stats{MissedForks: 1, Repaired: 1}},

		{"missed forks of a whole line", func(w *world) {
			a, _ := w.fork(w.tasks[1])
			w.exec(a, "sshd")
			b, _ := w.fork(a)
			w.exec(b, "sh")
			c, _ := w.fork(b)
			w.sees(c)
		}, Stats{MissedForks: 3, Repaired: 3}},

		{"missed fork, seen first at exec", func(w *world) {
			p, _ := w.fork(w.tasks[1])
			if got := w.apply(w.exec(p, "id")); got.Repaired || got.Partial {
				w.t.Error("the record told all: nothing is repaired, nothing missing")
			}
			w.sees(p)
			if w.reads[p.pid] != 0 {
				w.t.Error("read from /proc what the record told")
			}
		}, Stats{MissedForks: 1}},

		{"missed exec", func(w *world) {
			p, ev := w.fork(w.tasks[1])
			w.apply(ev)
			w.exec(p, "nc", "-l", "4444")
			if got := w.sees(p); !got.Repaired {
				w.t.Error("not marked repaired")
			}
		}, Stats{MissedExecs: 1, Repaired: 1}},

		{"missed exec that the next exec makes good", func(w *world) {
			p, ev := w.fork(w.tasks[1])
			w.apply(ev)
			w.exec(p, "env")
			w.apply(w.exec(p, "id"))
			w.sees(p)
		}, Stats{MissedExecs: 1}},

		{"missed exec of a process that is gone: the older image is not claimed", func(w *world) {
			p, ev := w.fork(w.tasks[1])
			w.apply(ev)
			w.exec(p, "nc", "-l")
			late := w.does(p)
			w.exit(p)
			got := w.apply(late)
			if !got.Partial || got.Repaired || got.ExePath != "" || got.Exe != "" || got.CmdLine != "nc" || got.Args != nil {
				w.t.Errorf("got %+v", got)
			}
		}, Stats{MissedExecs: 1, Partial: 1}},

		{"an exec's arguments were paged out", func(w *world) {
			p, ev := w.fork(w.tasks[1])
			w.apply(ev)
			ev = w.exec(p, "nc", "-l")
			ev.Exec.Args = nil
			if got := w.apply(ev); !got.Repaired {
				w.t.Error("not marked repaired")
			}
			w.sees(p)
			ev = w.exec(p, "nc", "-k")
			ev.Exec.Args = nil
			w.exit(p)
			if got := w.apply(ev); !got.ArgsTruncated || got.Partial || got.CmdLine != "nc" || got.ExePath != "/usr/bin/nc" {
				w.t.Errorf("got %+v", got)
			}
		}, Stats{Repaired: 1}},

		{"a scanned process renamed itself or ran another image, and is gone", func(w *world) {
			p, _ := w.fork(w.tasks[1])
			w.exec(p, "old", "secret")
			w.scan()
			w.exec(p, "new")
			last := w.does(p)
			w.exit(p)
			if got := w.apply(last); !got.Partial || got.CmdLine != "new" || got.ExePath != "" {
				w.t.Errorf("got %+v", got)
			}
		}, Stats{Partial: 1}},

		{"a fork's record comes once its parent is known to have another image", func(w *world) {
			p, ev := w.fork(w.tasks[1])
			w.apply(ev)
			w.exec(p, "first", "image") // lost
			child, fork := w.fork(p)
			w.exec(p, "second") // under way, and already in /proc
			if got := w.apply(fork); got.Exe != "first" || !got.Parent.Partial || got.Parent.Name != "first" || got.Parent.Exe != "" {
				w.t.Errorf("the later image is taken for the one that forked: %+v of %+v", got, got.Parent)
			}
			w.now += retryAfter
			w.sees(p)
			w.sees(child)
		}, Stats{MissedExecs: 2, Partial: 1, Repaired: 2}},

		{"an image not yet shown is asked for again", func(w *world) {
			p, ev := w.fork(w.tasks[1])
			w.apply(ev)
			w.exec(p, "nginx") // lost
			late := w.does(p)
			p.comm = "nginx: worker" // prctl
			if got := w.apply(late); !got.Partial {
				w.t.Errorf("got %+v", got)
			}
			w.now += retryAfter
			w.sees(p)
		}, Stats{MissedExecs: 1, Partial: 1, Repaired: 1}},

		{"a record from before the exec comes after it", func(w *world) {
			p, ev := w.fork(w.tasks[1])
			w.apply(ev)
			late := w.does(p)
			w.apply(w.exec(p, "id"))
			w.apply(late)
			w.sees(p)
			if w.reads[p.pid] != 0 {
				w.t.Error("taken for a missed exec")
			}
		}, Stats{}},

		{"an exec's record comes after that of the next", func(w *world) {
			p, ev := w.fork(w.tasks[1])
			w.apply(ev)
			late := w.exec(p, "env")
			w.apply(w.exec(p, "id"))
			w.apply(late)
			w.sees(p)
		}, Stats{MissedExecs: 1}},

		{"a child's exec comes before its fork", func(w *world) {
			p, fork := w.fork(w.tasks[1])
			w.apply(w.exec(p, "id"))
			w.apply(fork)
			w.sees(p)
		}, Stats{MissedForks: 1}},

		{"a child's exit comes before its fork", func(w *world) {
			p, fork := w.fork(w.tasks[1])
			w.apply(w.exit(p))
			got := w.apply(fork)
			if !got.Exited || got.Partial || got.ExePath != "/usr/lib/systemd/systemd" || lineage(got) != "init(100) init(1)" {
				w.t.Errorf("got %+v, %s", got, lineage(got))
			}
			w.sameLive()
		}, Stats{MissedForks: 1, Partial: 1}},

		{"the parent exits", func(w *world) {
			a, ev := w.fork(w.tasks[1])
			w.apply(ev)
			w.apply(w.exec(a, "sshd"))
			b, ev := w.fork(a)
			w.apply(ev)
			before := w.does(b)
			w.apply(w.exit(a))
			if got := lineage(w.apply(before)); got != "sshd(101) sshd(100) init(1)" {
				w.t.Errorf("until the child's next record the dead parent serves: got %s", got)
			}
			w.sees(b)
		}, Stats{Reparented: 1}},

		{"the parent's exit was missed", func(w *world) {
			a, ev := w.fork(w.tasks[1])
			w.apply(ev)
			b, ev := w.fork(a)
			w.apply(ev)
			w.exit(a)
			w.sees(b)
		}, Stats{Reparented: 1}},

		{"a silent child follows when its dead parent is forgotten", func(w *world) {
			a, ev := w.fork(w.tasks[1])
			w.apply(ev)
			b, ev := w.fork(a)
			w.apply(ev)
			c, ev := w.fork(b)
			w.apply(ev)
			w.apply(w.exit(a))
			w.now += 16e9
			d, ev := w.fork(w.tasks[1])
			w.apply(ev)
			w.apply(w.exit(d)) // prunes a
			w.sees(c)          // and b has said nothing since
		}, Stats{}},

		{"records claim a circle", func(w *world) {
			a, ev := w.fork(w.tasks[1])
			w.apply(ev)
			b, ev := w.fork(a)
			w.apply(ev)
			lie := w.does(a)
			lie.Task.PPID, lie.Task.ParentStart = b.pid, b.start
			w.apply(lie)
			self := w.does(b)
			self.Task.PPID, self.Task.ParentStart = b.pid, b.start
			w.apply(self)
			for _, p := range []*task{a, b} {
				if got := strings.Count(lineage(&w.table.find(p.pid, p.start).proc), "("); got > 2 {
					w.t.Errorf("lineage of %d has %d processes", p.pid, got)
				}
			}
			w.sees(a)
			w.sees(b)
		}, Stats{Reparented: 4}},

		{"identities change without exec", func(w *world) {
			p, ev := w.fork(w.tasks[1])
			w.apply(ev)
			w.apply(w.exec(p, "su", "-", "alice"))
			p.uid, p.gid, p.caps, p.cgroup = 1000, 100, event.Caps{Effective: 1, Permitted: 2, Inheritable: 4}, 77
			p.comm = "su: alice"
			w.names["77/etc/passwd/1000"], w.names["77/etc/group/100"] = "alice", "users"
			got := w.sees(p)
			if got.UserName != "alice" || got.GroupName != "users" || got.CmdLine != "su: alice - alice" {
				w.t.Errorf("got %q, %q, %q", got.UserName, got.GroupName, got.CmdLine)
			}
		}, Stats{}},

		{"a cgroup's path comes before the exec that it was met at", func(w *world) {
			p, ev := w.fork(w.tasks[1])
			w.apply(ev)
			exec := w.exec(p, "id")
			path := w.record(event.CgroupPath, p)
			if got := w.apply(path); got.PID != p.pid || got.ExecID != 1 {
				w.t.Errorf("got %+v", got)
			}
			w.apply(exec)
			w.sees(p)
		}, Stats{}},

		{"records claim a circle within one clock tick", func(w *world) {
			a, _ := w.fork(w.tasks[1])
			b, _ := w.fork(a)
			w.scan()
			w.apply(w.does(w.tasks[1]))
			lie := w.does(a)
			lie.Task.PPID, lie.Task.ParentStart = b.pid, b.start
			if got := lineage(w.apply(lie)); strings.Count(got, "(") > 2 {
				w.t.Errorf("got %s", got)
			}
			w.sees(a)
			w.sees(b)
		}, Stats{Reparented: 1}},

		{"missed exec, and the number is another process's by now", func(w *world) {
			p, ev := w.fork(w.tasks[1])
			w.apply(ev)
			w.exec(p, "id", "old")
			late := w.does(p)
			again := w.exec(p, "id", "older")
			again.Exec.Args = nil
			w.exit(p)
			w.now += tick
			next, _ := w.forkAs(p.pid, w.tasks[1])
			w.exec(next, "id", "new")
			if got := w.apply(late); !got.Partial || got.CmdLine != "id" {
				w.t.Errorf("mixed: %+v", got)
			}
			if got := w.apply(again); !got.ArgsTruncated || got.CmdLine != "id" {
				w.t.Errorf("mixed: %+v", got)
			}
		}, Stats{MissedExecs: 1, Partial: 1}},

		{"an exec's arguments were paged out, and /proc shows the next image", func(w *world) {
			p, ev := w.fork(w.tasks[1])
			w.apply(ev)
			ev = w.exec(p, "first")
			ev.Exec.Args = nil
			w.exec(p, "second", "-x")
			if got := w.apply(ev); !got.ArgsTruncated || got.CmdLine != "first" || got.Exe != "" {
				w.t.Errorf("mixed: %+v", got)
			}
		}, Stats{}},

		{"a missed line under a number used again", func(w *world) {
			a, ev := w.fork(w.tasks[1])
			w.apply(ev)
			w.apply(w.exit(a))
			w.now += tick
			b, _ := w.forkAs(a.pid, w.tasks[1])
			w.exec(b, "sshd")
			c, _ := w.fork(b)
			d, _ := w.fork(c)
			w.sees(d)
		}, Stats{MissedForks: 3, Repaired: 3, PIDReused: 1}},

		{"a parent that was forgotten is found again", func(w *world) {
			a, ev := w.fork(w.tasks[1])
			w.apply(ev)
			b, ev := w.fork(a)
			w.apply(ev)
			w.table.remove(w.table.find(a.pid, a.start))
			w.sees(b)
		}, Stats{MissedForks: 1, Repaired: 1}},

		{"a scanned child's fork tells its image", func(w *world) {
			p, fork := w.fork(w.tasks[1])
			w.scan()
			w.apply(fork)
			w.exec(p, "init", "again") // lost, and the name is the same
			w.sees(p)
		}, Stats{MissedExecs: 1, Repaired: 1}},

		{"a late record of a process that was forgotten for its number's next", func(w *world) {
			a, ev := w.fork(w.tasks[1])
			w.apply(ev)
			late := w.does(a)
			w.apply(w.exit(a))
			w.table.prune(w.table.find(a.pid, a.start))
			w.now += tick
			b, ev := w.forkAs(a.pid, w.tasks[1])
			w.apply(ev)
			if got := w.apply(late); !got.Exited || !got.Partial || got.Start != a.start {
				w.t.Errorf("got %+v", got)
			}
			w.table.consistent(w.t)
			w.sees(b)
			w.sameLive()
		}, Stats{PIDReused: 1, Partial: 1, MissedForks: 1}},

		{"an unknown process turns out to be a zombie", func(w *world) {
			p, _ := w.fork(w.tasks[1])
			w.table.source = zombies{w.kernel}
			if got := w.apply(w.does(p)); !got.Exited {
				w.t.Errorf("got %+v", got)
			}
		}, Stats{MissedForks: 1, Repaired: 1}},

		{"a session's name is its leader's", func(w *world) {
			bash, ev := w.fork(w.tasks[1])
			w.apply(ev)
			bash.sid = bash.pid
			w.apply(w.exec(bash, "bash"))
			bash.comm = "-bash"
			if got := w.apply(w.does(bash)); got.SessionName != "-bash" {
				w.t.Errorf("leader: got %q", got.SessionName)
			}
			vi, ev := w.fork(bash)
			if got := w.apply(ev); got.SessionName != "-bash" {
				w.t.Errorf("fork: got %q", got.SessionName)
			}
			w.apply(w.exit(bash))
			w.table.prune(w.table.find(bash.pid, bash.start))
			if got := w.apply(w.exec(vi, "vi")); got.SessionName != "-bash" {
				w.t.Errorf("its leader is forgotten: got %q", got.SessionName)
			}
			vi.sid = 77
			if got := w.apply(w.exec(vi, "vi")); got.SessionName != "" {
				w.t.Errorf("a session without a known leader: got %q", got.SessionName)
			}
		}, Stats{}},

		{"moved to another cgroup", func(w *world) {
			p, ev := w.fork(w.tasks[1])
			w.apply(ev)
			p.cgroup = 99
			move := w.record(event.CgroupMove, p)
			move.Task.CgroupID = 1 // whichever of the two it is made with
			move.Cgroup = event.CgroupFacts{ID: 99, Path: "/kubepods/x"}
			if got := w.apply(move); got.CgroupID != 99 {
				w.t.Errorf("got cgroup %d", got.CgroupID)
			}
			w.sees(p)
		}, Stats{}},

		{"the idle task", func(w *world) {
			if got := w.apply(w.record(event.Fork, &task{comm: "swapper/1"})); got.PID != 0 || got.Parent != nil {
				w.t.Errorf("got %+v", got)
			}
			w.sameLive()
		}, Stats{}},
	})
}
