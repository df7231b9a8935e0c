package pipeline

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/alert"
	"tiercel.dev/internal/event"
	"tiercel.dev/rules"
)

// runtime is a container runtime's resolver as the pipeline sees it: containers are pending until told.
type runtime struct {
	pending map[string]bool
	known   map[string]*event.Container
}

func (r *runtime) Pending(ev *event.Event) bool      { return r.pending[ev.Container.FullID] }
func (r *runtime) Lookup(id string) *event.Container { return r.known[id] }

const testRules = `
rules:
  - name: image
    condition: evt.type == "execve" && container.id != "host" && container.image.repository == "shop"
    output: "{proc.name} in {container.name}"
    severity: LOW
  - name: any_exec
    condition: evt.type == "execve"
    output: "{proc.name}"
    severity: LOW
  - name: opened
    condition: evt.type == "openat"
    output: "{fd.name}"
    severity: LOW
    throttle: {per: [proc.name], every: 1m}
`

type bench struct {
	*Pipeline
	runtime *runtime
	sent    []string
	tapped  []string
}

func newBench(t testing.TB, change func(*Config)) *bench {
	t.Helper()
	set, err := rules.Load([]rules.Source{{Name: "test.yaml", Data: []byte(testRules)}}, rules.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{runtime: &runtime{pending: map[string]bool{}, known: map[string]*event.Container{}}}
	c := Config{
		Rules: func() *rules.Set { return set }, Safe: (*event.Event).Clone, Containers: b.runtime,
		Build: func(ev *event.Event, r *rules.Rule) *alert.Alert {
			return &alert.Alert{Output: r.Name + ": " + r.Output(ev)}
		},
		Publish: func(a *alert.Alert) {
			b.sent = append(b.sent, strings.TrimSpace(fmt.Sprint(a.Output, " ", strings.Repeat("+", int(a.GetSuppressed().GetCount())))))
		},
	}
	change(&c)
	b.Pipeline = New(c)
	return b
}

func container(id string) *event.Container { return &event.Container{ID: id, FullID: id} }

func (b *bench) exec(name string, c *event.Container, at int64) {
	ev := &event.Event{Kind: event.Exec, Time: at, Container: c, Process: &event.Process{Name: name}}
	b.Handle(ev)
	ev.Process.Name = "overwritten" // the table and the reader move on
}

func TestHold(t *testing.T) {
	b := newBench(t, func(*Config) {})
	b.runtime.pending["c1"] = true
	b.exec("a", container("c1"), 1)
	b.exec("h", event.Host, 2)
	// Known by now, and yet it must not overtake the one that waits.
	b.exec("b", &event.Container{ID: "c1", FullID: "c1", Name: "web", Image: event.Image{Repository: "shop"}, Metadata: event.MetadataComplete}, 3)
	if diff := cmp.Diff([]string{"any_exec: h"}, b.sent); diff != "" {
		t.Fatalf("while c1 is pending (-want +got):\n%s", diff)
	}
	b.Release()
	if len(b.sent) != 1 || b.hold.size == 0 {
		t.Fatal("let go before its time")
	}
	b.runtime.pending["c1"] = false
	b.runtime.known["c1"] = &event.Container{ID: "c1", FullID: "c1", Name: "web", Image: event.Image{Repository: "shop"}, Metadata: event.MetadataComplete}
	b.Release()
	want := []string{"any_exec: h", "image: a in web", "any_exec: a", "image: b in web", "any_exec: b"}
	if diff := cmp.Diff(want, b.sent); diff != "" {
		t.Errorf("once c1 is known (-want +got):\n%s", diff)
	}
	if s := b.Stats(); s.Held != 2 || s.HoldExpired != 0 || s.HoldFull != 0 || b.hold.size != 0 {
		t.Errorf("stats %+v", s)
	}
}

// TestHoldExpires: an event whose container stays unknown is late and not lost.
func TestHoldExpires(t *testing.T) {
	b := newBench(t, func(*Config) {})
	b.runtime.pending["c1"], b.runtime.pending["c2"] = true, true
	b.exec("a", container("c1"), 1)
	b.exec("b", container("c2"), 2)
	b.runtime.pending["c1"] = false // its time was up; nothing is known, not even that it was
	b.Release()
	b.Drain()
	if diff := cmp.Diff([]string{"any_exec: a", "any_exec: b"}, b.sent); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	if s := b.Stats(); s.HoldExpired != 2 {
		t.Errorf("stats %+v", s)
	}
}

func TestHoldFull(t *testing.T) {
	b := newBench(t, func(c *Config) { c.MaxHeld = 3 })
	b.runtime.pending["c1"] = true
	for i := range 5 {
		b.exec(fmt.Sprint(i), container("c1"), int64(i))
	}
	if diff := cmp.Diff([]string{"any_exec: 3", "any_exec: 4"}, b.sent); diff != "" {
		t.Errorf("those without room go at once (-want +got):\n%s", diff)
	}
	b.Drain()
	if s := b.Stats(); s.HoldFull != 2 || s.Held != 3 || len(b.sent) != 5 {
		t.Errorf("stats %+v, sent %v", s, b.sent)
	}
}

// TestNoHoldWithoutNeed: no rule on opens reads metadata, so opens do not wait for it; with a tap they do.
func TestNoHoldWithoutNeed(t *testing.T) {
	for _, tap := range []bool{false, true} {
		var b *bench
		b = newBench(t, func(c *Config) {
			if tap {
				c.Tap = func(ev *event.Event) { b.tapped = append(b.tapped, ev.Process.Name) }
			}
		})
		b.runtime.pending["c1"] = true
		b.Handle(&event.Event{Kind: event.Openat, Container: container("c1"), Process: &event.Process{Name: "cat"}})
		if (b.hold.size > 0) != tap {
			t.Errorf("tap %v: holding %v", tap, b.hold.size > 0)
		}
		b.Drain()
		if len(b.sent) != 1 || tap != (len(b.tapped) == 1) {
			t.Errorf("tap %v: sent %v, tapped %v", tap, b.sent, b.tapped)
		}
	}
}

func TestThrottledRule(t *testing.T) {
	b := newBench(t, func(*Config) {})
	open := func(name string, at time.Duration) {
		b.Handle(&event.Event{Kind: event.Openat, Time: int64(at), Container: event.Host, Process: &event.Process{Name: name}})
	}
	for i := range 5 {
		open("a", time.Duration(i)*time.Second)
		open("b", time.Duration(i)*time.Second)
	}
	b.Tick(time.Unix(60, 0))
	want := []string{"opened: <NA>", "opened: <NA>", "opened: <NA> +++", "opened: <NA> +++"}
	if diff := cmp.Diff(want, b.sent); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	if s := b.Stats(); s.Alerts != 4 || s.Suppressed != 6 || s.Events[event.Openat] != 10 {
		t.Errorf("stats %+v", s)
	}
}

// BenchmarkNoMatch: what an event costs that no rule matches.
func BenchmarkNoMatch(b *testing.B) {
	p := newBench(b, func(*Config) {})
	ev := &event.Event{Kind: event.Connect, Container: event.Host, Process: &event.Process{Name: "curl"}}
	b.ReportAllocs()
	for b.Loop() {
		p.Handle(ev)
	}
}

func TestNoMatchAllocatesNothing(t *testing.T) {
	p := newBench(t, func(*Config) {})
	ev := &event.Event{Kind: event.Connect, Container: event.Host, Process: &event.Process{Name: "curl"}}
	if n := testing.AllocsPerRun(1000, func() { p.Handle(ev) }); n != 0 {
		t.Errorf("%v allocations for an event that matches nothing", n)
	}
}
