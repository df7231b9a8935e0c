package library

import (
	"testing"

	"tiercel.dev/internal/event"
	"tiercel.dev/internal/race"
	"tiercel.dev/rules"
	"tiercel.dev/rules/field"
)

// ordinary are events that a busy machine has most of; no rule matches them.
var ordinary = []struct {
	name   string
	values []field.Value
}{
	{"open on the host", []field.Value{{Name: "evt.type", Text: "openat"}, {Name: "fd.name", Text: "/usr/lib/x86_64-linux-gnu/libc.so.6"},
		{Name: "fd.path", Text: "/usr/lib/x86_64-linux-gnu/libc.so.6"}, {Name: "proc.name", Text: "cc1"}, {Name: "proc.exepath", Text: "/usr/bin/cc1"}}},
	{"open in a container", []field.Value{{Name: "evt.type", Text: "openat"}, {Name: "fd.name", Text: "/app/static/index.html"},
		{Name: "fd.path", Text: "/app/static/index.html"}, {Name: "proc.name", Text: "nginx"}, {Name: "proc.exepath", Text: "/usr/sbin/nginx"},
		{Name: "container.id", Text: "3f1b2c4d5e6f"}}},
	{"write on the host", []field.Value{{Name: "evt.type", Text: "openat"}, {Name: "evt.arg.flags", Text: "O_WRONLY|O_CREAT|O_TRUNC"},
		{Name: "fd.name", Text: "/home/ann/src/main.o"}, {Name: "fd.path", Text: "/home/ann/src/main.o"}, {Name: "proc.name", Text: "as"},
		{Name: "proc.exepath", Text: "/usr/bin/as"}}},
	{"connect in a container", []field.Value{{Name: "evt.type", Text: "connect"}, {Name: "fd.sip", Text: "10.8.0.9"}, {Name: "fd.sport", Text: "5432"},
		{Name: "proc.name", Text: "app"}, {Name: "proc.exepath", Text: "/app"}, {Name: "container.id", Text: "3f1b2c4d5e6f"}}},
	{"exec on the host", []field.Value{{Name: "evt.type", Text: "execve"}, {Name: "proc.name", Text: "cc1"}, {Name: "proc.exepath", Text: "/usr/bin/cc1"},
		{Name: "proc.args", Text: "-quiet main.c"}, {Name: "proc.aname", Texts: []string{"gcc", "make", "bash"}}}},
	{"write in a container", []field.Value{{Name: "evt.type", Text: "openat"}, {Name: "evt.arg.flags", Text: "O_WRONLY|O_CREAT|O_TRUNC"},
		{Name: "fd.name", Text: "/app/cache/7f/index"}, {Name: "fd.path", Text: "/app/cache/7f/index"}, {Name: "proc.name", Text: "nginx"},
		{Name: "proc.exepath", Text: "/usr/sbin/nginx"}, {Name: "container.id", Text: "3f1b2c4d5e6f"}}},
	{"exec in a container", []field.Value{{Name: "evt.type", Text: "execve"}, {Name: "proc.name", Text: "app"}, {Name: "proc.exepath", Text: "/app/bin/app"},
		{Name: "proc.args", Text: "--port 80"}, {Name: "proc.aname", Texts: []string{"tini", "containerd-shim"}}, {Name: "container.id", Text: "3f1b2c4d5e6f"}}},
}

func build(t testing.TB, values []field.Value) *event.Event {
	t.Helper()
	ev, err := field.Build(values)
	if err != nil {
		t.Fatal(err)
	}
	return ev
}

func TestOrdinaryEventsMatchNothing(t *testing.T) {
	set := shared(t)
	for _, o := range ordinary {
		set.Match(build(t, o.values), func(r *rules.Rule) { t.Errorf("%s: %s matches", o.name, r.Name) })
	}
}

func TestOrdinaryEventsCostNoAllocation(t *testing.T) {
	race.Skip(t, "under it sync.Pool drops some of what it is given")
	set := load(t)
	for _, o := range ordinary {
		ev := build(t, o.values)
		fire := func(r *rules.Rule) { t.Errorf("%s: %s matches", o.name, r.Name) }
		if n := testing.AllocsPerRun(100, func() { set.Match(ev, fire) }); n != 0 {
			t.Errorf("%s: %v allocations", o.name, n)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	set := load(b)
	fire := func(r *rules.Rule) { b.Error(r.Name) }
	for _, o := range ordinary {
		b.Run(o.name, func(b *testing.B) {
			ev := build(b, o.values)
			b.ReportAllocs()
			for b.Loop() {
				set.Match(ev, fire)
			}
		})
	}
}
