package field

import (
	"fmt"
	"testing"
	"time"

	"tiercel.dev/internal/event"
)

// value is the field's, or nil where it is missing.
func value(t *testing.T, name string, ev *event.Event) any {
	t.Helper()
	f, err := Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	v, ok := f.Value(ev)
	if !ok {
		return nil
	}
	return v
}

// lineage is sshd, which leads session 10; bash in it, which leads group 30; and python, started by hand with group 40.
func lineage() (sshd, bash, python *event.Process) {
	sshd = &event.Process{PID: 10, SID: 10, PGID: 10, VPID: 10, Name: "sshd", Exe: "/usr/sbin/sshd -D", ExePath: "/usr/sbin/sshd", StartTime: int64(time.Second)}
	bash = &event.Process{PID: 30, SID: 10, PGID: 30, VPID: 30, Name: "bash", Exe: "-bash", ExePath: "/bin/bash", ArgsText: "-l -i", StartTime: int64(3 * time.Second), Parent: sshd}
	python = &event.Process{PID: 40, SID: 10, PGID: 40, VPID: 4, Name: "python", Exe: "python", ExePath: "/bin/python", Args: []string{"-c", "", "x y"}, ArgsText: "-c  x y", Parent: bash}
	return sshd, bash, python
}

func TestLeaders(t *testing.T) {
	sshd, bash, python := lineage()
	child := &event.Process{PID: 41, SID: 10, PGID: 40, Name: "sh", Exe: "sh", ExePath: "/bin/sh", Parent: python}
	piped := &event.Process{PID: 50, SID: 10, PGID: 49, Name: "tee", Exe: "tee", ExePath: "/bin/tee", Parent: bash}
	orphan := &event.Process{PID: 60, SID: 9, PGID: 9, Name: "a", Exe: "a", ExePath: "/a", Parent: sshd}
	for _, c := range []struct {
		p                *event.Process
		session          string
		group            any
		leadsSID, leadsG bool
	}{
		{sshd, "/usr/sbin/sshd", "sshd", true, true},
		{bash, "/usr/sbin/sshd", "bash", false, true},
		{python, "/usr/sbin/sshd", "python", false, true},
		{child, "/usr/sbin/sshd", "python", false, false},
		{piped, "/usr/sbin/sshd", nil, false, false}, // led by a sibling
		{orphan, "/a", nil, false, false},            // the leader is gone: the eldest that is left in the session
	} {
		ev := &event.Event{Kind: event.Exec, Process: c.p}
		for name, want := range map[string]any{"proc.sid.exepath": c.session, "proc.pgid.name": c.group, "proc.is_sid_leader": c.leadsSID, "proc.is_pgid_leader": c.leadsG} {
			if got := value(t, name, ev); got != want {
				t.Errorf("%s of %s: %v, not %v", name, c.p.Name, got, want)
			}
		}
	}
}

func TestArgumentsAndParents(t *testing.T) {
	_, _, python := lineage()
	ev := &event.Event{Kind: event.Exec, Time: int64(5 * time.Second), Process: python, Task: event.Task{TGID: 40, TID: 43}}
	for name, want := range map[string]any{
		"proc.args[0]": "-c", "proc.args[1]": "", "proc.args[2]": "x y", "proc.args[3]": nil, "proc.cmdnargs": int64(3), "proc.cmdlenargs": int64(5),
		"proc.aargs[1]": "-l -i", "proc.aargs[2]": "", "proc.aargs[3]": nil, "proc.aargs": []string{"-l -i", ""}, "proc.pvpid": int64(30),
		"proc.ppid.ts": int64(3 * time.Second), "proc.ppid.duration": 2 * time.Second, "thread.ismain": false, "thread.vtid": nil, "thread.nametid": "python43",
	} {
		if got := value(t, name, ev); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, not %v", name, got, want)
		}
	}
	ev.Task.TID = 40
	if got := value(t, "thread.vtid", ev); got != int64(4) {
		t.Errorf("thread.vtid of the main thread: %v", got)
	}
}

func TestTimes(t *testing.T) {
	zone := time.Local
	time.Local = time.FixedZone("east", 2*60*60)
	t.Cleanup(func() { time.Local = zone })
	ev := &event.Event{Time: time.Date(2026, 3, 4, 23, 6, 7, 8009, time.UTC).UnixNano()}
	for name, want := range map[string]any{
		"evt.time.s": "01:06:07", "evt.time.iso8601": "2026-03-04T23:06:07.000008009+0000", "evt.datetime": "2026-03-05 01:06:07.000008009",
		"evt.datetime.s": "2026-03-05 01:06:07", "evt.rawtime.s": int64(1772665567), "evt.rawtime.ns": int64(8009),
	} {
		if got := value(t, name, ev); got != want {
			t.Errorf("%s: %v, not %v", name, got, want)
		}
	}
}

func TestFilesOfContainers(t *testing.T) {
	ev := &event.Event{Kind: event.Openat, FD: event.FD{Valid: true, Type: event.FDFile, Path: event.Path{Name: "/etc/passwd"}, Dev: 8<<20 | 17, Ino: 2}, Container: event.Host}
	for name, want := range map[string]any{"fd.containername": ":/etc/passwd", "fd.containerdirectory": ":/etc", "fd.dev.major": int64(8), "fd.dev.minor": int64(17), "fd.is_server": false} {
		if got := value(t, name, ev); got != want {
			t.Errorf("%s: %v, not %v", name, got, want)
		}
	}
	ev.Container = &event.Container{ID: "3f1b2c4d5e6f", Metadata: event.MetadataComplete, Pod: &event.Pod{SandboxID: "0123456789abcdef"}}
	for name, want := range map[string]any{"fd.containername": "3f1b2c4d5e6f:/etc/passwd", "k8s.pod.sandbox_id": "0123456789ab", "k8s.pod.full_sandbox_id": "0123456789abcdef"} {
		if got := value(t, name, ev); got != want {
			t.Errorf("%s: %v, not %v", name, got, want)
		}
	}
}
