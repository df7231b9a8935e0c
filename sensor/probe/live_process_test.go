package probe

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
)

func init() {
	children["nothing"] = func([]string) error { return nil }
	children["thread"] = func([]string) error {
		for {
			done := make(chan error)
			go func() {
				runtime.LockOSThread()
				if unix.Gettid() == unix.Getpid() {
					done <- nil
					select {} // keep the leader, so that the next one is another
				}
				done <- syscall.Exec("/proc/self/exe", []string{"by-a-thread"}, []string{"PROBE_TEST_CHILD=nothing"})
			}()
			if err := <-done; err != nil {
				return err
			}
		}
	}
	children["namespace"] = func(args []string) error {
		cmd := exec.Command("/proc/self/exe")
		cmd.Args = []string{args[0]}
		cmd.Env = []string{"PROBE_TEST_CHILD=nothing"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}
		return cmd.Run()
	}
	children["session"] = func(args []string) error {
		cmd := exec.Command("/proc/self/exe")
		cmd.Args = []string{args[0]}
		cmd.Env = []string{"PROBE_TEST_CHILD=nothing"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
		tty, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
		if err != nil {
			return err
		}
		if err := unix.IoctlSetPointerInt(int(tty.Fd()), unix.TIOCSPTLCK, 0); err != nil {
			return err
		}
		n, err := unix.IoctlGetInt(int(tty.Fd()), unix.TIOCGPTN)
		if err != nil {
			return err
		}
		if cmd.Stdin, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
			return err
		}
		if err := cmd.Run(); err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Fstat(int(cmd.Stdin.(*os.File).Fd()), &st); err != nil {
			return err
		}
		fmt.Println(st.Rdev)
		return nil
	}
}

func argv(ev *event.Event) []string {
	return strings.Split(strings.TrimSuffix(string(ev.Exec.Args), "\x00"), "\x00")
}

func execOf(arg0 string) func(*event.Event) bool {
	return func(ev *event.Event) bool { return ev.Kind == event.Exec && argv(ev)[0] == arg0 }
}

// ownExec matches the exec of a child. Other programs start themselves by this name too.
func ownExec(ev *event.Event) bool {
	return execOf("/proc/self/exe")(ev) && ev.Task.PPID == int32(os.Getpid())
}

func TestExec(t *testing.T) {
	l := all(t)
	dir := resolved(t, t.TempDir())
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	st := stat(t, exe)
	cmd := child(t, "nothing", "one", "", "th\nree\xff")
	cmd.Dir = dir
	ev := l.expect(t, func(ev *event.Event) bool {
		return ev.Kind == event.Exec && bytes.Contains(ev.Exec.Args, []byte("th\nree\xff"))
	},
		func() { run(t, cmd) })
	x := ev.Exec
	if got, want := string(x.Args), "/proc/self/exe\x00one\x00\x00th\nree\xff\x00"; got != want || x.ArgsTruncated {
		t.Errorf("args %q, want %q", got, want)
	}
	if !bytes.Contains(x.Env, []byte("\x00PROBE_TEST_CHILD=nothing\x00")) {
		t.Errorf("environment %q", x.Env)
	}
	if x.Filename != "/proc/self/exe" || x.ExePath != exe || x.CWD != dir {
		t.Errorf("filename %q, executable %q, cwd %q", x.Filename, x.ExePath, x.CWD)
	}
	if x.Ino != st.Ino || x.Ctime != st.Ctim.Nano() || x.Mtime != st.Mtim.Nano() {
		t.Errorf("inode %d %d %d, want %d %d %d", x.Ino, x.Ctime, x.Mtime, st.Ino, st.Ctim.Nano(), st.Mtim.Nano())
	}
	pgid, _ := unix.Getpgid(0)
	sid, _ := unix.Getsid(0)
	if x.PGID != int32(pgid) || x.SID != int32(sid) || x.VPID != ev.Task.TGID || x.OldTID != 0 {
		t.Errorf("group %d, session %d, vpid %d, old %d", x.PGID, x.SID, x.VPID, x.OldTID)
	}
	if x.Memfd || x.UpperLayer == event.TriTrue || !x.Writable {
		t.Errorf("memfd %v, upper layer %v, writable %v", x.Memfd, x.UpperLayer, x.Writable)
	}
	if want := fileLoginUID(); x.LoginUID != want {
		t.Errorf("login %d, want %d", x.LoginUID, want)
	}
	if ev.Task.PPID != int32(os.Getpid()) || ev.Task.Comm != "exe" {
		t.Errorf("task %+v", ev.Task)
	}
}

func fileLoginUID() int32 {
	text, err := os.ReadFile("/proc/self/loginuid")
	if err != nil {
		return -1
	}
	var uid uint32
	fmt.Sscan(string(text), &uid)
	return int32(uid)
}

func TestExecArguments(t *testing.T) {
	l := all(t)
	args := make([]string, 2000)
	for i := range args {
		args[i] = fmt.Sprintf("argument-%d", i)
	}
	cmd := child(t, "nothing", args...)
	cmd.Env = append(cmd.Env, "LONG="+strings.Repeat("x", 5000))
	ev := l.expect(t, func(ev *event.Event) bool {
		return ev.Kind == event.Exec && bytes.Contains(ev.Exec.Args, []byte("\x00argument-99\x00"))
	},
		func() { run(t, cmd) })
	want := "/proc/self/exe\x00" + strings.Join(args, "\x00")
	if x := ev.Exec; !x.ArgsTruncated || string(x.Args) != want[:bpfTextMax] {
		t.Errorf("truncated %v, %d bytes", x.ArgsTruncated, len(x.Args))
	}
	if x := ev.Exec; !x.EnvTruncated || len(x.Env) != bpfTextMax {
		t.Errorf("environment: truncated %v, %d bytes", x.EnvTruncated, len(x.Env))
	}
}

// A script's exec names both the script and its interpreter.
func TestExecScript(t *testing.T) {
	l := all(t)
	dir := resolved(t, t.TempDir())
	interpreter, err := os.Readlink("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(dir, strings.Repeat("s", 200))
	if err := os.WriteFile(script, []byte("#!"+interpreter+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := child(t, "nothing")
	cmd.Path = script
	ev := l.expect(t, func(ev *event.Event) bool { return ev.Kind == event.Exec && ev.Exec.Filename == script },
		func() { run(t, cmd) })
	if ev.Exec.ExePath != interpreter || ev.Task.Comm != strings.Repeat("s", 15) {
		t.Errorf("executable %q, comm %q", ev.Exec.ExePath, ev.Task.Comm)
	}
}

func TestExecMemfd(t *testing.T) {
	l := all(t)
	fd, err := unix.MemfdCreate("implant", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	for len(self) > 0 {
		n, err := unix.Write(fd, self)
		if err != nil {
			t.Fatal(err)
		}
		self = self[n:]
	}
	cmd := child(t, "nothing", "from-memory")
	cmd.Path = fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), fd)
	ev := l.expect(t, func(ev *event.Event) bool {
		return ev.Kind == event.Exec && bytes.Contains(ev.Exec.Args, []byte("from-memory"))
	},
		func() { run(t, cmd) })
	if !ev.Exec.Memfd || ev.Exec.ExePath != "memfd:implant" {
		t.Errorf("memfd %v, executable %q", ev.Exec.Memfd, ev.Exec.ExePath)
	}
}

// The thread that calls execve takes over the leader's id.
func TestExecByThread(t *testing.T) {
	l := all(t)
	ev := l.expect(t, execOf("by-a-thread"), func() { run(t, child(t, "thread")) })
	if ev.Exec.OldTID == 0 || ev.Exec.OldTID == ev.Task.TGID || ev.Task.TID != ev.Task.TGID {
		t.Errorf("old id %d, task %+v", ev.Exec.OldTID, ev.Task)
	}
}

func TestExecNamespace(t *testing.T) {
	l := all(t)
	cmd := child(t, "namespace", "first-of-its-namespace")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	ev := l.expect(t, execOf("first-of-its-namespace"), func() { run(t, cmd) })
	if ev.Exec.VPID != 1 || ev.Task.TGID == 1 {
		t.Errorf("vpid %d, pid %d", ev.Exec.VPID, ev.Task.TGID)
	}
	// The group was made outside, and has no id inside.
	if ev.Exec.VPGID != 0 || ev.Exec.PGID == 0 {
		t.Errorf("group %d, inside %d", ev.Exec.PGID, ev.Exec.VPGID)
	}
	if ev.Exec.PIDNSStart != ev.Task.Start {
		t.Errorf("namespace began at %d, its init at %d", ev.Exec.PIDNSStart, ev.Task.Start)
	}
}

func TestExecTerminal(t *testing.T) {
	l := all(t)
	if _, err := os.Stat("/dev/ptmx"); err != nil {
		t.Skipf("no terminals: %v", err)
	}
	if _, err := os.Stat("/dev/pts/ptmx"); err != nil {
		t.Skipf("no devpts: %v", err)
	}
	cmd := child(t, "session", "on-a-terminal")
	cmd.Stdout = nil
	var out []byte
	ev := l.expect(t, execOf("on-a-terminal"), func() {
		var err error
		if out, err = cmd.Output(); err != nil {
			t.Fatal(err)
		}
	})
	var dev uint32
	fmt.Sscan(string(out), &dev)
	if ev.Exec.TTY != dev || dev == 0 {
		t.Errorf("tty %d, want %d", ev.Exec.TTY, dev)
	}
	if ev.Exec.SID != ev.Task.TGID {
		t.Errorf("session %d of %d", ev.Exec.SID, ev.Task.TGID)
	}
}

// bootClock is the clock of a process's start.
func bootClock(t *testing.T) int64 {
	t.Helper()
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		t.Fatal(err)
	}
	return ts.Nano()
}

func TestForkAndExit(t *testing.T) {
	l := all(t)
	// Before the first process that it starts, Go forks once to see whether pidfds work.
	run(t, child(t, "nothing"))
	cmd := child(t, "nothing")
	// Records of an earlier child may still be in the ring.
	began := bootClock(t)
	var exit *event.Event
	fork := l.expect(t, mine(event.Fork, func(ev *event.Event) bool { return !ev.Fork.Thread && ev.Fork.Start >= began }), func() {
		exit = l.expect(t, func(ev *event.Event) bool {
			return ev.Kind == event.Exit && ev.Task.PPID == int32(os.Getpid()) && ev.Task.Start >= began && ev.Exit.GroupDead
		}, func() {
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); err != nil {
				t.Fatal(err)
			}
		})
	})
	f := fork.Fork
	if f.TGID != int32(cmd.Process.Pid) || f.TID != f.TGID || f.VPID != f.TGID || f.CgroupID != fork.Task.CgroupID {
		t.Errorf("fork %+v of %d", f, cmd.Process.Pid)
	}
	if exit.Task.Start != f.Start || exit.Task.TGID != f.TGID {
		t.Errorf("exit of %+v, forked at %d", exit.Task, f.Start)
	}
}

func TestThreads(t *testing.T) {
	l := all(t)
	var exit *event.Event
	thread := l.expect(t, mine(event.Fork, func(ev *event.Event) bool { return ev.Fork.Thread }), func() {
		exit = l.expect(t, mine(event.Exit, nil), func() {
			// A goroutine that ends without unlocking takes its thread with it; the runtime makes one for it first.
			for range 4 {
				done := make(chan bool)
				go func() {
					runtime.LockOSThread()
					done <- true
				}()
				<-done
			}
		})
	})
	if thread.Fork.TGID != int32(os.Getpid()) || thread.Fork.TID == thread.Fork.TGID {
		t.Errorf("thread %+v", thread.Fork)
	}
	if exit.Exit.GroupDead || exit.Task.TID == exit.Task.TGID {
		t.Errorf("exit %+v of %+v", exit.Exit, exit.Task)
	}
}

func TestNumberCalls(t *testing.T) {
	l := all(t)
	uid, gid := os.Getuid(), os.Getgid()
	minusOne := ^uintptr(0)
	for _, test := range []struct {
		kind event.Kind
		args []uintptr
		want event.Args
	}{
		{event.Ptrace, []uintptr{unix.PTRACE_ATTACH, 1 << 29}, event.Args{Request: unix.PTRACE_ATTACH, PID: 1 << 29}},
		{event.Setuid, []uintptr{uintptr(uid)}, event.Args{UID: [3]int32{int32(uid)}}},
		{event.Setresuid, []uintptr{minusOne, uintptr(uid), minusOne}, event.Args{UID: [3]int32{-1, int32(uid), -1}}},
		{event.Setreuid, []uintptr{minusOne, uintptr(uid)}, event.Args{UID: [3]int32{-1, int32(uid)}}},
		{event.Setgid, []uintptr{uintptr(gid)}, event.Args{GID: [3]int32{int32(gid)}}},
		{event.Setregid, []uintptr{uintptr(gid), minusOne}, event.Args{GID: [3]int32{int32(gid), -1}}},
		{event.Setresgid, []uintptr{minusOne, uintptr(gid), minusOne}, event.Args{GID: [3]int32{-1, int32(gid), -1}}},
		{event.Capset, []uintptr{addr(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3, Pid: 1}), 0}, event.Args{}},
		{event.Unshare, []uintptr{unix.CLONE_THREAD | unix.CLONE_NEWNS}, event.Args{Flags: unix.CLONE_THREAD | unix.CLONE_NEWNS}},
		{event.ProcessVMReadv, []uintptr{1 << 29, 0, 0, 0, 0, 1}, event.Args{PID: 1 << 29}},
		{event.ProcessVMWritev, []uintptr{1 << 29, 0, 0, 0, 0, 1}, event.Args{PID: 1 << 29}},
		{event.Kill, []uintptr{1 << 29, uintptr(unix.SIGTERM)}, event.Args{PID: 1 << 29, Request: int64(unix.SIGTERM)}},
		{event.Tkill, []uintptr{1 << 29, uintptr(unix.SIGTERM)}, event.Args{TID: 1 << 29, Request: int64(unix.SIGTERM)}},
		{event.Tgkill, []uintptr{1 << 28, 1 << 29, uintptr(unix.SIGTERM)}, event.Args{PID: 1 << 28, TID: 1 << 29, Request: int64(unix.SIGTERM)}},
		{event.IoUringSetup, []uintptr{3, addr(&ringParams{cqEntries: 7, flags: 1 << 31})}, event.Args{Flags: 1 << 31, Entries: [3]int32{3, 0, 7}}},
		{event.Bpf, []uintptr{unix.BPF_OBJ_GET, 0, 0}, event.Args{Cmd: unix.BPF_OBJ_GET}},
		{event.InitModule, []uintptr{0, 0, text("option=1")}, event.Args{Source: "option=1"}},
	} {
		t.Run(test.kind.String(), func(t *testing.T) {
			ev := l.expect(t, mine(test.kind, func(ev *event.Event) bool { return ev.Args == test.want }), func() { call(t, test.kind, test.args...) })
			if ev.FD.Valid {
				t.Errorf("descriptor %+v", ev.FD)
			}
		})
	}
}

func TestFinitModule(t *testing.T) {
	l := all(t)
	name := filepath.Join(resolved(t, t.TempDir()), "module.ko")
	if err := os.WriteFile(name, []byte("none"), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ev := l.expect(t, mine(event.FinitModule, nil), func() { call(t, event.FinitModule, at(int(f.Fd())), text("option=2"), 1) })
	if ev.Args.Source != "option=2" || ev.Args.Flags != 1 || ev.FD.Num != int32(f.Fd()) || ev.FD.Real != name {
		t.Errorf("args %+v, descriptor %+v", ev.Args, ev.FD)
	}
}

// The environment comes along only while a rule reads any of it: it holds secrets.
func TestEnvironmentOnDemand(t *testing.T) {
	l := all(t)
	exec := func() *event.Event {
		return l.expect(t, ownExec, func() {
			c := child(t, "nothing")
			c.Env = append([]string{"ON_DEMAND=yes"}, c.Env...) // of a long one, the end is cut
			run(t, c)
		})
	}
	has := func(ev *event.Event) bool { return bytes.Contains(ev.Exec.Env, []byte("ON_DEMAND=yes\x00")) }
	defer l.probe.SetFilter(everything())
	if err := l.probe.SetFilter(event.FilterOf(event.AllKinds())); err != nil {
		t.Fatal(err)
	}
	if ev := exec(); len(ev.Exec.Env) != 0 {
		t.Errorf("nobody asked for %q", ev.Exec.Env)
	}
	if err := l.probe.SetFilter(everything()); err != nil {
		t.Fatal(err)
	}
	if ev := exec(); !has(ev) {
		t.Errorf("the environment is %q", ev.Exec.Env)
	}
}
