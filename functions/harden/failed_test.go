package harden

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"tiercel.dev/internal/posture"
)

// A check that can't be evaluated is told once with its number, however many things it is about, and names are no lines of the log.
func TestChecksThatFailAreCounted(t *testing.T) {
	var log bytes.Buffer
	w := New(Config{Log: slog.New(slog.NewTextHandler(&log, nil))})
	failed := func(check, name string) posture.Result {
		return posture.Result{Check: check, Verdict: posture.Unknown, Failed: true, Reason: "no such key", Resource: posture.Resource{Cluster: "c", Kind: "Pod", Name: name}}
	}
	w.tellFailed(t.Context(), &posture.Cluster{Results: []posture.Result{
		failed("B", "x"), failed("A", "a\x1b[2J"), {Check: "A", Verdict: posture.Unknown}, failed("A", "y"), {Check: "C", Verdict: posture.Pass},
	}})
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "check=A times=2") || !strings.Contains(lines[1], "check=B times=1") || strings.Contains(log.String(), "\x1b") {
		t.Error(log.String())
	}
}
