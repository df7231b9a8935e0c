package container

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/internal/event"
)

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// offline is a configuration that asks nobody.
func offline() Config {
	cfg := DefaultConfig()
	cfg.Sockets, cfg.ProcRoot, cfg.CgroupRoot = nil, "", ""
	return cfg
}

func path(id uint64, p string) *event.Event {
	return &event.Event{
		Kind: event.CgroupPath, Boot: 1, Task: event.Task{CgroupID: id}, Process: new(event.Process),
		Cgroup: event.CgroupFacts{ID: id, Path: p},
	}
}

func open(id uint64) *event.Event {
	return &event.Event{Kind: event.Openat, Boot: 1, Task: event.Task{TGID: 7, CgroupID: id}, Process: new(event.Process)}
}

func TestAttachFromRecords(t *testing.T) {
	var told []string
	cfg := offline()
	cfg.OnCgroup = func(id uint64, container bool) { told = append(told, fmt.Sprint(id, container)) }
	r := New(cfg, quiet)

	r.Attach(path(10, "/system.slice/docker-"+idA+".scope"))
	r.Attach(path(11, "/system.slice/sshd.service"))
	r.Attach(path(12, "")) // the root
	r.Attach(path(13, "/kubepods/pod"+podA+"/"+idB))

	tests := []struct {
		name string
		ev   *event.Event
		want string
	}{
		{"container", open(10), idA},
		{"service", open(11), ""},
		{"root", open(12), ""},
		{"pod", open(13), idB},
		{"fork into the same", &event.Event{Kind: event.Fork, Task: event.Task{CgroupID: 10}, Process: new(event.Process)}, idA},
		{"fork into another (clone3 with CLONE_INTO_CGROUP)", &event.Event{
			Kind: event.Fork, Task: event.Task{CgroupID: 11}, Fork: event.ForkFacts{CgroupID: 13}, Process: new(event.Process),
		}, idB},
		{"move", &event.Event{
			Kind: event.CgroupMove, Task: event.Task{CgroupID: 11}, Process: &event.Process{ContainerID: ""},
			Cgroup: event.CgroupFacts{ID: 14, Path: "/docker/" + idB},
		}, idB},
		{"move out", &event.Event{
			Kind: event.CgroupMove, Task: event.Task{CgroupID: 10}, Process: &event.Process{ContainerID: idA},
			Cgroup: event.CgroupFacts{ID: 11, Path: "/system.slice/sshd.service"},
		}, idA},
		{"after the move", open(14), idB},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r.Attach(tt.ev)
			if got := tt.ev.Container.FullID; got != tt.want {
				t.Errorf("container %q, want %q", got, tt.want)
			}
			if got := tt.ev.Process.ContainerID; got != tt.want {
				t.Errorf("process in %q, want %q", got, tt.want)
			}
			if tt.want == "" && tt.ev.Container != event.Host {
				t.Errorf("container %+v, want the host", tt.ev.Container)
			}
			if tt.want != "" && tt.ev.Container.ID != tt.want[:12] {
				t.Errorf("short id %q", tt.ev.Container.ID)
			}
		})
	}
	want := []string{"10 true", "11 false", "12 false", "13 true", "13 true", "14 true", "11 false", "11 true"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("told the kernel (-want +got):\n%s", diff)
	}
	if s := r.Stats(); s.CgroupRecords != 6 || s.Cgroups != 5 || s.Containers != 2 {
		t.Errorf("stats %+v", s)
	}
}

func TestAttachKeepsNoViewOfThePath(t *testing.T) {
	r := New(offline(), quiet)
	buf := []byte("/kubepods/pod" + podA + "/" + idA)
	ev := path(10, view(buf))
	r.Attach(ev)
	clear(buf)
	if got := r.Lookup(idA); got != ev.Container || got.FullID != idA {
		t.Errorf("Lookup = %+v", got)
	}
	if k := r.containers[idA]; k.pod != podA {
		t.Errorf("pod %q, want %q", k.pod, podA)
	}
}

func TestAttachWithoutCgroup(t *testing.T) {
	r := New(offline(), quiet)
	r.Attach(path(10, "/docker/"+idA))
	for _, tt := range []struct{ was, want string }{{"", ""}, {idA, idA}, {idB, ""}, {"", ""}} {
		ev := open(0)
		ev.Process.ContainerID = tt.was
		r.Attach(ev)
		if got := ev.Container.FullID; got != tt.want {
			t.Errorf("process of %q: container %q, want %q", tt.was, got, tt.want)
		}
	}
	if s := r.Stats(); s.EventsNoCgroup != 4 || s.Cgroups != 1 {
		t.Errorf("stats %+v", s)
	}
	ev := open(10)
	ev.Process = nil
	r.Attach(ev)
	if ev.Container.FullID != idA {
		t.Errorf("an event without process: %+v", ev.Container)
	}
}

// proc makes a /proc with one process and a cgroup tree with its memory cgroup, and returns the cgroup's id.
func proc(t *testing.T, pid int, memory string) (procRoot, cgroupRoot string, id uint64) {
	t.Helper()
	procRoot, cgroupRoot = t.TempDir(), t.TempDir()
	dir := filepath.Join(cgroupRoot, "memory", memory)
	must(t, os.MkdirAll(dir, 0o755))
	must(t, os.MkdirAll(filepath.Join(procRoot, fmt.Sprint(pid)), 0o755))
	text := "12:cpuset:/\n4:memory:" + memory + "\n1:name=systemd:/system.slice/x.service\n0::/\n"
	must(t, os.WriteFile(filepath.Join(procRoot, fmt.Sprint(pid), "cgroup"), []byte(text), 0o644))
	return procRoot, cgroupRoot, inode(dir)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAttachFromProc(t *testing.T) {
	memory := "/kubepods/burstable/pod" + podA + "/" + idA
	procRoot, cgroupRoot, id := proc(t, 7, memory)
	cfg := offline()
	cfg.ProcRoot, cfg.CgroupRoot = procRoot, cgroupRoot
	told := 0
	cfg.OnCgroup = func(uint64, bool) { told++ }
	r := New(cfg, quiet)

	ev := open(id)
	r.Attach(ev)
	if ev.Container.FullID != idA || told != 1 || r.Stats().CgroupsFound != 1 {
		t.Errorf("container %+v, kernel told %d times, stats %+v", ev.Container, told, r.Stats())
	}
	must(t, os.RemoveAll(procRoot))
	ev = open(id)
	ev.Boot = 1 << 50
	r.Attach(ev)
	if ev.Container.FullID != idA {
		t.Errorf("what was sure is looked up again: %+v", ev.Container)
	}

	// The child of a fork is looked up, not its parent.
	procRoot, cgroupRoot, id = proc(t, 8, memory)
	cfg.ProcRoot, cfg.CgroupRoot = procRoot, cgroupRoot
	r = New(cfg, quiet)
	ev = &event.Event{Kind: event.Fork, Task: event.Task{TGID: 7, CgroupID: 99}, Fork: event.ForkFacts{TGID: 8, CgroupID: id}, Process: new(event.Process)}
	r.Attach(ev)
	if ev.Process.ContainerID != idA {
		t.Errorf("child in %q", ev.Process.ContainerID)
	}
}

func TestAttachGuessesFromProc(t *testing.T) {
	procRoot, cgroupRoot, id := proc(t, 7, "/docker/"+idA)
	cfg := offline()
	cfg.ProcRoot, cfg.CgroupRoot = procRoot, cgroupRoot
	cfg.OnCgroup = func(id uint64, container bool) { t.Errorf("kernel told of a guess: %d %v", id, container) }
	r := New(cfg, quiet)

	// The process is in a container now, but the record's cgroup is another: the process was moved meanwhile.
	ev := open(id + 1)
	r.Attach(ev)
	if ev.Container.FullID != idA || r.Stats().CgroupsGuessed != 1 {
		t.Fatalf("container %+v, stats %+v", ev.Container, r.Stats())
	}
	// The guess holds for a while, and no longer.
	must(t, os.WriteFile(filepath.Join(procRoot, "7", "cgroup"), []byte("0::/system.slice/containerd.service\n"), 0o644))
	ev = open(id + 1)
	ev.Boot = guessFor
	r.Attach(ev)
	if ev.Container.FullID != idA {
		t.Errorf("container %+v while the guess holds", ev.Container)
	}
	ev = open(id + 1)
	ev.Process.ContainerID = idA
	ev.Boot = guessFor + 1
	r.Attach(ev)
	if ev.Container != event.Host || r.Stats().CgroupsGuessed != 2 {
		t.Errorf("container %+v, stats %+v", ev.Container, r.Stats())
	}
	if ev.Process.ContainerID != idA {
		t.Errorf("a guess took the process out of its container")
	}
	// A record makes it sure.
	r.cfg.OnCgroup = nil
	r.Attach(path(id+1, "/docker/"+idB))
	ev = open(id + 1)
	ev.Boot = 1 << 50
	r.Attach(ev)
	if ev.Container.FullID != idB {
		t.Errorf("container %+v after the record", ev.Container)
	}
}

func TestAttachOfProcessThatIsGone(t *testing.T) {
	cfg := offline()
	cfg.ProcRoot = t.TempDir()
	cfg.OnCgroup = func(id uint64, container bool) { t.Errorf("kernel told of a guess: %d %v", id, container) }
	r := New(cfg, quiet)
	ev := open(20)
	r.Attach(ev)
	if ev.Container != event.Host || r.Stats().CgroupsUnknown != 1 {
		t.Errorf("container %+v, stats %+v", ev.Container, r.Stats())
	}
	for range 100 {
		r.Attach(open(20))
	}
	if n := r.Stats().CgroupsUnknown; n != 1 {
		t.Errorf("looked up %d times", n)
	}

	// Where it was before is better than nothing.
	r.found(idA, &event.Container{ID: idA[:12], FullID: idA, Metadata: event.MetadataComplete})
	ev = open(21)
	ev.Process.ContainerID = idA
	r.Attach(ev)
	if ev.Container.FullID != idA || r.Stats().CgroupsGuessed != 1 {
		t.Errorf("container %+v, stats %+v", ev.Container, r.Stats())
	}
}

// A container may nest cgroups so deep that the kernel side cannot see the first ones.
func TestAttachDoesNotBelieveACutPath(t *testing.T) {
	procRoot, cgroupRoot, id := proc(t, 7, "/docker/"+idA+"/deep")
	cfg := offline()
	cfg.ProcRoot, cfg.CgroupRoot = procRoot, cgroupRoot
	r := New(cfg, quiet)
	ev := path(id, "/docker-"+idB+".scope/deep")
	ev.Task.TGID = 7
	ev.Cgroup.Cut = true
	r.Attach(ev)
	if ev.Container.FullID != idA {
		t.Errorf("container %q, want %q", ev.Container.FullID, idA)
	}
}

func TestCgroupOf(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"v2", "0::/system.slice/docker-" + idA + ".scope\n", "/system.slice/docker-" + idA + ".scope"},
		{"v1: memory before pids", "9:pids:/p\n4:memory:/m\n0::/u\n", "/m"},
		{"v1: pids before the rest", "9:pids:/p\n3:cpuset:/c\n0::/u\n", "/p"},
		{"a container before all", "4:memory:/m\n3:cpuset:/docker/" + idA + "\n", "/docker/" + idA},
		{"colons in the path", "0::/a.slice:docker:" + idA + "\n", "/a.slice:docker:" + idA},
		{"no newline at the end", "0::/x", "/x"},
		{"rubbish between", "\n:\nx\n0::/x\n", "/x"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			must(t, os.Mkdir(filepath.Join(root, "7"), 0o755))
			must(t, os.WriteFile(filepath.Join(root, "7", "cgroup"), []byte(tt.text), 0o644))
			got, sure, ok := cgroupOf(root, "", 7, 1)
			if got != tt.want || sure || !ok {
				t.Errorf("cgroupOf = %q, %v, %v; want %q, false, true", got, sure, ok, tt.want)
			}
		})
	}
}

// A sensor in a cgroup namespace of its own sees its own container's cgroup as the root: that is not the host.
func TestCgroupOfInNamespace(t *testing.T) {
	procRoot, cgroupRoot, id := proc(t, 7, "/inner")
	if path, sure, ok := cgroupOf(procRoot, cgroupRoot, 7, id); sure || !ok {
		t.Errorf("cgroupOf = %q, %v, %v below a root that is none", path, sure, ok)
	}
	must(t, os.WriteFile(filepath.Join(procRoot, "7", "cgroup"), []byte("4:memory:/../docker/"+idA+"\n"), 0o644))
	// What stands there by chance is in another hierarchy.
	dir := filepath.Join(cgroupRoot, "docker", idA)
	must(t, os.MkdirAll(dir, 0o755))
	if path, sure, ok := cgroupOf(procRoot, cgroupRoot, 7, inode(dir)); sure || !ok || path != "/../docker/"+idA {
		t.Errorf("cgroupOf = %q, %v, %v of another container", path, sure, ok)
	}
}

// The machine's own /proc and cgroups: this process is where they say.
func TestCgroupOfSelf(t *testing.T) {
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Skipf("no cgroups here: %v", err)
	}
	path, _, ok := cgroupOf("/proc", "", int32(os.Getpid()), 0)
	if !ok {
		t.Fatalf("nothing read from %q", text)
	}
	for _, base := range []string{"/sys/fs/cgroup/memory", "/sys/fs/cgroup/pids", "/sys/fs/cgroup"} {
		id := inode(base + path)
		if inode(base) != 1 || id == 0 {
			continue
		}
		if got, sure, ok := cgroupOf("/proc", "/sys/fs/cgroup", int32(os.Getpid()), id); got != path || !sure || !ok {
			t.Errorf("cgroupOf(%d) = %q, %v, %v; want %q, true, true", id, got, sure, ok, path)
		}
		return
	}
	t.Skipf("no cgroup filesystem whose root is the real one shows %q; run outside a cgroup namespace", path)
}

func TestAttachEvictsTheLeastUsed(t *testing.T) {
	cfg := offline()
	cfg.MaxCgroups, cfg.MaxContainers = 8, 4
	r := New(cfg, quiet)
	for i := range uint64(100) {
		ev := path(100+i, fmt.Sprintf("/docker/%064x", i))
		ev.Boot = int64(i + 1)
		r.Attach(ev)
		if ev.Container.FullID != fmt.Sprintf("%064x", i) {
			t.Fatalf("container %d: %+v", i, ev.Container)
		}
		keep := open(100) // the first one stays in use
		keep.Boot = int64(i + 1)
		r.Attach(keep)
		if keep.Container.FullID != fmt.Sprintf("%064x", 0) {
			t.Fatalf("the container in use was evicted at %d", i)
		}
	}
	s := r.Stats()
	if s.Cgroups > 8 || s.Containers != 4 || len(r.cgroups) != int(s.Cgroups) || len(r.containers) != 4 {
		t.Errorf("kept %d cgroups, %d containers; stats %+v", len(r.cgroups), len(r.containers), s)
	}
	if s.ContainersFull != 96 {
		t.Errorf("%d containers evicted, want 96", s.ContainersFull)
	}
	for i := range uint64(100) {
		r.Attach(path(1000+i, "/user.slice")) // cgroups alone
	}
	if s := r.Stats(); s.Cgroups != 8 || s.CgroupsEvicted == 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestSweep(t *testing.T) {
	r := New(offline(), quiet)
	r.Attach(path(10, "/docker/"+idA))
	r.Attach(path(11, "/docker/"+idB))
	r.mail.post(idB, letter{ended: true}, false)

	late := open(12)
	late.Boot = keepEnded + 2
	r.Attach(late)
	r.mail.askSweep()
	r.Attach(late)
	if r.containers[idA] == nil || r.containers[idB] != nil || r.cgroups[11] != nil {
		t.Errorf("after a minute: containers %v", r.containers)
	}
	late.Boot = keepFor + 2
	r.Attach(late)
	r.mail.askSweep()
	r.Attach(late)
	if s := r.Stats(); s.Containers != 0 || s.Cgroups != 1 || s.ContainersEnded != 2 {
		t.Errorf("after an hour: stats %+v", s)
	}
}

func TestLookupOfUnknown(t *testing.T) {
	r := New(offline(), quiet)
	if c := r.Lookup(""); c != event.Host {
		t.Errorf("Lookup of no id: %+v", c)
	}
	want := &event.Container{ID: idA[:12], FullID: idA}
	if diff := cmp.Diff(want, r.Lookup(idA)); diff != "" {
		t.Errorf("Lookup (-want +got):\n%s", diff)
	}
}

func TestAttachAllocatesNothing(t *testing.T) {
	r := New(offline(), quiet)
	r.Attach(path(10, "/docker/"+idA))
	r.Attach(path(11, "/system.slice"))
	a, b := open(10), open(11)
	n := testing.AllocsPerRun(1000, func() {
		r.Attach(a)
		r.Attach(b)
		if r.Pending(a) || r.Pending(b) {
			t.Error("pending")
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkAttach(b *testing.B) {
	r := New(offline(), quiet)
	events := make([]*event.Event, 64)
	for i := range events {
		r.Attach(path(uint64(1000+i), fmt.Sprintf("/docker/%064x", i)))
		events[i] = open(uint64(1000 + i))
	}
	b.Run("same", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.Attach(events[0])
		}
	})
	b.Run("other", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			r.Attach(events[i%len(events)])
		}
	})
}

// view makes a string that shares b's bytes, as the decoder's do.
func view(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// TestForgottenCgroupsAreCounted: the kernel's table evicts without a word; that it sends a path again tells.
func TestForgottenCgroupsAreCounted(t *testing.T) {
	r := New(offline(), quiet)
	for i, want := range []uint64{0, 1, 1} {
		ev := path(77, "/kubepods/pod"+podA+"/"+idA)
		if i == 2 {
			ev.Kind = event.CgroupMove // a move names a known cgroup again, and nothing was forgotten
		}
		r.Attach(ev)
		if got := r.Stats().CgroupsResent; got != want {
			t.Errorf("record %d: %d counted, want %d", i, got, want)
		}
	}
}
