package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tiercel.dev/sensor/probe"
)

// falcoAlert is what somebody who received Falco's JSON reads of it.
type falcoAlert struct {
	Rule, Priority, Source, Output string
	Fields                         map[string]any `json:"output_fields"`
}

// TestFalcoConfigWatches runs as Falco did, with a falco.yaml alone, on this machine's kernel: its rules, a file and an HTTP
// receiver, an output appended, and another set of rules once the configuration has changed.
func TestFalcoConfigWatches(t *testing.T) {
	dir := t.TempDir()
	secret, events := filepath.Join(dir, "secret"), filepath.Join(dir, "events.json")
	received := make(chan falcoAlert, 1000)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var a falcoAlert
		if err := json.NewDecoder(r.Body).Decode(&a); err != nil {
			t.Errorf("%s: %v", r.URL, err)
		}
		received <- a
	}))
	t.Cleanup(receiver.Close)
	put(t, secret, "")
	put(t, filepath.Join(dir, "rules.yaml"), fmt.Sprintf(`
- macro: the_file
  condition: fd.name = %q
- rule: Secret opened
  desc: d
  condition: evt.type in (open, openat, openat2) and evt.is_open_read = true and the_file
  output: opened by %%proc.name (%%fd.name)
  priority: WARNING
- rule: Secret read quietly
  desc: d
  condition: evt.type in (open, openat, openat2) and the_file
  output: never
  priority: DEBUG
`, secret))
	config := filepath.Join(dir, "falco.yaml")
	text := fmt.Sprintf(`
rules_files: [%s/rules.yaml]
watch_config_files: true
priority: notice
json_output: true
file_output: {enabled: true, keep_alive: true, filename: %s}
http_output: {enabled: true, url: %q}
append_output:
  - match: {source: syscall}
    extra_output: "pid %%proc.pid"
`, dir, events, receiver.URL)
	put(t, config, text)

	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	root := Root()
	root.SetArgs([]string{"--falco-config", config})
	root.SetOut(io.Discard)
	root.SetErr(io.Discard)
	go func() { done <- root.ExecuteContext(ctx) }()
	t.Cleanup(stop)

	a := await(t, done, received, secret, "Secret opened")
	if a.Priority != "Warning" || a.Source != "syscall" || a.Fields["fd.name"] != secret || a.Fields["proc.pid"] != float64(os.Getpid()) {
		t.Errorf("%+v", a)
	}
	put(t, config, strings.Replace(text, "priority: notice", "priority: debug", 1)+"rules: [{disable: {rule: Secret opened}}]\n")
	await(t, done, received, secret, "Secret read quietly")
	stop()
	if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	data, err := os.ReadFile(events)
	if err != nil {
		t.Fatal(err)
	}
	var first falcoAlert
	if line, _, _ := bytes.Cut(data, []byte("\n")); json.Unmarshal(line, &first) != nil || first.Rule != "Secret opened" || first.Output != a.Output {
		t.Errorf("the file begins with %.300s", data)
	}
}

// await opens the file again and again until the receiver has an alert of the rule.
func await(t *testing.T, done <-chan error, received <-chan falcoAlert, path, rule string) falcoAlert {
	t.Helper()
	again, late := time.NewTicker(50*time.Millisecond), time.After(time.Minute)
	defer again.Stop()
	for {
		select {
		case a := <-received:
			if a.Rule == rule {
				return a
			}
		case err := <-done:
			if errors.Is(err, probe.ErrUnsupported) && os.Getenv("TIERCEL_REQUIRE_BPF") == "" {
				t.Skip(err)
			}
			t.Fatalf("the sensor ended with %v", err)
		case <-late:
			t.Fatalf("no alert of %s within a minute", rule)
		case <-again.C:
			if _, err := os.ReadFile(path); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
