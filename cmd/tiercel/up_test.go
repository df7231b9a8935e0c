package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/cmd/tiercel/board"
)

// output may be read while a command writes it.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// An upRun is a `tiercel up` in this process.
type upRun struct {
	t              *testing.T
	stdout, stderr output
	code           chan int
}

func startUp(t *testing.T, args ...string) *upRun {
	t.Helper()
	r := &upRun{t: t, code: make(chan int, 1)}
	go func() { r.code <- run(append([]string{"up"}, args...), &r.stdout, &r.stderr) }()
	r.until("watching; Ctrl-C")
	return r
}

// until waits until standard output says something, or skips the test where the kernel cannot be watched.
func (r *upRun) until(what string) {
	r.t.Helper()
	for end := time.Now().Add(2 * time.Minute); !strings.Contains(r.stdout.String(), what); time.Sleep(10 * time.Millisecond) {
		select {
		case c := <-r.code:
			r.t.Fatalf("exit %d: %s", c, r.stderr.String())
		default:
		}
		skipReplay(r.t, r.stdout.String())
		if time.Now().After(end) {
			r.t.Fatalf("waited in vain for %q: %s%s", what, r.stdout.String(), r.stderr.String())
		}
	}
}

// skipReplay skips a test where the kernel cannot be watched and a recording is played, or fails it where it should be.
func skipReplay(t *testing.T, said string) {
	t.Helper()
	if _, why, ok := strings.Cut(said, replayMark); ok && os.Getenv("TIERCEL_REQUIRE_BPF") == "" {
		t.Skip(why)
	} else if ok {
		t.Fatal(why)
	}
}

// interrupt ends the run as Ctrl-C does.
func (r *upRun) interrupt() {
	r.t.Helper()
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		r.t.Fatal(err)
	}
	if c := <-r.code; c != 0 {
		r.t.Fatalf("exit %d: %s", c, r.stderr.String())
	}
}

// lastOf reads a page's stream until the run ends, and returns the totals that it ends with.
func lastOf(t *testing.T, page string) <-chan board.Totals {
	t.Helper()
	answer, err := http.Get(page + "events")
	if err != nil {
		t.Fatal(err)
	}
	last := make(chan board.Totals, 1)
	go func() {
		defer close(last)
		defer answer.Body.Close()
		lines := bufio.NewReader(answer.Body)
		for ended := false; ; {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			ended = ended || line == "event: end\n"
			if data, ok := strings.CutPrefix(line, "data: "); ok && ended {
				var s struct{ Totals board.Totals }
				if json.Unmarshal([]byte(data), &s) == nil {
					last <- s.Totals
				}
				return
			}
		}
	}()
	return last
}

// TestUp is what a person does first: start it, read a file that nobody should, and look for the alert and the finding, on
// the terminal and on the page. What both say in the end is what the summary says.
func TestUp(t *testing.T) {
	dir := t.TempDir()
	secret, rules, summaryFile := filepath.Join(dir, "secret"), filepath.Join(dir, "rules.yaml"), filepath.Join(dir, "summary.json")
	for path, text := range map[string]string{
		secret: "",
		rules: "rules:\n  - name: secret_read\n    title: Secret read\n    condition: evt.is_open_read && fd.path == \"" + secret + "\"\n" +
			"    output: \"{proc.name} read it\"\n    severity: HIGH\n    attack: [T1005]\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := startUp(t, "--for", "10m", "--rules", rules, "--summary", summaryFile, "--listen", "127.0.0.1:0")
	page := regexp.MustCompile(`page: (http://127\.0\.0\.1:\d+/)\n`).FindStringSubmatch(r.stdout.String())
	if page == nil {
		t.Fatalf("no page: %s", r.stdout.String())
	}
	last := lastOf(t, page[1])
	if text, err := exec.Command("cat", secret).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	r.until("HIGH secret_read: cat read it")
	r.until("new: HIGH, Collection: Secret read, 1 event\n")
	r.interrupt()
	text, err := os.ReadFile(summaryFile)
	if err != nil {
		t.Fatal(err)
	}
	var s summary
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	if s.Alerts["secret_read"] != 1 || s.Findings < 1 || s.FindingEvents != s.AlertEvents || s.Events["openat"] == 0 ||
		s.LatencyP50Ms <= 0 || s.DeadLettered != 0 {
		t.Errorf("%s", text)
	}
	totals, ok := <-last
	if !ok {
		t.Fatal("the page was not told of the end")
	}
	shown := summary{
		Events: totals.Events, Alerts: totals.Alerts, AlertEvents: totals.AlertEvents, Findings: totals.Findings, FindingEvents: totals.FindingEvents,
		Drops: totals.Drops, Lost: totals.Lost, InPart: totals.InPart, LostByOutputs: totals.LostByOutputs, DeadLettered: totals.DeadLettered,
		Quarantined: totals.Quarantined, LatencyP50Ms: s.LatencyP50Ms, LatencyP99Ms: s.LatencyP99Ms,
	}
	if diff := cmp.Diff(s, shown); diff != "" {
		t.Errorf("summary and page differ (-summary +page):\n%s", diff)
	}
	if want := "\n" + counted(s.Alerts.Sum(), "alert") + ", " + counted(s.Findings, "finding") + " of "; !strings.Contains(r.stdout.String(), want) {
		t.Errorf("the terminal does not say %q: %s", want, r.stdout.String())
	}
	if lines := strings.Count(r.stdout.String(), " secret_read: "); lines != 1 {
		t.Errorf("%d lines of one alert", lines)
	}
}

func TestUpRefusesToListenBeyond(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", "[::]:0", "192.0.2.1:80", "nonsense", ":7117"} {
		var stdout, stderr output
		if c := run([]string{"up", "--listen", address}, &stdout, &stderr); c != 2 || !strings.Contains(stderr.String(), "--listen: ") {
			t.Errorf("%s: exit %d: %s", address, c, stderr.String())
		}
	}
}
