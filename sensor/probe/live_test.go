package probe

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"tiercel.dev/internal/event"
)

// patience is how long a test waits for an event that must come: long enough for an emulated machine, so that it only
// ends what would otherwise hang.
const patience = 60 * time.Second

// requireBPF turns the skip of an unprivileged run into a failure.
const requireBPF = "TIERCEL_REQUIRE_BPF"

func TestMain(m *testing.M) {
	if name := os.Getenv("PROBE_TEST_CHILD"); name != "" {
		runtime.LockOSThread() // namespaces are a thread's
		if err := children[name](os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	status := m.Run()
	if shared.l != nil {
		shared.l.mu.Lock()
		defer shared.l.mu.Unlock()
		if failed := shared.l.failed; len(failed) != 0 {
			fmt.Fprintf(os.Stderr, "FAIL: %d records were not decoded, first: %v\n", len(failed), failed[0])
			status = 1
		}
	}
	os.Exit(status)
}

// children are what this binary does when a test starts it again.
var children = map[string]func(args []string) error{}

// child prepares this binary to run as one of children.
func child(t *testing.T, name string, args ...string) *exec.Cmd {
	t.Helper()
	if children[name] == nil {
		t.Fatalf("no child %s", name)
	}
	cmd := exec.CommandContext(t.Context(), "/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), "PROBE_TEST_CHILD="+name)
	cmd.Stderr = os.Stderr
	return cmd
}

func run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
}

// open opens a probe of the test's own, or skips.
func open(t testing.TB, cfg Config) *Probe {
	t.Helper()
	p, err := Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if errors.Is(err, ErrUnsupported) && os.Getenv(requireBPF) != "1" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// A listener reads a probe and hands events to whoever expects them.
type listener struct {
	probe *Probe

	mu     sync.Mutex
	wanted map[*expectation]bool
	failed []error
}

type expectation struct {
	match func(*event.Event) bool
	found chan *event.Event
}

func listen(t testing.TB, cfg Config) *listener {
	t.Helper()
	return listenTo(t, open(t, cfg))
}

// filtered returns the listener that the tests share, for a while with another filter: that costs next to nothing, where
// a probe of the test's own takes an emulated machine up to twenty seconds to load.
func filtered(t *testing.T, filter event.Filter) *listener {
	t.Helper()
	l := all(t)
	set := func(f event.Filter) {
		if err := l.probe.SetFilter(f); err != nil {
			t.Fatal(err)
		}
	}
	set(filter)
	t.Cleanup(func() { set(everything()) })
	l.expect(t, ownExec, func() { run(t, child(t, "nothing")) }) // what was sent before has been read
	return l
}

func listenTo(t testing.TB, p *Probe) *listener {
	t.Helper()
	l := &listener{probe: p, wanted: map[*expectation]bool{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.read()
	}()
	t.Cleanup(func() {
		if err := l.probe.Close(); err != nil {
			t.Error(err)
		}
		<-done
		if len(l.failed) != 0 {
			t.Errorf("%d records were not decoded, first: %v", len(l.failed), l.failed[0])
		}
	})
	return l
}

func (l *listener) read() {
	var ev event.Event
	for {
		raw, err := l.probe.Next()
		if err != nil {
			return
		}
		err = l.probe.Decode(raw, &ev)
		keepRecord(raw, &ev)
		l.mu.Lock()
		if err != nil {
			l.failed = append(l.failed, err)
		}
		for x := range l.wanted {
			if x.match(&ev) {
				x.found <- ev.Clone()
				delete(l.wanted, x)
			}
		}
		l.mu.Unlock()
	}
}

// keepRecords is a directory into which live tests write the first record that they see of each kind; testdata/records
// was made so.
const keepRecords = "PROBE_TEST_RECORDS"

func keepRecord(raw []byte, ev *event.Event) {
	dir := os.Getenv(keepRecords)
	ofCall := ev.Kind.IsSyscall() || ev.Kind == event.Operation
	if dir == "" || ofCall && ev.Task.TGID != int32(os.Getpid()) {
		return
	}
	name := ev.Kind.String()
	switch {
	case ev.Kind == event.Execve:
		name = "execve_failed"
	case ev.Kind == event.Operation:
		name = "operation_begun"
	case ev.Via == event.ViaIOUring:
		name = "operation"
	}
	name = filepath.Join(dir, name+".bin")
	if _, err := os.Stat(name); err != nil {
		os.WriteFile(name, raw, 0o644)
	}
}

// expect does something and returns the first event that matches.
func (l *listener) expect(t testing.TB, match func(*event.Event) bool, do func()) *event.Event {
	t.Helper()
	x := &expectation{match: match, found: make(chan *event.Event, 1)}
	l.mu.Lock()
	l.wanted[x] = true
	l.mu.Unlock()
	do()
	select {
	case ev := <-x.found:
		return ev
	case <-time.After(patience):
		t.Fatalf("the event did not come; drops: %v", l.probe.Drops())
		return nil
	}
}

// absent does something and fails if an event matches before a second one, which is known to come later, does.
func (l *listener) absent(t testing.TB, match, later func(*event.Event) bool, do func()) {
	t.Helper()
	ev := l.expect(t, func(ev *event.Event) bool { return match(ev) || later(ev) }, do)
	if match(ev) {
		t.Errorf("unwanted event: %v of %s, args %+v, fd %+v", ev.Kind, ev.Task.Comm, ev.Args, ev.FD)
	}
}

var shared struct {
	once sync.Once
	l    *listener
	err  error
}

// everything wants each kind, and environments.
func everything() event.Filter {
	f := event.FilterOf(event.AllKinds())
	f[event.Exec] |= event.Environment
	return f
}

// all returns a listener to every kind, which the tests share: loading takes its time on an emulated machine.
func all(t *testing.T) *listener {
	t.Helper()
	shared.once.Do(func() {
		var p *Probe
		p, shared.err = Open(t.Context(), Config{Filter: everything()}, slog.New(slog.DiscardHandler))
		if shared.err == nil {
			shared.l = &listener{probe: p, wanted: map[*expectation]bool{}}
			go shared.l.read()
		}
	})
	if errors.Is(shared.err, ErrUnsupported) && os.Getenv(requireBPF) != "1" {
		t.Skip(shared.err)
	}
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.l
}

// mine matches events of this process, made in the way that the tests make calls at present.
func mine(kind event.Kind, more func(*event.Event) bool) func(*event.Event) bool {
	pid, via := callerPID(), callerVia()
	return func(ev *event.Event) bool {
		return ev.Kind == kind && ev.Task.TGID == pid && ev.Via == via && (more == nil || more(ev))
	}
}
