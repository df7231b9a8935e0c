package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
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

// TestUp is what a person does first: start it, read a file that nobody should, and look for the alert and the finding.
func TestUp(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	rules := filepath.Join(dir, "rules.yaml")
	for path, text := range map[string]string{
		secret: "",
		rules: "rules:\n  - name: secret_read\n    title: Secret read\n    condition: evt.is_open_read && fd.path == \"" + secret + "\"\n" +
			"    output: \"{proc.name} read it\"\n    severity: HIGH\n    attack: [T1005]\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr output
	summaryFile := filepath.Join(dir, "summary.json")
	code := make(chan int, 1)
	go func() {
		code <- run([]string{"up", "--for", "15s", "--rules", rules, "--summary", summaryFile}, &stdout, &stderr)
	}()
	for end := time.Now().Add(time.Minute); !strings.Contains(stderr.String(), "msg=watching"); time.Sleep(10 * time.Millisecond) {
		select {
		case c := <-code:
			t.Fatalf("exit %d: %s", c, stderr.String())
		default:
		}
		if why := stdout.String(); strings.HasPrefix(why, replayMark) {
			if os.Getenv("TIERCEL_REQUIRE_BPF") == "" {
				t.Skip(why)
			}
			t.Fatal(why)
		}
		if time.Now().After(end) {
			t.Fatalf("does not watch: %s", stderr.String())
		}
	}
	if text, err := exec.Command("cat", secret).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if c := <-code; c != 0 {
		t.Fatalf("exit %d: %s", c, stderr.String())
	}
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
	if !strings.Contains(stdout.String(), "new: HIGH, Collection: Secret read, 1 events") {
		t.Errorf("no finding is shown: %s", stdout.String())
	}
}
