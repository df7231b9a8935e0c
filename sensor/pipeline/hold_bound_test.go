package pipeline

import (
	"fmt"
	goruntime "runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/internal/event"
)

// nested returns a process with ancestors, each with an environment of size bytes of its own.
func nested(pid int32, ancestors, size int) *event.Process {
	var p *event.Process
	for i := range ancestors + 1 {
		p = &event.Process{PID: pid + int32(ancestors-i), ExecID: 1, Env: []string{strings.Repeat("e", size)}, Parent: p}
	}
	return p
}

// TestHoldBytes: few large events fill the hold as many small ones do.
func TestHoldBytes(t *testing.T) {
	const room = 1 << 20
	b := newBench(t, func(c *Config) { c.MaxHeldBytes = room })
	b.runtime.pending["c1"] = true
	large := func(n int) *event.Event {
		return &event.Event{Kind: event.Exec, Container: container("c1"),
			Process: &event.Process{PID: int32(n), Name: fmt.Sprint(n)}, Exec: event.ExecFacts{Args: make([]byte, 300<<10)}}
	}
	for n := range 5 {
		b.Handle(large(n))
	}
	if diff := cmp.Diff([]string{"any_exec: 3", "any_exec: 4"}, b.sent); diff != "" {
		t.Errorf("those without room go at once (-want +got):\n%s", diff)
	}
	if s := b.Stats(); s.Held != 3 || s.HoldFull != 2 {
		t.Errorf("stats %+v", s)
	}
	b.Drain()
	if b.hold.charges.bytes != 0 || len(b.hold.charges.images) != 0 {
		t.Errorf("nothing is held, and yet %d bytes of %d processes are charged", b.hold.charges.bytes, len(b.hold.charges.images))
	}
}

// TestHoldBytesLineage: ancestors count, and the strings that copies share count once.
func TestHoldBytesLineage(t *testing.T) {
	const size = 10_000
	process := int(unsafe.Sizeof(event.Process{}))
	first := &event.Event{Container: container("c1"), Process: nested(1, 0, size)}
	deep := &event.Event{Container: container("c1"), Process: nested(1, event.MaxAncestors+10, size)}

	c := newCharges()
	c.add(first)
	one := c.bytes
	if one < size || one > size+4<<10 {
		t.Errorf("%d bytes for an event of a process with %d of environment", one, size)
	}
	c.add(first)
	if again := c.bytes - one; again >= size {
		t.Errorf("%d more bytes for another event of the same process: its strings stand once", again)
	}
	c = newCharges()
	c.add(deep)
	if least := (event.MaxAncestors + 1) * (size + process); c.bytes < least {
		t.Errorf("%d bytes for an event with the deepest lineage, which has at least %d", c.bytes, least)
	}
	c.sub(deep.Clone())
	if c.bytes != 0 || len(c.images) != 0 {
		t.Errorf("%d bytes of %d processes are left", c.bytes, len(c.images))
	}
}

// TestHoldBytesStrings: every string of an event or a process counts, each of which an attacker may choose.
func TestHoldBytesStrings(t *testing.T) {
	const size = 1000
	long := strings.Repeat("x", size)
	empty := &event.Event{Process: &event.Process{}}
	path := event.Path{Raw: long, Name: long}
	ev := &event.Event{
		Args: event.Args{Path: path, NewPath: path, Source: long, FSType: long},
		FD:   event.FD{Path: path, Real: long, FSPath: long, Unix: long},
		Exec: event.ExecFacts{Args: []byte(long), Env: []byte(long), Filename: long, ExePath: long, CWD: long},
		Process: &event.Process{Exe: long, ExePath: long, Args: slices.Repeat([]string{long}, 3), ArgsText: long, CmdLine: long,
			Env: slices.Repeat([]string{long}, 3), CWD: long},
	}
	if got := eventSize(ev) - eventSize(empty); got != 16*size {
		t.Errorf("an event's own strings count %d bytes, want %d", got, 16*size)
	}
	header := int(unsafe.Sizeof(""))
	if got := imageSize(ev.Process); got != 11*size+6*header {
		t.Errorf("a process's strings count %d bytes, want %d", got, 11*size+6*header)
	}
}

// TestHoldBytesEstimate: what is charged is what the heap grows by, within a half.
func TestHoldBytesEstimate(t *testing.T) {
	h := newHold(1 << 20)
	h.maxBytes = 1 << 30
	heap := func() int {
		goruntime.GC()
		var m goruntime.MemStats
		goruntime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	before := heap()
	for n := range 500 {
		h.add(&event.Event{Kind: event.Exec, Container: container("c1"), Process: nested(int32(n*10), 3, 500),
			FD: event.FD{Real: "/usr/bin/curl"}, Exec: event.ExecFacts{Args: make([]byte, 2000)}})
	}
	grown := heap() - before
	if charged := h.charges.bytes; charged < grown/2 || charged > grown*3/2 {
		t.Errorf("%d bytes are charged where the heap grew by %d", charged, grown)
	}
	goruntime.KeepAlive(h)
}

// TestHoldEnds: an event does not stay when the resolver never says that its container is known, or unknown.
func TestHoldEnds(t *testing.T) {
	for _, by := range []string{"clock", "event"} {
		t.Run(by, func(t *testing.T) {
			woken := 0
			b := newBench(t, func(c *Config) { c.Kept = func() { woken++ } })
			b.runtime.pending["c1"], b.runtime.pending["c2"] = true, true
			b.exec("a", container("c1"), 10*second)
			b.exec("b", container("c2"), 11*second)
			b.exec("c", container("c1"), 11*second)
			if at, ok := b.Wake(); !ok || !at.Equal(time.Unix(12, 0)) || woken != 1 {
				t.Fatalf("wake at %v, %v, after %d calls of Kept; want 12 s, after one", at, ok, woken)
			}
			pass := func(at int64) {
				if by == "clock" {
					b.Release() // c1 and c2 are pending still
					b.Tick(time.Unix(0, at))
				} else {
					b.Handle(&event.Event{Kind: event.Connect, Time: at, Container: event.Host, Process: new(event.Process)})
				}
			}
			pass(12*second - 1)
			if len(b.sent) != 0 {
				t.Fatalf("let go before its time: %v", b.sent)
			}
			pass(12 * second)
			if diff := cmp.Diff([]string{"any_exec: a", "any_exec: c"}, b.sent); diff != "" {
				t.Errorf("after 2 s (-want +got):\n%s", diff)
			}
			if at, ok := b.Wake(); !ok || !at.Equal(time.Unix(13, 0)) {
				t.Errorf("wake at %v, %v; want 13 s", at, ok)
			}
			pass(13 * second)
			if _, ok := b.Wake(); ok || b.Stats().HoldExpired != 3 {
				t.Errorf("nothing is held: wake %v, stats %+v", ok, b.Stats())
			}
			b.exec("d", container("c1"), 20*second)
			if woken != 2 {
				t.Errorf("%d calls of Kept, want another when events are held again", woken)
			}
		})
	}
}

// TestWakeEarliest: the throttle and the hold each have a time; the earlier one counts.
func TestWakeEarliest(t *testing.T) {
	b := newBench(t, func(*Config) {})
	b.runtime.pending["c1"] = true
	for range 2 {
		b.Handle(&event.Event{Kind: event.Openat, Time: 0, Container: event.Host, Process: &event.Process{Name: "cat"}})
	}
	if at, _ := b.Wake(); !at.Equal(time.Unix(60, 0)) {
		t.Errorf("wake at %v, want the window's end", at)
	}
	for _, name := range []string{"a", "b"} {
		b.exec(name, container("c1"), 30*second)
	}
	if at, _ := b.Wake(); !at.Equal(time.Unix(32, 0)) {
		t.Errorf("wake at %v, want the end of the hold", at)
	}
	b.exec("c", &event.Container{FullID: "c2"}, 59*second)
	b.runtime.pending["c3"] = true
	b.exec("d", container("c3"), 59*second)
	if at, _ := b.Wake(); !at.Equal(time.Unix(60, 0)) {
		t.Errorf("wake at %v, want the window's end, which is before the hold's", at)
	}
}
