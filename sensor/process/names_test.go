package process

import (
	"fmt"
	"testing"

	"tiercel.dev/internal/event"
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
	w.now += nameFor
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
	w.now += noNameFor
	if got := w.user(1000, 5); got.UserName != "alice" {
		t.Errorf("got %q", got.UserName)
	}
}

func TestNamesAreBounded(t *testing.T) {
	w := newWorld(t, Config{})
	for uid := range uint32(3 * namesMax) {
		w.table.names.user(1, place{cgroup: 5}, uid+1, w.now)
	}
	if n := len(w.table.names.known); n > namesMax {
		t.Errorf("holds %d", n)
	}
	if got := w.table.names.user(1, place{}, 1000, w.now); got != noName || w.table.names.known[nameKey{id: 1000}] != (name{}) {
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
