package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"tiercel.dev/internal/containerd"
)

// TestContainerdUp is a shell in a pod of a real containerd: it is seen on the terminal and on the page, becomes a finding, and
// the summary says the same. scripts/e2e runs it.
func TestContainerdUp(t *testing.T) {
	bin := os.Getenv("TIERCEL_CONTAINERD")
	if bin == "" {
		t.Skip("needs a containerd to start: run scripts/e2e, which builds one and sets TIERCEL_CONTAINERD")
	}
	const socket = "/run/containerd/containerd.sock" // where a sensor looks
	if _, err := os.Stat(socket); err == nil {
		t.Fatalf("%s is there: this machine has a containerd, and the test wants one of its own", socket)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	runtime, err := containerd.Start(ctx, bin, socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := runtime.Close(); err != nil {
			t.Error(err)
		}
	})
	pod, err := runtime.Pod(ctx, "shop", "web-5d4f8c7b9-x2x4z")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "summary.json")
	r := startUp(t, "--summary", file, "--listen", "127.0.0.1:0")
	page := regexp.MustCompile(`page: (http://\S+)`).FindStringSubmatch(r.stdout.String())
	last := lastOf(t, page[1])
	if _, err := runtime.Container(ctx, pod, "debug", true, "/bin/sh"); err != nil {
		t.Fatal(err)
	}
	r.until("terminal_shell_in_container: shell sh")
	r.until("new: MEDIUM, Execution: Terminal shell in container, 1 event")
	r.interrupt()

	totals := <-last
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var s summary
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	const rule = "terminal_shell_in_container"
	if s.Alerts[rule] != 1 || totals.Alerts[rule] != 1 {
		t.Errorf("%s\nthe page: %+v", text, totals)
	}
	if s.Findings != totals.Findings || s.FindingEvents != s.AlertEvents {
		t.Errorf("%s\nthe page: %+v", text, totals)
	}
}
