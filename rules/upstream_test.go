package rules

import (
	"os"
	"path/filepath"
	"testing"

	"tiercel.dev/internal/event"
	"tiercel.dev/internal/race"
)

// upstream reads Falco's own rule files, which this repository does not hold.
func upstream(t testing.TB) []Source {
	t.Helper()
	dir := os.Getenv("TIERCEL_FALCO_RULES")
	if dir == "" {
		t.Skip("TIERCEL_FALCO_RULES names no folder with the rule files of falcosecurity/rules, tags falco-rules-5.1.0, falco-incubating-rules-6.0.1, falco-sandbox-rules-6.1.0")
	}
	files, _, err := Read(filepath.Join(dir, "falco_rules.yaml"), filepath.Join(dir, "falco-incubating_rules.yaml"), filepath.Join(dir, "falco-sandbox_rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func loadUpstream(t testing.TB) *Set {
	t.Helper()
	set, err := Load(upstream(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestUpstreamFilesLoad(t *testing.T) {
	set := loadUpstream(t)
	enabled := 0
	for _, r := range set.Rules() {
		if r.Enabled {
			enabled++
		}
		if r.Kinds().Empty() {
			t.Errorf("%s can match no event", r.Name)
		}
		if r.Kinds() == event.AllKinds() {
			t.Errorf("%s is tried on every event", r.Name)
		}
	}
	if got := len(set.Rules()); got != 93 || enabled != 81 {
		t.Errorf("%d rules, %d of them enabled; there are 93 and 81", got, enabled)
	}
}

// busy are events that a busy machine has most of.
func busy(t testing.TB) map[string]*event.Event {
	env := "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOSTNAME=web-7d5c9b8f6-x2x9p HOME=/home/ann LANG=en_US.UTF-8 " +
		"KUBERNETES_SERVICE_HOST=10.96.0.1 KUBERNETES_SERVICE_PORT=443 GOPATH=/home/ann/go MAKEFLAGS=-j8 SHELL=/bin/bash TERM=xterm-256color " +
		"XDG_RUNTIME_DIR=/run/user/1000 LS_COLORS=rs=0:di=01;34:ln=01;36:mh=00:pi=40;33:so=01;35:do=01;35:bd=40;33;01:cd=40;33;01:or=40;31;01"
	of := func(values ...string) *event.Event {
		return testEvent(t, append(values, "proc.exe", "cc1", "proc.exepath", "/usr/libexec/gcc/cc1", "proc.cwd", "/home/ann/src/", "proc.pid", "4711",
			"proc.env", env, "user.uid", "1000", "user.name", "ann", "thread.cap_effective", "CAP_CHOWN CAP_KILL",
			"proc.aname[1]", "gcc", "proc.aname[2]", "make", "proc.aname[3]", "sh", "proc.aname[4]", "make", "proc.aname[5]", "bash", "proc.aname[6]", "gnome-terminal-",
			"proc.aexe[1]", "gcc", "proc.acmdline[1]", "gcc -O2 -c main.c", "proc.is_exe_upper_layer", "false")...)
	}
	args := "-quiet -imultiarch x86_64-linux-gnu main.c -dumpbase main.c -mtune=generic -march=x86-64 -O2 -o /tmp/ccJ3kq2R.s"
	return map[string]*event.Event{
		"open on the host":       of("evt.type", "openat", "fd.name", "/usr/lib/x86_64-linux-gnu/libc.so.6", "proc.name", "cc1"),
		"open in a container":    of("evt.type", "openat", "fd.name", "/app/static/index.html", "proc.name", "nginx", "container.image.repository", "docker.io/library/nginx", "k8s.ns.name", "web"),
		"write on the host":      of("evt.type", "openat", "fd.name", "/home/ann/src/main.o", "evt.arg.flags", "O_WRONLY|O_CREAT|O_TRUNC", "proc.name", "as"),
		"write in a container":   of("evt.type", "openat", "fd.name", "/app/cache/7f/index", "evt.arg.flags", "O_WRONLY|O_CREAT|O_TRUNC", "proc.name", "nginx", "container.image.repository", "docker.io/library/nginx"),
		"exec on the host":       of("evt.type", "execve", "proc.name", "cc1", "proc.args", args),
		"exec in a container":    of("evt.type", "execve", "proc.name", "cc1", "proc.args", args, "container.image.repository", "docker.io/library/gcc"),
		"connect on the host":    of("evt.type", "connect", "fd.sip", "93.184.216.34", "fd.sport", "443", "fd.cip", "10.0.0.2", "proc.name", "curl"),
		"connect in a container": of("evt.type", "connect", "fd.sip", "10.8.0.9", "fd.sport", "5432", "fd.cip", "10.4.0.2", "proc.name", "app", "container.image.repository", "docker.io/library/app"),
	}
}

func TestUpstreamCostsNoAllocation(t *testing.T) {
	race.Skip(t, "under it sync.Pool drops some of what it is given")
	set := loadUpstream(t)
	for name, ev := range busy(t) {
		fire := func(r *Rule) { t.Errorf("%s: rule %s matches", name, r.Name) }
		if n := testing.AllocsPerRun(100, func() { set.Match(ev, fire) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkUpstreamMatch(b *testing.B) {
	set := loadUpstream(b)
	for name, ev := range busy(b) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				set.Match(ev, func(*Rule) {})
			}
		})
	}
}

func BenchmarkUpstreamLoad(b *testing.B) {
	files := upstream(b)
	for b.Loop() {
		if _, err := Load(files, Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
