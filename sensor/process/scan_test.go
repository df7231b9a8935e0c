package process

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/internal/event"
	"tiercel.dev/sensor/process/procfs"
)

func TestScan(t *testing.T) {
	// Each acts while the scan reads a, which is after it has read init and before it reads b; all start unknown.
	tests := []struct {
		name  string
		cfg   Config
		act   func(w *world, a, b *task)
		check func(w *world, a, b *task)
		want  Stats
	}{
		{"nothing happens", Config{}, func(w *world, a, b *task) {}, func(w *world, a, b *task) {
			if got := w.apply(w.does(b)); got.Repaired || lineage(got) != "b(51) a(50) init(1)" {
				w.t.Errorf("got %+v, %s", got, lineage(got))
			}
			if w.reads[b.pid] != 1 {
				w.t.Errorf("read %d times", w.reads[b.pid])
			}
		}, Stats{}},

		{"exec after the process was read: the record wins", Config{}, func(w *world, a, b *task) {
			w.during = nil
			f, _ := w.Process(1)
			init := w.tasks[1]
			init.cwd = "/new"
			w.apply(w.exec(init, "upstart", "--user"))
			if f.Name != "init" {
				w.t.Fatal("the scan read no init")
			}
		}, func(w *world, a, b *task) { w.sees(w.tasks[1]) }, Stats{}},

		{"exit before it is read", Config{}, func(w *world, a, b *task) { w.apply(w.exit(a)) },
			func(w *world, a, b *task) { w.sees(b) }, Stats{Partial: 1}},

		{"exit after it was read", Config{}, func(w *world, a, b *task) {
			w.during = func(pid int32) {
				if pid == b.pid {
					w.during = nil
					w.apply(w.exit(a))
				}
			}
		}, func(w *world, a, b *task) { w.sees(b) }, Stats{Partial: 1}},

		{"exit after it was read, and forgotten since", Config{MaxExited: 1}, func(w *world, a, b *task) {
			w.during = func(pid int32) {
				if pid == b.pid {
					w.during = nil
					w.apply(w.exit(a))
					for range 3 {
						c, ev := w.fork(w.tasks[1])
						w.apply(ev)
						w.apply(w.exit(c))
					}
				}
			}
		}, func(w *world, a, b *task) { w.sees(b) }, Stats{Partial: 1}},

		{"exit after the scan, its record still to be read", Config{}, func(w *world, a, b *task) {},
			func(w *world, a, b *task) {
				ev := w.exit(a)
				w.apply(ev)
				w.sees(b)
			}, Stats{}},

		{"the number is used again after it was read", Config{}, func(w *world, a, b *task) {
			w.during = func(pid int32) {
				if pid == b.pid {
					w.during = nil
					w.apply(w.exit(a))
					w.now += tick
					_, ev := w.forkAs(a.pid, w.tasks[1])
					w.apply(ev)
				}
			}
		}, func(w *world, a, b *task) {
			w.sees(w.tasks[a.pid])
			w.sees(b)
		}, Stats{Partial: 1, PIDReused: 1}},

		{"the parent's number is used again after the child was read", Config{}, func(w *world, a, b *task) {
			w.during = func(pid int32) {
				if pid == w.tasks[52].pid {
					w.during = nil
					w.apply(w.exit(a))
					w.now += tick
					_, ev := w.forkAs(a.pid, w.tasks[1])
					w.apply(ev)
				}
			}
		}, func(w *world, a, b *task) {
			w.apply(w.does(w.tasks[1]))
			for p := range w.table.All() {
				if p.PID == b.pid && p.Parent != nil && p.Parent.PID == a.pid {
					w.t.Errorf("descends from a process that is younger: %s", lineage(p))
				}
			}
			w.sees(b)
		}, Stats{Partial: 1, PIDReused: 1}},

		{"a child made and gone meanwhile", Config{}, func(w *world, a, b *task) {
			c, ev := w.fork(a)
			w.apply(ev)
			w.apply(w.exec(c, "id"))
			w.apply(w.exit(c))
		}, func(w *world, a, b *task) { w.sees(a) }, Stats{}},

		{"the exit's record was lost", Config{}, func(w *world, a, b *task) {
			w.during = func(pid int32) {
				if pid == b.pid {
					w.during = nil
					w.exit(a)
				}
			}
		}, func(w *world, a, b *task) {
			w.now += 2e9
			w.scan()
			w.sees(b)
		}, Stats{MissedExits: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := &world{kernel: newKernel(), t: t}
			a, _ := w.forkAs(50, w.tasks[1])
			a.comm = "a"
			b, _ := w.forkAs(51, a)
			b.comm = "b"
			w.forkAs(52, w.tasks[1])
			cfg := tt.cfg
			cfg.Source, cfg.ReadTimeout = w.kernel, time.Minute
			w.table = New(cfg)
			w.now += hour
			w.during = func(pid int32) {
				if pid == a.pid {
					w.during = nil
					tt.act(w, a, b)
				}
			}
			w.scan()
			w.during = nil
			tt.check(w, a, b)
			w.sameLive()
			w.table.consistent(t)
			got := w.table.Stats()
			got.Live, got.Exited, got.TextBytes = 0, 0, 0
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("stats (-want +got):\n%s", diff)
			}
		})
	}
}

func TestScanLinksThoseReadBeforeTheirParents(t *testing.T) {
	w := &world{kernel: newKernel(), t: t}
	parent, _ := w.forkAs(900, w.tasks[1])
	parent.sid, parent.comm = 900, "bash"
	child, _ := w.forkAs(60, parent) // numbers have come round
	child.comm = "vi"
	w.now += hour
	w.table = New(Config{Source: w.kernel, ReadTimeout: time.Minute})
	w.scan()
	for p := range w.table.All() {
		if p.PID == 60 {
			if lineage(p) != "vi(60) bash(900) init(1)" || p.SessionName != "bash" {
				t.Errorf("got %s, session %q", lineage(p), p.SessionName)
			}
			if p.PIDNSStart != w.tasks[1].start-w.tasks[1].start%tick+epoch {
				t.Errorf("start of the pid namespace: got %d", p.PIDNSStart)
			}
		}
	}
	if w.reads[900] != 1 {
		t.Errorf("read %d times", w.reads[900])
	}
}

func TestScanWhileScanning(t *testing.T) {
	w := &world{kernel: newKernel(), t: t}
	w.table = New(Config{Source: w.kernel, ReadTimeout: time.Minute})
	var inner error
	w.during = func(int32) { inner = w.table.Scan() }
	w.scan()
	if !errors.Is(inner, ErrScanning) {
		t.Errorf("got %v", inner)
	}
}

func TestScanMarksZombies(t *testing.T) {
	w := &world{kernel: newKernel(), t: t}
	w.table = New(Config{Source: zombies{w.kernel}, ReadTimeout: time.Minute})
	w.scan()
	for p := range w.table.All() {
		t.Errorf("process %d is taken for alive", p.PID)
	}
}

type zombies struct{ *kernel }

func (z zombies) Process(pid int32) (procfs.Facts, error) {
	f, err := z.kernel.Process(pid)
	f.Dead = true
	return f, err
}

// A process that is about to end has no image any more; that is not to be taken for an empty one.
func TestImageGoneBeforeRead(t *testing.T) {
	w := newWorld(t, Config{})
	w.table.source = ending{w.kernel}
	p, _ := w.fork(w.tasks[1])
	got := w.apply(w.does(p))
	if !got.Partial || got.Repaired || got.Exited {
		t.Errorf("got %+v", got)
	}
	if lineage(got) != "init(100) init(1)" {
		t.Errorf("got %s", lineage(got))
	}
}

type ending struct{ *kernel }

func (e ending) Process(pid int32) (procfs.Facts, error) {
	f, err := e.kernel.Process(pid)
	f.ExePath = ""
	return f, err
}

func (e ending) Image(int32, int64) (procfs.Image, error) { return procfs.Image{}, nil }

func TestApplyWithoutScan(t *testing.T) {
	w := &world{kernel: newKernel(), t: t}
	w.table = New(Config{Source: w.kernel, ReadTimeout: time.Minute})
	p, _ := w.fork(w.tasks[1])
	if got := w.sees(p); got.Repaired {
		t.Error("nothing was lost: the table had not begun")
	}
	if got := w.apply(w.record(event.CgroupPath, p)); got.PID != p.pid {
		t.Errorf("got %d", got.PID)
	}
}

func TestReconcile(t *testing.T) {
	w := newWorld(t, Config{})
	old, ev := w.fork(w.tasks[1])
	w.apply(ev)
	w.now += 2e9
	young, ev := w.fork(w.tasks[1])
	w.apply(ev)
	w.table.reconcile([]int32{1}, w.now)
	if !w.table.find(old.pid, old.start).proc.Exited {
		t.Error("what /proc no longer lists is taken for alive")
	}
	if w.table.find(young.pid, young.start).proc.Exited {
		t.Error("what /proc may not list yet is taken for dead")
	}
}

func TestStatsCountTheScanned(t *testing.T) {
	w := &world{kernel: newKernel(), t: t}
	w.table = New(Config{Source: w.kernel, ReadTimeout: time.Minute})
	w.fork(w.tasks[1])
	w.scan()
	if got := w.table.Stats().Live; got != 2 {
		t.Errorf("before the first record: got %d", got)
	}
	w.apply(w.does(w.tasks[1]))
	if got := w.table.Stats().Live; got != 2 {
		t.Errorf("got %d", got)
	}
}
