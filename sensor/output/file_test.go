package output

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"tiercel.dev/alert"
)

func readFile(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func write(t *testing.T, o Output, text string) {
	t.Helper()
	if err := o.Write(t.Context(), testAlert(alert.High, text)); err != nil {
		t.Fatal(err)
	}
}

func line(text string) string {
	return "2026-01-02T03:04:05.000000006Z HIGH rule: " + text + " (node node)\n"
}

func TestFileAppendsAndReopens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts")
	o := NewFile(path, Text)
	write(t, o, "one")
	if st, _ := os.Stat(path); st.Mode() != 0o600 {
		t.Errorf("mode %v", st.Mode())
	}
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	write(t, o, "two")
	if err := o.(Reopener).Reopen(); err != nil {
		t.Fatal(err)
	}
	write(t, o, "three")
	if err := o.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := readFile(t, path+".1"); got != line("one")+line("two") {
		t.Errorf("old file: %q", got)
	}
	if got := readFile(t, path); got != line("three") {
		t.Errorf("new file: %q", got)
	}
	o = NewFile(path, JSON)
	write(t, o, "four")
	if got := readFile(t, path); !strings.HasPrefix(got, line("three")+`{"schema":`) || strings.Count(got, "\n") != 2 {
		t.Errorf("appended to: %q", got)
	}
}

func TestFileIsNotInherited(t *testing.T) {
	o := NewFile(filepath.Join(t.TempDir(), "alerts"), Text).(*file)
	write(t, o, "one")
	flags, err := unix.FcntlInt(o.f.Fd(), unix.F_GETFD, 0)
	if err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("flags %#x, %v", flags, err)
	}
}

// SIGHUP reaches the output through the Fanout even while no alerts come.
func TestFileReopenThroughFanout(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts")
	f := newFanout(t, fastConfig())
	f.Add("file", NewFile(path, Text), false)
	f.Publish(testAlert(alert.High, "one"))
	eventually(t, "written", func() bool { return f.Stats()[0].Sent == 1 })
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	f.Reopen()
	eventually(t, "new file", func() bool { _, err := os.Stat(path); return err == nil })
}

func TestFileMissingDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there")
	f := newFanout(t, fastConfig())
	path := filepath.Join(dir, "alerts")
	f.Add("file", NewFile(path, Text), false)
	f.Publish(testAlert(alert.High, "one"))
	eventually(t, "failing", func() bool { return f.Stats()[0].State == StateFailing })
	if s := f.Stats()[0]; !strings.Contains(s.LastError, "make the directory "+dir) {
		t.Errorf("error: %s", s.LastError)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	eventually(t, "written", func() bool { return f.Stats()[0].Sent == 1 })
	if got := readFile(t, path); got != line("one") {
		t.Errorf("file: %q", got)
	}
}

// A file that an earlier run left within a line is continued on a fresh one.
func TestFileTornByEarlierRun(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts")
	if err := os.WriteFile(path, []byte("half a li"), 0o600); err != nil {
		t.Fatal(err)
	}
	write(t, NewFile(path, Text), "one")
	if got := readFile(t, path); got != "half a li\n"+line("one") {
		t.Errorf("file: %q", got)
	}
}

// A named pipe that nobody reads takes nothing, and what it was to take waits for a reader.
func TestFilePipeWithoutReader(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	f := newFanout(t, fastConfig())
	f.Add("file", NewFile(path, Text), false)
	f.Publish(testAlert(alert.High, "one"))
	eventually(t, "failing", func() bool { return f.Stats()[0].State == StateFailing })
	r, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	eventually(t, "written", func() bool { return f.Stats()[0].Sent == 1 })
	got := make([]byte, 4096)
	if n, err := r.Read(got); err != nil || string(got[:n]) != line("one") {
		t.Errorf("got %q, %v", got[:n], err)
	}
}

// shortWriter takes only so many bytes, then fails.
type shortWriter struct {
	bytes.Buffer
	room int
	err  error
}

func (w *shortWriter) Write(p []byte) (int, error) {
	if len(p) > w.room {
		n, _ := w.Buffer.Write(p[:w.room])
		w.room = 0
		return n, w.err
	}
	w.room -= len(p)
	return w.Buffer.Write(p)
}

func TestWriteLineShort(t *testing.T) {
	for _, fault := range []error{syscall.ENOSPC, nil} {
		w := &shortWriter{room: 6, err: fault}
		var torn bool
		if err := writeLine(w, []byte("one\n"), &torn); err != nil || torn {
			t.Fatal(err, torn)
		}
		err := writeLine(w, []byte("three\n"), &torn)
		if err == nil || fault != nil && !errors.Is(err, fault) || !torn {
			t.Errorf("short write: %v, torn %v", err, torn)
		}
		if err := writeLine(w, []byte("three\n"), &torn); err == nil || !torn {
			t.Errorf("no room: %v, torn %v", err, torn)
		}
		w.room = 100
		if err := writeLine(w, []byte("three\n"), &torn); err != nil || torn {
			t.Error(err, torn)
		}
		if got := w.String(); got != "one\nth\nthree\n" {
			t.Errorf("got %q", got)
		}
	}
}

// A real full disk: the alert is tried until there is room, and stands whole on a line of its own.
func TestFileDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=8k"); err != nil {
		if os.Getenv("TIERCEL_REQUIRE_BPF") == "1" {
			t.Fatalf("mount a tmpfs: %v", err)
		}
		t.Skipf("needs to mount a tmpfs of 8 KiB: %v", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "alerts")
	f := newFanout(t, fastConfig())
	f.Add("file", NewFile(path, Text), false)
	long := strings.Repeat("x", 1500)
	for range 4 { // the third does not fit whole
		f.Publish(testAlert(alert.High, long))
	}
	eventually(t, "failing", func() bool {
		s := f.Stats()[0]
		return s.State == StateFailing && s.Errors["failed"] > 2 && !s.Oldest.IsZero()
	})
	if s := f.Stats()[0]; !strings.Contains(s.LastError, "no space left") || s.Sent != 2 {
		t.Errorf("stats: %+v", s)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(len(line(long))*2+100)); err != nil { // of the torn line a part stays
		t.Fatal(err)
	}
	eventually(t, "all written", func() bool { return f.Stats()[0].Sent == 4 })
	whole := 0
	for _, l := range strings.SplitAfter(readFile(t, path), "\n") {
		if l == line(long) {
			whole++
		}
	}
	if whole != 4 {
		t.Errorf("%d whole lines of 4", whole)
	}
}

func TestStreamBrokenPipe(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	o := NewStream(w, Text, false)
	write(t, o, "one")
	got := make([]byte, 4096)
	n, _ := r.Read(got)
	if string(got[:n]) != line("one") {
		t.Errorf("got %q", got[:n])
	}
	r.Close()
	if err := o.Write(context.Background(), testAlert(alert.High, "two")); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("error: %v", err)
	}
}

func TestStreamColor(t *testing.T) {
	pty, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("needs a terminal: %v", err)
	}
	defer pty.Close()
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	for _, tt := range []struct {
		name    string
		f       *os.File
		noColor bool
		want    bool
	}{{"terminal", pty, false, true}, {"NO_COLOR", pty, true, false}, {"not a terminal", null, false, false}} {
		if got := NewStream(tt.f, Text, tt.noColor).(*stream).color; got != tt.want {
			t.Errorf("%s: color %v", tt.name, got)
		}
	}
	b, err := Text.line(testAlert(alert.Critical, "x"), true)
	want := "2026-01-02T03:04:05.000000006Z \x1b[1;31mCRITICAL\x1b[0m rule: x (node node)\n"
	if err != nil || string(b) != want {
		t.Errorf("line %q, %v", b, err)
	}
}

// What a program chose to write must neither end the line nor reach a terminal as it is.
func TestLinesAreSafe(t *testing.T) {
	a := testAlert(alert.High, "a\nb\r\x1b]0;title\x07\u202e\u0085 \u2028c")
	a.Rule.Name = "r\n"
	for _, f := range []Format{Text, JSON, CloudLogging, FalcoText, FalcoJSON, FalcoJSON | FalcoMessage} {
		b, err := f.line(a, false)
		if err != nil {
			t.Fatal(err)
		}
		body := strings.TrimSuffix(string(b), "\n")
		for _, r := range body {
			if r < ' ' || r == '\x7f' || r == 0x85 || r == 0x202e || r == 0x2028 {
				t.Errorf("format %v: %q in %q", f, r, body)
			}
		}
	}
}

// Each alert opens the file that is there by then.
func TestFileOpenedForEach(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts")
	spec := Spec{Kind: "file", Target: path, Each: true}
	o := spec.open(Env{})
	write(t, o, "one")
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	write(t, o, "two")
	if got := readFile(t, path+".1") + readFile(t, path); got != line("one")+line("two") {
		t.Errorf("got %q", got)
	}
}
