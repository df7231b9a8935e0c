package probe

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

func init() { children["forks"] = forks }

// makeCgroup makes a cgroup below this process's own.
func makeCgroup(t *testing.T) string {
	t.Helper()
	// A name of its own: another run may be under way, or have been killed and left its cgroup.
	cgroup, err := os.MkdirTemp(cgroupDir(t), "tiercel-test-")
	if err != nil {
		t.Skipf("no cgroup can be made: %v", err)
	}
	t.Cleanup(func() {
		// A process that was waited for may not have left it yet.
		err := os.Remove(cgroup)
		for end := time.Now().Add(patience); errors.Is(err, syscall.EBUSY) && time.Now().Before(end); err = os.Remove(cgroup) {
			time.Sleep(time.Millisecond)
		}
		if err != nil {
			t.Error(err)
		}
	})
	return cgroup
}

// The path of a cgroup comes before the first record that carries its id, and what the sensor says of the id decides
// for kinds that only containers are asked for. What needs a probe that was told of no cgroup yet is one test, since an
// emulated machine takes up to twenty seconds to load one.
func TestCgroups(t *testing.T) {
	var filter event.Filter
	filter[event.Openat] = event.ContainersOnly
	p := open(t, Config{Filter: filter})
	cgroup := pathComesOnce(t, p) // not known: it may be a container

	name := filepath.Join(t.TempDir(), "absent")
	open := mine(event.Openat, func(ev *event.Event) bool { return ev.FD.Path.Raw == name })
	both := func() {
		call(t, event.Openat, at(cwd), text(name), 0)
		run(t, child(t, "nothing"))
	}
	l := listenTo(t, p)
	if err := l.probe.SetCgroup(cgroup, false); err != nil {
		t.Fatal(err)
	}
	l.absent(t, open, ownExec, both)
	if err := l.probe.SetCgroup(cgroup, true); err != nil {
		t.Fatal(err)
	}
	l.expect(t, open, both)
	filterAfterStop(t, p)
}

// pathComesOnce makes a call on each processor: the path of this process's cgroup, which it returns, comes before the first
// of the records, and what one processor has said the others do not say again.
func pathComesOnce(t *testing.T, p *Probe) (cgroup uint64) {
	t.Helper()
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	processors := onEachCPU(t, func(cpu int) { call(t, event.Openat, at(cwd), text(filepath.Join(dir, strconv.Itoa(cpu))), 0) })
	var ev event.Event
	paths := map[uint64]int{}
	for opens := 0; opens < processors; {
		raw, err := p.Next()
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Decode(raw, &ev); err != nil {
			t.Fatal(err)
		}
		switch {
		case ev.Kind == event.CgroupPath:
			paths[ev.Cgroup.ID]++
			if want := cgroupOf(string(own)); ev.Cgroup.Path == want && !ev.Cgroup.Cut {
				cgroup = ev.Cgroup.ID
			}
		case ev.Kind == event.Openat && filepath.Dir(ev.FD.Path.Raw) == dir:
			opens++
			if ev.Task.CgroupID != cgroup {
				t.Fatalf("a record of cgroup %d came before the path %q", ev.Task.CgroupID, cgroupOf(string(own)))
			}
		}
	}
	if paths[cgroup] != 1 {
		t.Errorf("the path of cgroup %d came %d times", cgroup, paths[cgroup])
	}
	for _, d := range p.Drops() {
		if d.Reason == MapFull {
			t.Errorf("dropped: %+v", d)
		}
	}
	return cgroup
}

// onEachCPU does something on each processor that this process may run on, and says how many there are.
func onEachCPU(t *testing.T, do func(cpu int)) int {
	t.Helper()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		t.Fatal(err)
	}
	defer unix.SchedSetaffinity(0, &before)
	for cpu := range len(before) * 64 {
		if !before.IsSet(cpu) {
			continue
		}
		var one unix.CPUSet
		one.Set(cpu)
		if err := unix.SchedSetaffinity(0, &one); err != nil {
			t.Fatal(err)
		}
		do(cpu)
	}
	return before.Count()
}

// A process that is moved, as container runtimes do between fork and exec.
func TestCgroupMove(t *testing.T) {
	l := all(t)
	cgroup := makeCgroup(t)
	cmd := child(t, "wait")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	pid := int32(cmd.Process.Pid)
	st := stat(t, cgroup)
	ev := l.expect(t, func(ev *event.Event) bool { return ev.Kind == event.CgroupMove && ev.Task.TGID == pid }, func() {
		if err := os.WriteFile(filepath.Join(cgroup, "cgroup.procs"), []byte(itoa(pid)), 0); err != nil {
			t.Fatal(err)
		}
	})
	if ev.Cgroup.ID != st.Ino || filepath.Base(ev.Cgroup.Path) != filepath.Base(cgroup) || ev.Task.CgroupID != st.Ino {
		t.Errorf("moved to %+v (task in %d), want %d", ev.Cgroup, ev.Task.CgroupID, st.Ino)
	}
	exit := l.expect(t, func(ev *event.Event) bool { return ev.Kind == event.Exit && ev.Task.TGID == pid }, func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
	})
	if exit.Task.CgroupID != st.Ino {
		t.Errorf("ended in cgroup %d", exit.Task.CgroupID)
	}
}

// A child can be born into another cgroup. Its path is known before the fork names it.
func TestForkIntoCgroup(t *testing.T) {
	if own, _ := os.ReadFile("/proc/self/cgroup"); cgroupController(string(own)) != "" {
		t.Skip("only cgroup v2 has clone into a cgroup")
	}
	l := all(t)
	cgroup := makeCgroup(t)
	dir, err := os.Open(cgroup)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	st := stat(t, cgroup)
	cmd := child(t, "nothing")
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd())}
	first := l.expect(t, func(ev *event.Event) bool {
		return ev.Kind == event.CgroupPath && ev.Cgroup.ID == st.Ino || ev.Kind == event.Fork && ev.Fork.CgroupID == st.Ino
	}, func() { run(t, cmd) })
	if first.Kind != event.CgroupPath || !strings.HasSuffix(first.Cgroup.Path, filepath.Base(cgroup)) {
		t.Errorf("first came %v, of %q", first.Kind, first.Cgroup.Path)
	}
}

// forks starts a process for each byte that it reads, and answers once that has ended.
func forks([]string) error {
	small, err := exec.LookPath("true")
	if err != nil {
		return err
	}
	var b [1]byte
	for {
		if _, err := os.Stdin.Read(b[:]); err != nil {
			return nil
		}
		if err := exec.Command(small).Run(); err != nil {
			return err
		}
		if _, err := os.Stdout.Write(b[:]); err != nil {
			return err
		}
	}
}

// startForks starts such a child, which ends with the test, and returns what has it start a process.
func startForks(t *testing.T) (pid int32, fork func()) {
	t.Helper()
	cmd := child(t, "forks")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_ = cmd.Wait()
	})
	return int32(cmd.Process.Pid), func() {
		t.Helper()
		var b [1]byte
		if _, err := stdin.Write(b[:]); err != nil {
			t.Fatal(err)
		}
		if _, err := stdout.Read(b[:]); err != nil {
			t.Fatal(err)
		}
	}
}

// A path that found the ring full is sent again with the next record of its cgroup. The whole machine's records go through
// so small a ring, and may fill it again: one of several records of the cgroup brings the path.
func TestLostCgroupPath(t *testing.T) {
	cgroup := makeCgroup(t)
	st := stat(t, cgroup)
	p := open(t, Config{RingBytes: minRingBytes})
	pid, fork := startForks(t)
	for countOf(p, RingFull, event.Fork) == 0 {
		fork()
	}
	// A path's record is larger than a fork's, so that there is no room for it either.
	if err := os.WriteFile(filepath.Join(cgroup, "cgroup.procs"), []byte(itoa(pid)), 0); err != nil {
		t.Fatal(err)
	}
	if countOf(p, RingFull, event.CgroupPath) == 0 {
		t.Fatalf("the path was not lost; drops: %v", p.Drops())
	}
	var ev event.Event
	sent := func() (sent bool) {
		for range ringRecords(t, p, &ev) {
			sent = sent || ev.Kind == event.CgroupPath && ev.Cgroup.ID == st.Ino
		}
		return sent
	}
	if sent() {
		t.Fatal("the path was not lost")
	}
	for range 1000 {
		fork()
		if sent() {
			return
		}
	}
	t.Errorf("the path was not sent again; drops: %v", p.Drops())
}
