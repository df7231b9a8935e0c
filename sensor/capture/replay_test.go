package capture

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/internal/event"
	"tiercel.dev/sensor/redact"
)

// A node makes the events of a small machine, the same for the same seed. As in the real one, processes change beneath.
type node struct {
	r         *rand.Rand
	processes []*event.Process
	container []*event.Container
	num       uint64
	time      int64
	ev        event.Event
}

func newNode(seed uint64) *node {
	n := &node{r: rand.New(rand.NewPCG(seed, 1)), time: testHeader.Start, container: []*event.Container{event.Host}}
	n.processes = []*event.Process{{PID: 1, Start: 1, Name: "init", ExePath: "/sbin/init", CmdLine: "init", CWD: "/", UserName: "root"}}
	for i := range 3 {
		id := strings.Repeat(fmt.Sprint(i), 64)
		n.container = append(n.container, &event.Container{ID: id[:12], FullID: id, Name: fmt.Sprint("c", i), Metadata: event.MetadataComplete,
			Image: event.Image{Repository: "gcr.io/x/y"}, Labels: map[string]string{"a": "b", "c": "d"}, Pod: &event.Pod{Name: "p", Namespace: "ns"}})
	}
	return n
}

// next returns the node's next event, which holds until the one after.
func (n *node) next() *event.Event {
	n.num++
	n.time += n.r.Int64N(5e6)
	p := n.processes[n.r.IntN(len(n.processes))]
	ev := &n.ev
	*ev = event.Event{Num: n.num, Seq: n.num, Time: n.time, Boot: n.time - testHeader.Start, CPU: uint16(n.num % 2), Container: n.container[n.r.IntN(len(n.container))]}
	ev.Task = event.Task{TGID: p.PID, TID: p.PID, Comm: p.Name, Start: p.Start}
	switch n.r.IntN(10) {
	case 0:
		p = n.exec(p)
		ev.Kind, ev.Exec.Args, ev.Exec.Filename = event.Exec, []byte(p.Exe+"\x00"+strings.Join(p.Args, "\x00")+"\x00"), p.ExePath
	case 1:
		p.UID, p.UserName = uint32(n.r.IntN(3)), fmt.Sprint("user", n.r.IntN(3))
		ev.Kind, ev.Args.UID[0] = event.Setuid, int32(p.UID)
	case 3:
		// A fact that redaction takes out changes: nothing that is written does.
		p.Env = []string{fmt.Sprint("A=", n.num)}
		ev.Kind = event.Dup
	case 2:
		ev.Kind = event.Connect
		ev.FD = event.FD{Valid: true, Num: 5, Type: event.FDIPv4, L4: event.L4TCP, Role: event.RoleClient,
			Local: netip.MustParseAddrPort("10.0.0.1:40000"), Remote: netip.MustParseAddrPort("10.96.0.1:443")}
	default:
		ev.Kind, ev.Ret = event.Openat, 3
		name := fmt.Sprintf("/usr/lib/lib%d.so", n.r.IntN(50))
		ev.FD = event.FD{Valid: true, Num: 3, Type: event.FDFile, Path: event.Path{Raw: name, Name: name}, Real: name, RealStatus: event.PathResolved, Dev: 8 << 20, Ino: 77}
	}
	ev.Process = p
	return ev
}

// exec makes a process, or a new image of one.
func (n *node) exec(p *event.Process) *event.Process {
	if n.r.IntN(2) == 0 {
		pid := int32(100 + n.num)
		p = &event.Process{PID: pid, Start: int64(n.num), PPID: p.PID, Parent: p, UserName: p.UserName, CWD: "/"}
		n.processes = append(n.processes, p)
		if len(n.processes) > 60 {
			n.processes = append(n.processes[:1], n.processes[20:]...)
		}
	}
	p.ExecID++
	p.Name, p.Exe, p.ExePath = "curl", "curl", "/usr/bin/curl"
	p.Args = []string{"-u", fmt.Sprintf("me:secret%d", n.num), "https://example.org"}
	p.ArgsText = strings.Join(p.Args, " ")
	p.CmdLine = p.Name + " " + p.ArgsText
	return p
}

func record(t testing.TB, n *node, events int, r *redact.Redactor) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, testHeader, r)
	if err != nil {
		t.Fatal(err)
	}
	for range events {
		if err := w.Write(n.next()); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReplayGivesTheSameEvents(t *testing.T) {
	const events = 5000
	got, err := read(record(t, newNode(1), events, asIs))
	if err != nil || len(got) != events {
		t.Fatalf("%d events, %v", len(got), err)
	}
	n := newNode(1)
	for i, ev := range got {
		if d := cmp.Diff(n.next().Clone(), ev, addrs); d != "" {
			t.Fatalf("event %d: %s", i, d)
		}
	}
}

func TestReplayThenRecordIsEqual(t *testing.T) {
	for name, r := range map[string]*redact.Redactor{
		"redacted": redact.New(redact.Config{}), "as is": asIs, "dropped": redact.New(redact.Config{Arguments: redact.Drop}),
	} {
		t.Run(name, func(t *testing.T) {
			first := record(t, newNode(2), 5000, r)
			in, err := NewReader(bytes.NewReader(first))
			if err != nil {
				t.Fatal(err)
			}
			var second bytes.Buffer
			out, err := NewWriter(&second, in.Header(), r)
			if err != nil {
				t.Fatal(err)
			}
			for ev, err := in.Next(); err == nil; ev, err = in.Next() {
				if err := out.Write(ev); err != nil {
					t.Fatal(err)
				}
			}
			if err := out.Close(); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(first, second.Bytes()) {
				t.Errorf("%d bytes, recorded again %d, and not the same", len(first), second.Len())
			}
		})
	}
}

// A recording of any length takes bounded memory: a writer that knows too many processes begins anew, and so does the
// reader, and recording the replay begins anew at the same place.
func TestWriterStartsOver(t *testing.T) {
	var b bytes.Buffer
	w, err := NewWriter(&b, testHeader, asIs)
	if err != nil {
		t.Fatal(err)
	}
	parent := &event.Process{PID: 1, Name: "init"}
	const events = 2*maxRefs + 100
	for i := range int32(events) {
		p := &event.Process{PID: 2 + i, Parent: parent}
		if err := w.Write(&event.Event{Kind: event.Open, Process: p, Container: &event.Container{ID: fmt.Sprint(i)}}); err != nil {
			t.Fatal(err)
		}
		if len(w.known.processes) > maxRefs || len(w.known.containers) > maxRefs {
			t.Fatalf("knows %d processes and %d containers", len(w.known.processes), len(w.known.containers))
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := NewReader(&b)
	if err != nil {
		t.Fatal(err)
	}
	for i := range int32(events) {
		ev, err := r.Next()
		if err != nil {
			t.Fatal(err)
		}
		if ev.Process.PID != 2+i || ev.Process.Parent.Name != "init" || ev.Container.ID != fmt.Sprint(i) {
			t.Fatalf("event %d has process %v in %v", i, ev.Process, ev.Container)
		}
	}
}
