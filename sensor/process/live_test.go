package process

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/event"
	"tiercel.dev/sensor/process/procfs"
)

// live makes a table of this machine's processes.
func live(t *testing.T) *Table {
	t.Helper()
	// As in a container's own namespace, Check fails here where the sensor could not work; these tests can.
	table := New(Config{Environment: true, ReadTimeout: time.Minute})
	if err := table.Scan(); err != nil {
		t.Fatal(err)
	}
	return table
}

func find(t *testing.T, table *Table, pid int) *event.Process {
	t.Helper()
	for p := range table.All() {
		if p.PID == int32(pid) {
			return p
		}
	}
	t.Fatalf("process %d is not in the table", pid)
	return nil
}

func TestLiveScanFindsThisProcess(t *testing.T) {
	t.Setenv("TABLE_TEST", "set before the exec only")
	p := find(t, live(t), os.Getpid())
	exe, _ := os.Executable()
	exe, _ = filepath.EvalSymlinks(exe)
	cwd, _ := os.Getwd() // by $PWD, which may go through links
	cwd, _ = filepath.EvalSymlinks(cwd)
	comm, _ := os.ReadFile("/proc/self/comm")
	sid, err := unix.Getsid(0)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ what, got, want string }{
		{"name", p.Name, string(bytes.TrimSpace(comm))},
		{"exe", p.Exe, os.Args[0]},
		{"exe path", p.ExePath, exe},
		{"args", fmt.Sprint(p.Args), fmt.Sprint(os.Args[1:])},
		{"command line", p.CmdLine, strings.TrimSuffix(p.Name+" "+p.ArgsText, " ")}, // without arguments, without the blank
		{"cwd", p.CWD, cwd + "/"},
		{"ppid", fmt.Sprint(p.PPID), fmt.Sprint(os.Getppid())},
		{"parent", fmt.Sprint(p.Parent.PID), fmt.Sprint(os.Getppid())},
		{"uid", fmt.Sprint(p.UID), fmt.Sprint(os.Geteuid())},
		{"gid", fmt.Sprint(p.GID), fmt.Sprint(os.Getegid())},
		// A process that no session leader started is in session 0, so the number itself tells nothing.
		{"session", fmt.Sprint(p.SID), fmt.Sprint(sid)},
		{"flags", fmt.Sprint(p.Exited, p.Repaired, p.Partial, p.Memfd), "false false false false"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.what, tt.got, tt.want)
		}
	}
	if me, err := user.LookupId(strconv.Itoa(os.Geteuid())); err == nil && p.UserName != me.Username {
		t.Errorf("user: got %q, want %q", p.UserName, me.Username)
	}
	started := time.Unix(0, p.StartTime)
	if ago := time.Since(started); ago < 0 || ago > time.Hour {
		t.Errorf("started %v ago", ago)
	}
	if len(p.Env) == 0 || p.ExeIno == 0 || p.ExeMtime == 0 || p.VPID == 0 {
		t.Errorf("got %+v", p)
	}
	for _, entry := range p.Env {
		if entry == "TABLE_TEST=set before the exec only" {
			t.Error("the environment is that of the exec")
		}
	}
}

func TestLiveScanFindsAHostileName(t *testing.T) {
	const want = "a) R 1 1\n(b"
	program := filepath.Join(t.TempDir(), want)
	if err := os.Symlink("/bin/sh", program); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-c", "read line; exit", "arg\nwith newline", "\x1b[2J\xff")
	in, err := cmd.StdinPipe() // the shell reads from it until the test ends
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Skipf("sh: %v", err)
	}
	defer func() { in.Close(); cmd.Wait() }()
	p := find(t, live(t), cmd.Process.Pid)
	if p.Name != want || len(p.Args) != 4 || p.Args[2] != "arg\nwith newline" || p.Args[3] != "\x1b[2J\xff" {
		t.Errorf("got %q, %q", p.Name, p.Args)
	}
	if p.Parent == nil || p.Parent.PID != int32(os.Getpid()) {
		t.Errorf("parent: got %+v", p.Parent)
	}
}

// The start time that /proc tells must be the one that records have, rounded.
func TestLiveStartTimes(t *testing.T) {
	fs := procfs.New(procfs.Config{})
	before, _ := fs.Clock()
	cmd := exec.Command("/bin/sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Skipf("sleep: %v", err)
	}
	after, _ := fs.Clock()
	defer func() { cmd.Process.Kill(); cmd.Wait() }()
	f, err := fs.Process(int32(cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	if f.Start < before-before%f.Tick || f.Start > after {
		t.Errorf("started at %d, not between %d and %d", f.Start, before, after)
	}
}

// Run with -race: a scan and records at the same time.
func TestScanBesideRecords(t *testing.T) {
	table := New(Config{ReadTimeout: time.Minute})
	fs := procfs.New(procfs.Config{})
	me, err := fs.Process(int32(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(done)
		for range 3 {
			if err := table.Scan(); err != nil {
				t.Error(err)
			}
			table.Stats()
		}
	})
	ev := &event.Event{Kind: event.Openat, Task: event.Task{
		TGID: me.PID, Start: me.Start + 1, PPID: me.PPID, Comm: me.Name, ExecID: 3, UID: me.UID, GID: me.GID,
	}}
	for running := true; running; {
		ev.Boot, ev.Time = fs.Clock()
		table.Apply(ev)
		if ev.Process.PID != me.PID || ev.Process.ExePath == "" {
			t.Fatalf("got %+v", ev.Process)
		}
		select {
		case <-done:
			running = false
		default:
		}
	}
	wg.Wait()
	table.Apply(ev)
	table.consistent(t)
	if s := table.Stats(); s.Live == 0 {
		t.Errorf("got %+v", s)
	}
}

func TestCheck(t *testing.T) {
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "1/ns"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("pid:[4026532000]", filepath.Join(root, "1/ns/pid")); err != nil {
		t.Fatal(err)
	}
	if err := New(Config{ProcRoot: root}).Check(); err == nil {
		t.Error("another pid namespace is taken for the host's")
	}
	if err := New(Config{Source: newKernel()}).Check(); err != nil {
		t.Errorf("a source without a check: %v", err)
	}
}
