package redact

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tiercel.dev/internal/event"
)

var addrs = cmpopts.EquateComparable(netip.AddrPort{})

// mysqlEvent is a process with secrets everywhere, under a parent with one.
func mysqlEvent() *event.Event {
	parent := &event.Process{PID: 1, Name: "sh", Exe: "sh", Args: []string{"-c", "mysql -ppw"}, ArgsText: "-c mysql -ppw", CmdLine: "sh -c mysql -ppw"}
	p := &event.Process{PID: 2, Name: "mysql", Exe: "mysql", ExePath: "/usr/bin/mysql", Args: []string{"-ppw", "db"},
		ArgsText: "-ppw db", CmdLine: "mysql -ppw db", Env: []string{"MYSQL_PWD=x", "HOME=/root"}, CWD: "/", Parent: parent}
	return &event.Event{Kind: event.Exec, Process: p, Container: event.Host,
		Exec: event.ExecFacts{Args: []byte("mysql\x00-ppw\x00db\x00"), Env: []byte("MYSQL_PWD=x\x00HOME=/root\x00"), Filename: "/usr/bin/mysql"}}
}

func TestEvent(t *testing.T) {
	ev := mysqlEvent()
	got := New(Config{}).Event(ev)
	want := mysqlEvent()
	want.Exec.Args, want.Exec.Env = []byte("mysql\x00-p[redacted]\x00db\x00"), nil
	p := want.Process
	p.Args, p.ArgsText, p.CmdLine, p.Env, p.Redacted = []string{"-p[redacted]", "db"}, "-p[redacted] db", "mysql -p[redacted] db", nil, 1
	p = p.Parent
	p.Args, p.ArgsText, p.CmdLine, p.Redacted = []string{"-c", "mysql -p[redacted]"}, "-c mysql -p[redacted]", "sh -c mysql -p[redacted]", 1
	if d := cmp.Diff(want, got, addrs); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(mysqlEvent(), ev, addrs); d != "" {
		t.Errorf("the event itself was changed: %s", d)
	}
}

func TestEventTwice(t *testing.T) {
	r := New(Config{Environment: true})
	once := r.Event(mysqlEvent())
	if d := cmp.Diff(once, r.Event(once), addrs); d != "" {
		t.Error(d)
	}
}

func TestEventSwitches(t *testing.T) {
	kept := New(Config{Arguments: Keep}).Event(mysqlEvent())
	if got := kept.Process.CmdLine + string(kept.Exec.Args); got != "mysql -ppw db"+"mysql\x00-ppw\x00db\x00" || kept.Process.Redacted != 0 {
		t.Errorf("kept %q, counted %d", got, kept.Process.Redacted)
	}
	if kept.Process.Env != nil || kept.Exec.Env != nil {
		t.Error("the environment was kept, though nobody asked")
	}
	dropped := New(Config{Arguments: Drop}).Event(mysqlEvent())
	for p := dropped.Process; p != nil; p = p.Parent {
		if p.Args != nil || p.Exe != "" || p.ArgsText != "" || p.CmdLine != p.Name {
			t.Errorf("arguments were not dropped: %+v", p)
		}
	}
	if dropped.Exec.Args != nil {
		t.Error("the arguments in the exec itself were not dropped")
	}
	env := New(Config{Environment: true}).Event(mysqlEvent())
	if d := cmp.Diff([]string{"MYSQL_PWD=[redacted]", "HOME=/root"}, env.Process.Env); d != "" {
		t.Error(d)
	}
	if got := string(env.Exec.Env); got != "MYSQL_PWD=[redacted]\x00HOME=/root\x00" {
		t.Errorf("exec's environment %q", got)
	}
	if env.Process.Redacted != 2 {
		t.Errorf("counted %d, want 2", env.Process.Redacted)
	}
}

func TestEventOwnTexts(t *testing.T) {
	ev := &event.Event{Kind: event.Mount}
	ev.Args.Source = "//h/s,password=x"
	ev.Args.Path = event.Path{Raw: akia, Name: "/" + akia}
	ev.FD.Path.Name = "/" + ghp
	got := New(Config{}).Event(ev)
	if got.Args.Source != "//h/s,password=[redacted]" || got.Args.Path.Raw != Mark || got.Args.Path.Name != "/"+Mark || got.FD.Path.Name != "/"+Mark {
		t.Errorf("got %+v", got.Args)
	}
	if got.Redacted != 4 {
		t.Errorf("counted %d, want 4", got.Redacted)
	}
}

// Arguments whose last was cut by the kernel's limit, and a process whose texts were not made from its arguments.
// A mount's options come as pairs, its password among them.
func TestEventMountOption(t *testing.T) {
	for key, want := range map[string]string{"password": "[redacted]", "source": "//server/share"} {
		ev := &event.Event{Kind: event.Fsconfig, Process: new(event.Process), Container: event.Host}
		ev.Args.Key, ev.Args.Source = key, "//server/share"
		got := New(Config{}).Event(ev)
		if got.Args.Key != key || got.Args.Source != want || (got.Redacted > 0) != (key == "password") {
			t.Errorf("%s=%s, %d redacted", got.Args.Key, got.Args.Source, got.Redacted)
		}
	}
}

func TestEventOddForms(t *testing.T) {
	ev := &event.Event{Kind: event.Exec, Process: &event.Process{Name: "a", ArgsText: "--token x", CmdLine: "a --token x"}}
	ev.Exec.Args = []byte("mysql\x00-psec")
	got := New(Config{}).Event(ev)
	if string(got.Exec.Args) != "mysql\x00-p[redacted]" {
		t.Errorf("arguments %q", got.Exec.Args)
	}
	if got.Process.ArgsText != "--token [redacted]" || got.Process.CmdLine != "a --token [redacted]" || got.Process.Redacted != 1 {
		t.Errorf("got %+v", got.Process)
	}
	same := &event.Process{Name: "-ppw", Exe: "mysql", Args: []string{"-ppw"}, ArgsText: "-ppw", CmdLine: "-ppw -ppw"}
	if got := New(Config{}).Process(same); got.CmdLine != "-ppw -p[redacted]" {
		t.Errorf("command line %q", got.CmdLine)
	}
}

func TestConfig(t *testing.T) {
	for _, a := range []Arguments{Redact, Keep, Drop} {
		if got, err := ParseArguments(a.String()); err != nil || got != a {
			t.Errorf("%v read back as %v, %v", a, got, err)
		}
	}
	if _, err := ParseArguments("some"); err == nil || !strings.Contains(err.Error(), `"some"`) {
		t.Errorf("got %v", err)
	}
	if err := (Config{Arguments: 9}).Validate(); err == nil || !strings.Contains(err.Error(), "Arguments") {
		t.Errorf("got %v", err)
	}
}
