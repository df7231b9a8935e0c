package process

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tiercel.dev/internal/event"
)

// Every fact of an exec's record, and what a fork makes of them.
func TestExecFacts(t *testing.T) {
	w := newWorld(t, Config{Environment: true})
	w.names["9/etc/passwd/1000"], w.names["9/etc/group/50"], w.names["9/etc/passwd/1001"] = "alice", "staff", "bob"
	p, ev := w.fork(w.tasks[1])
	w.apply(ev)
	p.uid, p.gid, p.cgroup, p.caps = 1000, 50, 9, event.Caps{Effective: 1, Permitted: 3, Inheritable: 4}
	ev = w.exec(p, "python3", "-c", "x")
	ev.Exec = event.ExecFacts{
		Args: []byte("/usr/bin/python3\x00-c\x00x\x00"), Env: []byte("A=1\x00B=\x00"), ArgsTruncated: true,
		ExePath: "/usr/bin/python3.11", CWD: "/srv", TTY: 34816, SID: 1, PGID: p.pid, VPID: 7, VPGID: 6, LoginUID: 1001,
		SessionID: 4, UpperLayer: event.TriTrue, Writable: true, Ino: 12, Ctime: 13, Mtime: 14, PIDNSStart: 5e9,
	}
	want := event.Process{
		PID: p.pid, PPID: 1, Start: p.start, StartTime: p.start + epoch, ExecID: 2, Name: "python3", Exe: "/usr/bin/python3",
		ExePath: "/usr/bin/python3.11", Args: []string{"-c", "x"}, ArgsText: "-c x", CmdLine: "python3 -c x",
		Env: []string{"A=1", "B="}, ArgsTruncated: true, CWD: "/srv/", TTY: 34816, SID: 1, PGID: p.pid, VPID: 7, VPGID: 6,
		SessionName: "init", UID: 1000, GID: 50, UserName: "alice", GroupName: "staff", LoginUID: 1001, LoginName: "bob",
		SessionID: 4, Caps: p.caps, UpperLayer: event.TriTrue, Writable: true, ExeIno: 12, ExeCtime: 13, ExeMtime: 14,
		PIDNSStart: 5e9 + epoch, CgroupID: 9,
	}
	sameFacts(t, want, w.apply(ev))

	w.table.find(p.pid, p.start).proc.ContainerID = "c0ffee" // as sensor/container does
	want.ContainerID = "c0ffee"
	child, ev := w.fork(p)
	ev.Fork.VPID, ev.Fork.CgroupID = 8, 10
	want.PID, want.PPID, want.Start, want.StartTime = child.pid, p.pid, child.start, child.start+epoch
	want.VPID, want.CgroupID = 8, 10
	sameFacts(t, want, w.apply(ev))

	first, ev := w.fork(p)
	ev.Fork.VPID = 1
	want.PID, want.Start, want.StartTime = first.pid, first.start, first.start+epoch
	want.VPID, want.VPGID, want.CgroupID, want.PIDNSStart = 1, 0, 9, first.start+epoch
	sameFacts(t, want, w.apply(ev))
}

func sameFacts(t *testing.T, want event.Process, got *event.Process) {
	t.Helper()
	if diff := cmp.Diff(want, *got, cmpopts.IgnoreFields(event.Process{}, "Parent")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
