package process

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"tiercel.dev/internal/event"
	"tiercel.dev/internal/race"
)

func TestStorm(t *testing.T) {
	race.Skip(t, "one goroutine plays 100,000 processes")
	w := newWorld(t, Config{MaxExited: 500})
	sh, ev := w.fork(w.tasks[1])
	w.apply(ev)
	for i := range 100_000 {
		p, ev := w.fork(sh)
		w.apply(ev)
		w.apply(w.exec(p, "cc1", "-o", fmt.Sprintf("/tmp/%d.o", i)))
		w.apply(w.exit(p))
		if w.next > 30_000 {
			w.next = 1000
		}
	}
	s := w.table.Stats()
	if s.Live != 2 || s.Exited > 500 || s.Evicted != 0 {
		t.Errorf("got %+v", s)
	}
	if s.TextBytes > 500<<10 {
		t.Errorf("%d bytes of text are held for %d processes", s.TextBytes, s.Live+s.Exited)
	}
	w.table.consistent(t)
	w.sees(sh)
}

func TestOneNumberOverAndOver(t *testing.T) {
	w := newWorld(t, Config{})
	for range 1000 {
		_, ev := w.forkAs(77, w.tasks[1])
		p := w.tasks[77]
		w.apply(ev)
		w.apply(w.exit(p))
	}
	held := 0
	for e := w.table.byPID[77]; e != nil; e = e.older {
		held++
	}
	if held > 5 {
		t.Errorf("%d processes are held at one number", held)
	}
	w.table.consistent(t)
}

func TestExitedAreForgottenInTime(t *testing.T) {
	w := newWorld(t, Config{ExitedFor: 5 * time.Second})
	for range 10 {
		p, ev := w.fork(w.tasks[1])
		w.apply(ev)
		w.apply(w.exit(p))
	}
	if s := w.table.Stats(); s.Exited != 10 {
		t.Fatalf("got %+v", s)
	}
	w.now += 6e9
	_, ev := w.fork(w.tasks[1])
	w.apply(ev)
	if s := w.table.Stats(); s.Exited != 0 || s.Live != 2 || len(w.table.byPID) != 2 {
		t.Errorf("got %+v and %d numbers", s, len(w.table.byPID))
	}
}

// What a limit makes the table forget it learns again when it must.
func TestEviction(t *testing.T) {
	w := newWorld(t, Config{MaxProcesses: 64})
	parent, ev := w.fork(w.tasks[1])
	w.apply(ev)
	var all []*task
	for range 300 {
		p, ev := w.fork(parent)
		w.apply(ev)
		w.apply(w.exec(p, "sleep", "1d"))
		all = append(all, p)
		if s := w.table.Stats(); s.Live+s.Exited > 64 {
			t.Fatalf("got %+v", s)
		}
	}
	if s := w.table.Stats(); s.Evicted != 300+2-64 {
		t.Errorf("evicted %d, want %d", s.Evicted, 300+2-64)
	}
	w.table.consistent(t)
	for _, p := range all {
		w.sees(p)
	}
	w.table.consistent(t)
}

func TestEvictionTakesExitedFirst(t *testing.T) {
	w := newWorld(t, Config{MaxProcesses: 64})
	for range 200 {
		p, ev := w.fork(w.tasks[1])
		w.apply(ev)
		w.apply(w.exit(p))
	}
	for range 60 {
		_, ev := w.fork(w.tasks[1])
		w.apply(ev)
	}
	if s := w.table.Stats(); s.Evicted != 0 || s.Live != 61 {
		t.Errorf("got %+v", s)
	}
}

// At the limit, processes whose exits were lost make room before any that lives.
func TestEvictionFindsLostExits(t *testing.T) {
	w := newWorld(t, Config{MaxProcesses: 64})
	for range 60 {
		p, ev := w.fork(w.tasks[1])
		w.apply(ev)
		w.exit(p)
	}
	w.now += 2e9
	for range 60 {
		_, ev := w.fork(w.tasks[1])
		w.apply(ev)
	}
	if s := w.table.Stats(); s.Evicted != 0 || s.MissedExits != 60 || s.Live != 61 {
		t.Errorf("got %+v", s)
	}
}

// A container can fill the memory of a sensor that bounds only the number of processes.
func TestHostileArguments(t *testing.T) {
	const most = 1 << 20
	w := newWorld(t, Config{MaxTextBytes: most})
	for i := range 200 {
		p, ev := w.fork(w.tasks[1])
		w.apply(ev)
		args := []string{"sh", fmt.Sprint(i)}
		for range 2000 {
			args = append(args, "")
		}
		if got := w.apply(w.exec(p, args...)); len(got.Args) != 2001 || len(got.ArgsText) != 2000+len(args[1]) {
			t.Fatalf("got %d arguments of %d bytes", len(got.Args), len(got.ArgsText))
		}
		if s := w.table.Stats(); s.TextBytes > most {
			t.Fatalf("holds %d bytes", s.TextBytes)
		}
	}
	if s := w.table.Stats(); s.Evicted == 0 {
		t.Error("nothing was evicted")
	}
	w.table.consistent(t)
}

func TestMemoryOfTenThousandProcesses(t *testing.T) {
	race.Skip(t, "its shadow memory is no part of what is measured")
	w := newWorld(t, Config{})
	before := heap()
	parent := w.tasks[1]
	for i := range 10_000 {
		p, ev := w.fork(parent)
		w.apply(ev)
		p.cwd = fmt.Sprintf("/srv/app-%d", i%100)
		cmd := []string{"java", "-Xmx512m", "-cp", fmt.Sprintf("/opt/app-%d/lib/*", i)}
		for len(strings.Join(cmd, " ")) < 190 {
			cmd = append(cmd, "--option="+fmt.Sprint(i))
		}
		w.apply(w.exec(p, cmd...))
		delete(w.tasks, p.pid) // the fake kernel's memory is not the table's
	}
	grown := int64(heap()) - int64(before)
	s := w.table.Stats()
	if s.Live != 10_001 {
		t.Fatalf("got %+v", s)
	}
	t.Logf("%d KiB more, of which %d KiB text by its own count", grown>>10, s.TextBytes>>10)
	if grown > 20<<20 {
		t.Errorf("10,000 processes take %d KiB", grown>>10)
	}
	if counted := s.TextBytes; counted > grown || counted < grown/4 {
		t.Errorf("counts %d bytes of text, while the heap grew by %d", counted, grown)
	}
	runtime.KeepAlive(w)
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestSharedTexts(t *testing.T) {
	w := newWorld(t, Config{Environment: true})
	a, ev := w.fork(w.tasks[1])
	w.apply(ev)
	b, ev := w.fork(w.tasks[1])
	w.apply(ev)
	for _, p := range []*task{a, b} {
		ev := w.exec(p, "nginx", "-g", "daemon off;")
		ev.Exec.Env = []byte("PATH=/bin\x00A=\x00")
		if got := w.apply(ev); len(got.Env) != 2 || got.Env[1] != "A=" {
			t.Errorf("got %q", got.Env)
		}
	}
	one, two := w.table.find(a.pid, a.start), w.table.find(b.pid, b.start)
	if one.image != two.image || one.env != two.env || one.exePath != two.exePath {
		t.Error("equal images are held twice")
	}
	w.apply(w.exec(a, "sh"))
	if two.image.refs != 1 || two.env.refs != 1 || two.exePath.refs != 1 {
		t.Errorf("held by %d, %d and %d processes", two.image.refs, two.env.refs, two.exePath.refs)
	}
	w.apply(w.exit(a))
	w.apply(w.exit(b))
	w.now += 20e9
	c, ev := w.fork(w.tasks[1])
	w.apply(ev)
	w.apply(w.exit(c))
	if n := len(w.table.text.images.byKey); n != 1 {
		t.Errorf("%d images are held for the one process left", n)
	}
}

func TestEnvironmentIsOff(t *testing.T) {
	w := newWorld(t, Config{})
	ev := w.exec(w.tasks[1], "sh")
	ev.Exec.Env = []byte("TOKEN=secret\x00")
	if got := w.apply(ev); got.Env != nil {
		t.Errorf("got %q", got.Env)
	}
}

// Text from a process stays what it is: whoever shows it escapes it.
func TestHostileText(t *testing.T) {
	w := newWorld(t, Config{})
	p, ev := w.fork(w.tasks[1])
	w.apply(ev)
	ev = w.exec(p, "a) S 1\n\x1b[2J", "\xff\xfe", "", "b\nc ")
	got := w.apply(ev)
	if got.Name != "a) S 1\n\x1b[2J" || got.ArgsText != "\xff\xfe  b\nc " || len(got.Args) != 3 {
		t.Errorf("got %q, %q, %q", got.Name, got.ArgsText, got.Args)
	}
	w.sees(p)
}

func TestExecutables(t *testing.T) {
	tests := []struct {
		name string
		x    event.ExecFacts
		want string
	}{
		{"file", event.ExecFacts{ExePath: "/bin/a (deleted)"}, "/bin/a (deleted)"}, // the kernel side appends nothing
		{"memfd as the dentry has it", event.ExecFacts{ExePath: "memfd:x", Memfd: true}, "memfd:x"},
		{"memfd as a path", event.ExecFacts{ExePath: "/memfd:x (deleted)", Memfd: true}, "memfd:x"},
		{"memfd without a name", event.ExecFacts{Memfd: true}, "memfd:"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := exePath(&tt.x); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}
