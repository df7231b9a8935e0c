package main

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/sensor/node"
)

// TestUpReplay is what somebody sees who may not watch the kernel: the recording's acts become findings, and every line says
// that it is a recording.
func TestUpReplay(t *testing.T) {
	t.Parallel()
	var stdout, stderr output
	out := newTerminal(&stdout)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	file := filepath.Join(t.TempDir(), "summary.json")
	ended := make(chan error, 1)
	go func() {
		ended <- up(ctx, upFlags{replay: true, summary: file}, nil, out, slog.New(slog.NewTextHandler(&stderr, nil)))
	}()
	until(t, "the recording's end", func() bool {
		select {
		case err := <-ended:
			t.Fatalf("%v: %s", err, stderr.String())
		default:
		}
		return strings.Contains(stdout.String(), "the recording is at its end")
	})
	cancel()
	if err := <-ended; err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	out.close()
	for line := range strings.Lines(stdout.String()) {
		if !strings.HasPrefix(line, replayMark) {
			t.Errorf("not marked: %s", line)
		}
	}
	if !strings.Contains(stdout.String(), "new: HIGH, Credential Access: Password or rights file read, 1 event\n") {
		t.Errorf("no finding is shown: %s", stdout.String())
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var s summary
	if err := json.Unmarshal(text, &s); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(s.Replay, "recorded 20") || s.Events["openat"] == 0 || s.Alerts["sensitive_file_read"] != 1 ||
		s.Findings != len(s.Alerts) || s.FindingEvents != s.AlertEvents || s.DeadLettered != 0 {
		t.Errorf("%s", text)
	}
}

// The recording is small, of a real pod, and shows nothing of the machine that it was made on.
func TestBundledCapture(t *testing.T) {
	if len(bundled) > 200<<10 {
		t.Errorf("%d bytes", len(bundled))
	}
	var all bytes.Buffer
	log := slog.New(slog.DiscardHandler)
	seen, err := node.Replay(t.Context(), node.DefaultConfig(), bytes.NewReader(bundled), func(a *alert.Alert) error {
		line, err := alert.JSON(a)
		all.Write(line)
		return err
	}, log)
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range []string{"terminal_shell_in_container", "network_tool_runs_program", "sensitive_file_read", "setuid_bit_set"} {
		if seen.ByRule[rule] == 0 {
			t.Errorf("%s is not raised", rule)
		}
	}
	for _, want := range []string{`"name":"web-5d4f8c7b9-x2x4z"`, `"name":"replayed-node"`} {
		if !strings.Contains(all.String(), want) {
			t.Errorf("%s is missing", want)
		}
	}
	for _, foreign := range []string{"/root/go", "/home/", "/work", "go test", "tiercel.dev"} {
		if strings.Contains(all.String(), foreign) {
			t.Errorf("%s is in it", foreign)
		}
	}
}

// each is an output.
type each func(*alert.Alert)

func (f each) Write(_ context.Context, a *alert.Alert) error {
	f(a)
	return nil
}

func (each) Close(context.Context) error { return nil }

// What is played is of now: never later, and not as old as the recording.
func TestRerunMovesTimes(t *testing.T) {
	t.Parallel()
	began := time.Now()
	cfg := node.DefaultConfig()
	cfg.Outputs = nil
	n := 0
	cfg.Beside = each(func(a *alert.Alert) {
		n++
		for _, text := range []string{a.Time, a.ObservedTime, a.GetSuppressed().GetLastTime()} {
			if at, err := alert.ParseTime(text); text != "" && (err != nil || at.After(time.Now()) || at.Before(began.Add(-time.Second))) {
				t.Errorf("%s: %s, %v", a.GetRule().GetName(), text, err)
			}
		}
		if start, err := alert.ParseTime(a.GetProcess().GetStartTime()); err != nil || start.Before(began.Add(-time.Hour)) || start.After(time.Now()) {
			t.Errorf("process began %v, %v", start, err)
		}
	})
	_, err := node.Rerun(t.Context(), cfg, bytes.NewReader(bundled), slog.New(slog.DiscardHandler))
	if err != nil || n < 8 {
		t.Errorf("%d alerts, %v", n, err)
	}
}
