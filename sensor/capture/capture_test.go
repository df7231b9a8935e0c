package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tiercel.dev/internal/event"
	"tiercel.dev/sensor/redact"
)

var addrs = cmpopts.EquateComparable(netip.AddrPort{})

// asIs keeps everything, so that what is read can be compared with what was written.
var asIs = redact.New(redact.Config{Arguments: redact.Keep, Environment: true})

var testHeader = Header{Sensor: "v1.2.3", Kernel: "6.12.40", Arch: "amd64", Node: "n1", BootID: "b1", Start: 1767323045000000000, Redacted: "arguments=redact"}

// fill sets each field below v that can be set to a value that no other has, so that a field added later is written
// and read, or the test that uses this fails.
func fill(t *testing.T, v reflect.Value, next *int) {
	t.Helper()
	*next++
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[netip.AddrPort]() {
			v.Set(reflect.ValueOf(netip.AddrPortFrom(netip.MustParseAddr(fmt.Sprintf("fe80::%d%%eth0", *next)), uint16(*next))))
			return
		}
		for i := range v.NumField() {
			fill(t, v.Field(i), next)
		}
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d\xff\x00", *next))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(-int64(*next))
	case reflect.Uint8:
		v.SetUint(uint64(*next%200) + 1)
	case reflect.Uint16, reflect.Uint32, reflect.Uint64:
		v.SetUint(uint64(*next))
	case reflect.Array:
		for i := range v.Len() {
			fill(t, v.Index(i), next)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(t, v.Index(i), next)
		}
	case reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{fmt.Sprint("key ", *next): "value", "": "empty"}))
	case reflect.Pointer:
		switch v.Type() {
		case reflect.TypeFor[*event.Process](), reflect.TypeFor[*event.Container]():
			// Set by who calls: a chain must end somewhere.
		default:
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem(), next)
		}
	default:
		t.Fatalf("no value for a %s", v.Type())
	}
}

func filled[T any](t *testing.T) *T {
	v := new(T)
	next := 0
	fill(t, reflect.ValueOf(v).Elem(), &next)
	return v
}

// fullEvent has every field set, with a parent and a container that have too.
func fullEvent(t *testing.T) *event.Event {
	ev := filled[event.Event](t)
	ev.Kind = event.Exec
	ev.Process = filled[event.Process](t)
	ev.Process.Parent = filled[event.Process](t)
	ev.Process.Parent.PID = 1
	ev.Container = filled[event.Container](t)
	return ev
}

func write(t testing.TB, r *redact.Redactor, events ...*event.Event) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, testHeader, r)
	if err != nil {
		t.Fatal(err)
	}
	for _, ev := range events {
		if err := w.Write(ev); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// read returns all events of a capture, copied, and the error that ended it; nil for a whole one.
func read(b []byte) ([]*event.Event, error) {
	r, err := NewReader(bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var events []*event.Event
	for {
		ev, err := r.Next()
		if errors.Is(err, io.EOF) {
			return events, nil
		}
		if err != nil {
			return events, err
		}
		events = append(events, ev.Clone())
	}
}

func TestEveryFieldRoundTrips(t *testing.T) {
	want := fullEvent(t)
	got, err := read(write(t, asIs, want))
	if err != nil || len(got) != 1 {
		t.Fatalf("%d events, %v", len(got), err)
	}
	if d := cmp.Diff(want, got[0], addrs); d != "" {
		t.Error(d)
	}
}

func TestEveryNumberIsUsedOnce(t *testing.T) {
	ev := fullEvent(t)
	ev.Process.Parent = nil
	var one = uint64(1)
	for name, code := range map[string]func(*coder){
		"event":     func(c *coder) { c.event(ev, &refs{1, 1}) },
		"process":   func(c *coder) { c.process(ev.Process, &one, &one) },
		"container": func(c *coder) { c.container(ev.Container, &one) },
		"list":      func(c *coder) { c.namedList(&ev.Task.Comm, &List{[]string{"a"}, []int64{1}}) },
		"header":    func(c *coder) { c.header(filled[Header](t)) },
	} {
		var c coder
		code(&c)
		seen := map[uint64]bool{}
		for rest := string(c.out); rest != ""; {
			tag, n := uvarint(rest)
			if seen[tag>>3] || tag>>3 > maxField {
				t.Errorf("%s: number %d is used twice or too large", name, tag>>3)
			}
			seen[tag>>3] = true
			rest = rest[n:]
			if tag&7 == 0 {
				_, n = uvarint(rest)
			} else {
				_, n = lengthAndBytes(rest)
			}
			rest = rest[n:]
		}
	}
}

func TestZeroEvent(t *testing.T) {
	want := []*event.Event{{Kind: event.Openat}, {Kind: event.Connect, Container: event.Host}}
	got, err := read(write(t, asIs, want...))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got, addrs); d != "" {
		t.Error(d)
	}
	if got[1].Container != event.Host {
		t.Error("the host is another container after reading")
	}
}

func TestHeader(t *testing.T) {
	want := *filled[Header](t)
	var b bytes.Buffer
	if _, err := NewWriter(&b, want, asIs); err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, r.Header()); d != "" {
		t.Error(d)
	}
}

// Children of one parent share it, and what the table changes in a process is read where it changed.
func TestProcessesAreSharedAndChange(t *testing.T) {
	parent := &event.Process{PID: 1, Start: 1, Name: "init"}
	a := &event.Process{PID: 2, Start: 2, Name: "a", Parent: parent}
	b := &event.Process{PID: 3, Start: 3, Name: "b", Parent: parent}
	var file bytes.Buffer
	w, err := NewWriter(&file, testHeader, asIs)
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []func() *event.Process{
		func() *event.Process { return a },
		func() *event.Process { return b },
		func() *event.Process { parent.Name = "systemd"; return a },
		func() *event.Process { a.Parent = b; return a },
	} {
		if err := w.Write(&event.Event{Kind: event.Open, Process: step()}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(&file)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	var parents []*event.Process
	for ev, err := r.Next(); err == nil; ev, err = r.Next() {
		got = append(got, ev.Process.Name+" "+ev.Process.Parent.Name)
		parents = append(parents, ev.Process.Parent)
	}
	if d := cmp.Diff([]string{"a init", "b init", "a systemd", "a b"}, got); d != "" {
		t.Error(d)
	}
	if len(parents) != 4 || parents[0] != parents[1] || parents[1] != parents[2] {
		t.Error("the parent is not one process")
	}
}

// Each field of a process, changed alone, is noticed: a process is compared field by field, by hand.
func TestEveryChangeIsWritten(t *testing.T) {
	typ := reflect.TypeFor[event.Process]()
	for i := range typ.NumField() {
		if typ.Field(i).Name == "Parent" {
			continue
		}
		p := filled[event.Process](t)
		was := *p
		next := 1000
		fill(t, reflect.ValueOf(p).Elem().Field(i), &next)
		if typ.Field(i).Type.Kind() == reflect.Bool {
			reflect.ValueOf(p).Elem().Field(i).SetBool(false)
		}
		if same(&was, p) {
			t.Errorf("a change of %s is not noticed", typ.Field(i).Name)
		}
	}
}

func TestProcessIsWrittenOnce(t *testing.T) {
	p := filled[event.Process](t)
	one := len(write(t, asIs, &event.Event{Kind: event.Open, Process: p}))
	var events []*event.Event
	for range 100 {
		events = append(events, &event.Event{Kind: event.Open, Process: p})
	}
	if many := len(write(t, asIs, events...)); many > one+200 {
		t.Errorf("100 events of a process take %d bytes, one takes %d", many, one)
	}
}

func TestSecretsAreNotWritten(t *testing.T) {
	p := &event.Process{PID: 2, Name: "mysql", Exe: "mysql", Args: []string{"-phunter2"}, ArgsText: "-phunter2", CmdLine: "mysql -phunter2",
		Env: []string{"MYSQL_PWD=hunter2"}, Parent: &event.Process{PID: 1, Name: "sh", Args: []string{"-c", "mysql -phunter2"}}}
	ev := &event.Event{Kind: event.Exec, Process: p, Exec: event.ExecFacts{Args: []byte("mysql\x00-phunter2\x00"), Env: []byte("MYSQL_PWD=hunter2\x00")}}
	ev.Args.Source = "password=hunter2"
	got, err := read(write(t, redact.New(redact.Config{}), ev))
	if err != nil {
		t.Fatal(err)
	}
	if s := fmt.Sprintf("%+v %+v %+v %s", *got[0], *got[0].Process, *got[0].Process.Parent, got[0].Exec.Args); strings.Contains(s, "hunter2") {
		t.Errorf("a secret was written: %s", s)
	}
	if got[0].Process.Redacted != 1 || got[0].Redacted != 1 {
		t.Errorf("counted %d and %d, want 1 and 1", got[0].Process.Redacted, got[0].Redacted)
	}
	if ev.Args.Source != "password=hunter2" || p.Args[0] != "-phunter2" {
		t.Error("the event itself was changed")
	}
}

// A cycle that lost events made does not hang the writer, and no lineage is longer than the walk along it may be.
func TestOddLineages(t *testing.T) {
	a, b := &event.Process{PID: 1}, &event.Process{PID: 2}
	a.Parent, b.Parent = b, a
	deep := &event.Process{PID: 1000}
	for i := range int32(200) {
		deep = &event.Process{PID: 2000 + i, Parent: deep}
	}
	got, err := read(write(t, asIs, &event.Event{Kind: event.Open, Process: a}, &event.Event{Kind: event.Open, Process: b}, &event.Event{Kind: event.Open, Process: deep}))
	if err != nil {
		t.Fatal(err)
	}
	if p := got[0].Process; p.PID != 1 || p.Parent.PID != 2 || p.Parent.Parent != nil {
		t.Errorf("the first process's lineage is %v", p)
	}
	if p := got[1].Process; p.PID != 2 || p.Parent.PID != 1 {
		t.Errorf("the second process's lineage is %v", p)
	}
	if p := got[2].Process.Ancestor(event.MaxAncestors); p == nil || p.PID != 2199-event.MaxAncestors {
		t.Errorf("the oldest ancestor is %v", p)
	}
}

func TestContainers(t *testing.T) {
	c := filled[event.Container](t)
	bare := &event.Container{ID: "ab", FullID: "abc"}
	events := []*event.Event{{Kind: event.Open, Container: c}, {Kind: event.Open, Container: c}, {Kind: event.Open, Container: bare}, {Kind: event.Open, Container: event.Host}}
	got, err := read(write(t, asIs, events...))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(events, got, addrs); d != "" {
		t.Error(d)
	}
	if got[0].Container != got[1].Container || got[3].Container != event.Host {
		t.Error("a container is not one after reading")
	}
}
