package output

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"tiercel.dev/alert"
)

func content(path string) string {
	b, _ := os.ReadFile(path)
	return string(b)
}

// gone reports whether no process of the group is left, nor a zombie of the shell that we started. Those of the shell's
// children are for init to reap.
func gone(pgid int32) bool {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, path := range stats {
		// pid (name) state ppid pgrp
		_, rest, _ := strings.Cut(content(path), ") ")
		var state string
		var ppid, group int32
		if _, err := fmt.Sscan(rest, &state, &ppid, &group); err == nil && group == pgid &&
			(state != "Z" || int(ppid) == os.Getpid()) {
			return false
		}
	}
	return true
}

func TestProgramKeepsRunning(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	o := NewProgram("echo started >> "+out+"; cat >> "+out, Text, false)
	for i := range 3 {
		write(t, o, fmt.Sprint(i))
	}
	pgid := o.(*program).pgid.Load()
	if group, err := syscall.Getpgid(int(pgid)); err != nil || group == syscall.Getpgrp() {
		t.Errorf("process group %d, ours is %d, %v", group, syscall.Getpgrp(), err)
	}
	if err := o.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := content(out), "started\n"+line("0")+line("1")+line("2"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !gone(pgid) {
		t.Error("a process is left")
	}
}

func TestProgramForEach(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	o := NewProgram("cat >> "+out+"; echo end >> "+out, JSON, true)
	write(t, o, "0")
	write(t, o, "1")
	if got := content(out); strings.Count(got, "end\n") != 2 || strings.Count(got, `"schema":`) != 2 {
		t.Errorf("got %q", got)
	}
	o = NewProgram("exit 3", Text, true)
	if err := o.Write(t.Context(), testAlert(alert.High, "x")); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("error: %v", err)
	}
}

// A program that ends is started again; one that ends at once is an error, which has the Fanout wait.
func TestProgramEnds(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	f := newFanout(t, fastConfig())
	f.Add("program", NewProgram("head -n 1 >> "+out, Text, false), false)
	for i := range 3 {
		f.Publish(testAlert(alert.High, fmt.Sprint(i)))
		eventually(t, "line", func() bool { return strings.Contains(content(out), line(fmt.Sprint(i))) })
		eventually(t, "settled", func() bool { return f.Stats()[0].Sent == uint64(i+1) })
		o := f.workers[0].out.(*program)
		eventually(t, "end", func() bool { return o.run.ended() })
	}
	if s := f.Stats()[0]; s.Errors["failed"] < 2 || !strings.Contains(s.LastError, "program: ended after") {
		t.Errorf("stats: %+v", s)
	}
}

// A program that reads nothing and ignores SIGTERM, and a child of it in the background, are killed at Close, and the
// alerts it did not take are counted.
func TestProgramHangs(t *testing.T) {
	cfg := fastConfig()
	cfg.QueueAlerts = 10
	f := newFanout(t, cfg)
	ready := filepath.Join(t.TempDir(), "ready")
	f.Add("program", NewProgram("trap '' TERM; sleep 1000 & echo > "+ready+"; while :; do sleep 1000; done", Text, false), false)
	long := strings.Repeat("x", 10000)
	for range 100 { // the pipe holds 64 KiB
		f.Publish(testAlert(alert.High, long))
	}
	eventually(t, "trap set", func() bool { return content(ready) != "" })
	o := f.workers[0].out.(*program)
	eventually(t, "start noted", func() bool { return o.pgid.Load() != 0 }) // the shell may be faster
	pgid := o.pgid.Load()
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := f.Close(ctx); err == nil || !strings.Contains(err.Error(), "alerts not written") {
		t.Errorf("Close: %v", err)
	}
	t.Logf("closed after %v", time.Since(began))
	eventually(t, "process group gone", func() bool { return gone(pgid) })
	if s := f.Stats()[0]; s.Sent+s.Lost() != 100 {
		t.Errorf("stats: %+v", s)
	}
}

// What a program leaves behind in the background ends with it.
func TestProgramLeavesChild(t *testing.T) {
	o := NewProgram("sleep 1000 & cat >/dev/null", Text, true)
	write(t, o, "x")
	pgid := o.(*program).pgid.Load()
	eventually(t, "process group gone", func() bool { return gone(pgid) })
}

func TestProgramMissing(t *testing.T) {
	f := newFanout(t, fastConfig())
	f.Add("program", NewProgram("/does/not/exist", Text, true), false)
	f.Publish(testAlert(alert.High, "x"))
	eventually(t, "failing", func() bool { return f.Stats()[0].State == StateFailing })
}
