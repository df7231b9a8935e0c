package main

import (
	"bytes"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"

	"tiercel.dev/local"
)

func TestUpNeedsAFolderOfItsOwn(t *testing.T) {
	dir := t.TempDir()
	other, err := local.Start(local.Config{Dir: dir, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	var stdout, stderr bytes.Buffer
	if code := run([]string{"up", "--data", dir}, &stdout, &stderr); code != 2 || !strings.Contains(stderr.String(), dir+" is another run's") {
		t.Errorf("exit %d: %s", code, stderr.String())
	}
}

// A second run with the same folder goes on with the finding of the first.
func TestUpGoesOn(t *testing.T) {
	dir := t.TempDir()
	secret, rules := filepath.Join(dir, "secret"), filepath.Join(dir, "rules.yaml")
	rule := "rules:\n  - name: secret_read\n    title: Secret read\n    condition: evt.is_open_read && fd.path == \"" + secret + "\"\n" +
		"    output: \"{proc.name} read it\"\n    severity: HIGH\n"
	for path, text := range map[string]string{secret: "", rules: rule} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(dir, "data")
	for range 2 {
		upUntil(t, data, rules, func() {
			if text, err := exec.Command("cat", secret).CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, text)
			}
		})
	}
	cloud, err := local.Start(local.Config{Dir: data, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer cloud.Close()
	var got []*sccpb.Finding
	for _, f := range cloud.Findings() {
		if f.Category == "Secret read" {
			got = append(got, f)
		}
	}
	if len(got) != 1 || got[0].SourceProperties["count"].GetNumberValue() != 2 || !got[0].SourceProperties["verified"].GetBoolValue() {
		t.Errorf("%v", got)
	}
}

// upUntil runs `tiercel up`, acts once it watches, and ends it as Ctrl-C does: what was acted becomes a finding before that.
func upUntil(t *testing.T, data, rules string, act func()) {
	t.Helper()
	var stdout, stderr output
	code := make(chan int, 1)
	go func() { code <- run([]string{"up", "--for", "5m", "--data", data, "--rules", rules}, &stdout, &stderr) }()
	for end := time.Now().Add(4 * time.Minute); !strings.Contains(stderr.String(), "msg=watching"); time.Sleep(10 * time.Millisecond) {
		select {
		case c := <-code:
			t.Fatalf("exit %d: %s", c, stderr.String())
		default:
		}
		skipReplay(t, stdout.String())
		if time.Now().After(end) {
			t.Fatalf("does not watch: %s", stderr.String())
		}
	}
	act()
	if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if c := <-code; c != 0 {
		t.Fatalf("exit %d: %s", c, stderr.String())
	}
}
