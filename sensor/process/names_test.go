package process

import (
	"fmt"
	"math"
	"testing"
	"time"

	"tiercel.dev/internal/event"
	"tiercel.dev/sensor/process/procfs"
)

func (w *world) user(uid uint32, cgroup uint64) *event.Process {
	w.t.Helper()
	p, ev := w.fork(w.tasks[1])
	w.apply(ev)
	p.uid, p.gid, p.cgroup = uid, uid, cgroup
	return w.apply(w.exec(p, "id"))
}

func TestNames(t *testing.T) {
	w := newWorld(t, Config{})
	w.names["5/etc/passwd/1000"], w.names["6/etc/passwd/1000"] = "alice", "bob"
	w.names["5/etc/group/1000"] = "staff"
	if got := w.user(0, 5); got.UserName != "root" || got.GroupName != "root" || got.LoginName != noName || w.asked != 0 {
		t.Errorf("root: got %q, %q, %q, asked %d times", got.UserName, got.GroupName, got.LoginName, w.asked)
	}
	if got := w.user(1000, 5); got.UserName != "alice" || got.GroupName != "staff" {
		t.Errorf("got %q, %q", got.UserName, got.GroupName)
	}
	if got := w.user(1000, 6); got.UserName != "bob" || got.GroupName != noName {
		t.Errorf("another container: got %q, %q", got.UserName, got.GroupName)
	}
	asked := w.asked
	w.user(1000, 5)
	w.user(1000, 6)
	if w.asked != asked {
		t.Errorf("asked again %d times", w.asked-asked)
	}
	w.names["5/etc/passwd/1000"] = "carol"
	w.now += namesFor
	if got := w.user(1000, 5); got.UserName != "carol" {
		t.Errorf("a changed file: got %q", got.UserName)
	}
}

func TestLoginName(t *testing.T) {
	w := newWorld(t, Config{})
	w.names["1/etc/passwd/1000"] = "alice"
	ev := w.exec(w.tasks[1], "sh")
	ev.Exec.LoginUID = 1000
	if got := w.apply(ev); got.LoginName != "alice" || got.LoginUID != 1000 {
		t.Errorf("got %q", got.LoginName)
	}
}

// A process that was gone before its container's files were read leaves no answer that its siblings would inherit.
func TestNameOfAProcessThatIsGone(t *testing.T) {
	w := newWorld(t, Config{})
	w.names["5/etc/passwd/1000"] = "alice"
	p, ev := w.fork(w.tasks[1])
	w.apply(ev)
	p.uid, p.cgroup = 1000, 5
	exec := w.exec(p, "id")
	w.exit(p)
	if got := w.apply(exec); got.UserName != noName {
		t.Errorf("got %q", got.UserName)
	}
	w.now += noNamesFor
	if got := w.user(1000, 5); got.UserName != "alice" {
		t.Errorf("got %q", got.UserName)
	}
}

// Nor does it take away the names that its siblings had.
func TestKnownNamesOutliveAProcess(t *testing.T) {
	w := newWorld(t, Config{})
	w.names["5/etc/passwd/1000"], w.names["1/etc/passwd/1000"] = "alice", "bob"
	w.user(1000, 5)
	w.now += namesFor
	p, ev := w.fork(w.tasks[1])
	w.apply(ev)
	p.uid, p.cgroup = 1000, 5
	exec := w.exec(p, "id")
	w.exit(p)
	if got := w.apply(exec); got.UserName != "alice" {
		t.Errorf("got %q", got.UserName)
	}
	w.names["5/etc/passwd/1000"] = "carol"
	w.now += noNamesFor
	if got := w.user(1000, 5); got.UserName != "carol" {
		t.Errorf("a file that can be read again: got %q", got.UserName)
	}
}

// A container that goes through all numbers has its file read once a second, and the host's too.
func TestManyNumbersCostOneRead(t *testing.T) {
	w := newWorld(t, Config{})
	w.names["5/etc/passwd/7"] = "alice"
	p := w.user(7, 5)
	w.now++ // the clock of the next records
	asked := w.asked
	for uid := range uint32(1000) {
		w.table.names.user(p.PID, place{cgroup: 5}, uid+10, w.table.now)
	}
	if n := w.asked - asked; n != 1 { // the host's
		t.Errorf("read %d files", n)
	}
	// Two that nobody names, as in many containers, are asked for once each.
	now := w.table.now
	for range 100 {
		now += noNamesFor
		w.table.names.user(p.PID, place{mountNS: 3}, 2001, now)
		w.table.names.user(p.PID, place{mountNS: 3}, 2002, now)
	}
	if n := w.asked - asked; n > 4*4 { // two numbers, two files, and again every 30 s
		t.Errorf("read %d files", n)
	}
	// Somebody was added.
	w.names["5/etc/passwd/2000"] = "new"
	if got := w.table.names.user(p.PID, place{cgroup: 5}, 2000, w.table.now+noNamesFor); got != "new" {
		t.Errorf("got %q", got)
	}
}

// Many containers with new numbers at once do not keep the reader.
func TestFilesReadInASecond(t *testing.T) {
	w := newWorld(t, Config{})
	w.names["1/etc/passwd/1000"] = "alice"
	asked, now := w.asked, w.now+2*hour
	for cgroup := range uint64(3 * namesPerSecond) {
		w.table.names.user(1, place{cgroup: 100 + cgroup}, 1000, now)
	}
	if n := w.asked - asked; n != namesPerSecond {
		t.Errorf("read %d files", n)
	}
	if n := w.table.Stats().Unnamed; n != 2*namesPerSecond {
		t.Errorf("%d shown without a name", n)
	}
	if got := w.table.names.user(1, place{cgroup: 9999}, 1000, now+int64(time.Second)); got != "alice" {
		t.Errorf("a second later: got %q", got)
	}
}

func TestNamesAreBounded(t *testing.T) {
	w := newWorld(t, Config{})
	n := newNames(w.kernel, w.table.guard, math.MaxInt, &w.table.count.unnamed)
	for cgroup := range uint64(2 * filesMax) {
		n.keep(fileKey{place: place{cgroup: cgroup + 1}}, &file{})
	}
	if len(n.known) > filesMax {
		t.Errorf("holds %d files", len(n.known))
	}
	many := make(procfs.Names)
	for id := range uint32(namesMax / 3) {
		many[id] = "x"
	}
	for cgroup := range uint64(10) {
		n.keep(fileKey{place: place{cgroup: cgroup}, in: procfs.Groups}, &file{names: many})
		held := 0
		for _, f := range n.known {
			held += len(f.names)
		}
		if held > namesMax || held != n.held {
			t.Errorf("holds %d names, counted %d", held, n.held)
		}
	}
	known := len(n.known)
	if got := n.user(1, place{}, 1000, w.now); got != noName || len(n.known) != known {
		t.Errorf("an answer for no place was kept: %q", got)
	}
}

func TestConfig(t *testing.T) {
	for _, tt := range []struct {
		cfg  Config
		want string
	}{
		{Config{}, "<nil>"},
		{Config{MaxProcesses: 3}, "MaxProcesses: 3 is less than 64"},
		{Config{MaxTextBytes: 1}, "MaxTextBytes: 1 is less than 64 KiB"},
		{Config{MaxExited: -1}, "MaxExited: -1 is negative"},
		{Config{ExitedFor: -1}, "ExitedFor: -1ns is negative"},
		{Config{ReadTimeout: -1}, "ReadTimeout: -1ns is negative"},
		{Config{ProcRoot: "proc"}, `ProcRoot: "proc" is not absolute`},
	} {
		if got := fmt.Sprint(tt.cfg.Validate()); got != tt.want {
			t.Errorf("%+v: got %s, want %s", tt.cfg, got, tt.want)
		}
	}
}
