package process_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tiercel.dev/internal/event"
	"tiercel.dev/sensor/probe"
	"tiercel.dev/sensor/process"
	"tiercel.dev/sensor/process/procfs"
)

// role tells this binary, started again, what to be.
const role = "PROCESS_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "":
		os.Exit(m.Run())
	case "storm":
		storm()
	case "thread":
		execFromThread()
	case "stay":
		fmt.Println("stays")
		_, _ = io.Copy(io.Discard, os.Stdin)
	}
}

func again(as string, args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), role+"="+as)
	cmd.Stderr = os.Stderr
	return cmd
}

// storm makes hundreds of processes that end at once, and some that stay, half of them with an image made by a thread
// that is not the leader.
func storm() {
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 75 {
				_ = again("leave", "leaf", strconv.Itoa(i)).Run()
			}
		})
	}
	for i := range 8 {
		as := "stay"
		if i%2 == 1 {
			as = "thread"
		}
		cmd := again(as, "argument "+strconv.Itoa(i), "", "line\nbreak", "\xff")
		cmd.Stdin = os.Stdin // stays until the test closes it
		out, err := cmd.StdoutPipe()
		if err != nil || cmd.Start() != nil {
			os.Exit(1)
		}
		line, _ := bufio.NewReader(out).ReadString('\n')
		fmt.Printf("%d %s", cmd.Process.Pid, line)
	}
	wg.Wait()
	fmt.Println("over")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// execFromThread replaces the image from a thread that is not the leader, whose number it gets.
func execFromThread() {
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		for syscall.Gettid() == os.Getpid() { // this goroutine has the leader: keep it, and try another thread
			next := make(chan error)
			go func() { runtime.LockOSThread(); next <- stay() }()
			done <- <-next
		}
		done <- stay()
	}()
	fmt.Fprintln(os.Stderr, <-done)
	os.Exit(1)
}

func stay() error {
	if err := os.Setenv(role, "stay"); err != nil {
		return err
	}
	return syscall.Exec("/proc/self/exe", append([]string{"from a thread"}, os.Args[1:]...), os.Environ())
}

// The table, fed by the kernel's records alone, must agree with what /proc says of the processes that a storm leaves.
func TestKernelAgrees(t *testing.T) {
	p := open(t)
	table := process.New(process.Config{ReadTimeout: time.Minute})
	if err := table.Scan(); err != nil {
		t.Fatal(err)
	}
	cmd := again("storm")
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
	defer func() { stdin.Close(); _ = cmd.Wait() }()
	r := read(t, p, table)
	pids := readStayed(stdout)
	if len(pids) != 8 {
		t.Fatalf("%d processes stayed: %v", len(pids), pids)
	}
	// A last process: once its end is read, so is all that came before.
	mark := again("leave")
	if err := mark.Run(); err != nil {
		t.Fatal(err)
	}
	r.waitExit(int32(mark.Process.Pid))
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, drop := range p.Drops() {
		// With a full ring the test would judge the machine's load. The other reasons lose no process record, and may be
		// of any process.
		switch drop.Reason {
		case probe.RingFull, probe.Recursion, probe.Uncounted:
			t.Fatalf("%d records were lost (%v): too little is left to judge by", drop.Count, drop.Reason)
		}
	}

	held := make(map[int32]*event.Process)
	for proc := range table.All() {
		held[proc.PID] = proc
		if len(proc.Args) > 0 && proc.Args[0] == "leaf" {
			t.Errorf("process %d has ended: %+v", proc.PID, proc)
		}
	}
	for _, pid := range append(pids, int32(cmd.Process.Pid)) {
		agree(t, held[pid], pid)
	}
	if s := table.Stats(); s.MissedExecs != 0 || s.MissedForks != 0 || s.Repaired != 0 {
		t.Errorf("nothing was lost: %+v", s)
	}
}

func readStayed(stdout io.Reader) (pids []int32) {
	lines := bufio.NewScanner(stdout)
	for lines.Scan() && lines.Text() != "over" {
		number, _, _ := strings.Cut(lines.Text(), " ")
		if pid, err := strconv.Atoi(number); err == nil {
			pids = append(pids, int32(pid))
		}
	}
	return pids
}

// agree compares what the table has from records with what /proc has.
func agree(t *testing.T, got *event.Process, pid int32) {
	t.Helper()
	fs := procfs.New(procfs.Config{})
	f, err := fs.Process(pid)
	if err != nil {
		t.Fatal(err)
	}
	img, err := fs.Image(pid, f.Start)
	if err != nil {
		t.Fatal(err)
	}
	if got == nil {
		t.Errorf("process %d is not in the table", pid)
		return
	}
	args := strings.Join(append([]string{got.Exe}, got.Args...), "\x00") + "\x00"
	for _, tt := range []struct{ what, got, want string }{
		{"ids", fmt.Sprint(got.PID, got.PPID, got.SID, got.PGID, got.VPID, got.VPGID), fmt.Sprint(pid, f.PPID, f.SID, f.PGID, f.VPID, f.VPGID)},
		{"parent", fmt.Sprint(got.Parent != nil && got.Parent.PID == f.PPID && !got.Parent.Exited), "true"},
		{"start", fmt.Sprint(got.Start - got.Start%f.Tick), fmt.Sprint(f.Start)},
		{"name", got.Name, f.Name},
		{"executable", got.ExePath, f.ExePath},
		{"arguments", args, string(img.Args)},
		{"directory", got.CWD, f.CWD + "/"},
		{"users", fmt.Sprint(got.UID, got.GID, got.LoginUID, got.SessionID), fmt.Sprint(f.UID, f.GID, f.LoginUID, f.SessionID)},
		{"capabilities", fmt.Sprint(got.Caps), fmt.Sprint(f.Caps)},
		{"terminal", fmt.Sprint(got.TTY), fmt.Sprint(f.TTY)},
		{"inode", fmt.Sprint(got.ExeIno, got.ExeMtime, got.ExeCtime), fmt.Sprint(img.Ino, img.Mtime, img.Ctime)},
		{"flags", fmt.Sprint(got.Exited, got.Repaired, got.Partial, got.Memfd), "false false false false"},
	} {
		if tt.got != tt.want {
			t.Errorf("process %d: %s: got %q, /proc says %q", pid, tt.what, tt.got, tt.want)
		}
	}
}

func open(t *testing.T) *probe.Probe {
	t.Helper()
	p, err := probe.Open(t.Context(), probe.Config{}, slog.New(slog.DiscardHandler))
	if errors.Is(err, probe.ErrUnsupported) && os.Getenv("TIERCEL_REQUIRE_BPF") != "1" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// reader applies records, as the sensor does, until the probe is closed.
type reader struct {
	t     *testing.T
	mu    sync.Mutex // of the table
	ended map[int32]bool
}

func read(t *testing.T, p *probe.Probe, table *process.Table) *reader {
	r := &reader{t: t, ended: make(map[int32]bool)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		var ev event.Event
		for {
			raw, err := p.Next()
			if err != nil {
				return
			}
			r.mu.Lock()
			if err := p.Decode(raw, &ev); err != nil {
				t.Error(err)
			}
			table.Apply(&ev)
			if ev.Kind == event.Exit && ev.Exit.GroupDead {
				r.ended[ev.Task.TGID] = true
			}
			r.mu.Unlock()
		}
	}()
	t.Cleanup(func() { _ = p.Close(); <-done })
	return r
}

func (r *reader) waitExit(pid int32) {
	r.t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		r.mu.Lock()
		ended := r.ended[pid]
		r.mu.Unlock()
		if ended {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("the end of process %d was not reported", pid)
		}
	}
}
