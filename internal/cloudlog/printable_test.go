package cloudlog

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"unicode"
)

// Whoever reads a log on a terminal sees text, whatever a cluster or a program calls itself, and the text is what it was.
func TestLinesActOnNoTerminal(t *testing.T) {
	const hostile = "a\x1b[31mb\u009b31mc\u202ed\u200be\n{\"severity\":\"EMERGENCY\"}\U000e0041"
	var out bytes.Buffer
	slog.New(NewHandler(&out, slog.LevelInfo)).With("cluster", hostile).Warn("message", "err", errors.New(hostile), slog.Group("in", "pod", hostile))
	line, rest, _ := strings.Cut(out.String(), "\n")
	if rest != "" || strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
		t.Errorf("written %q", out.String())
	}
	var got struct {
		Severity, Message, Cluster, Err string
		In                              struct{ Pod string }
	}
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatal(err)
	}
	if got.Severity != "WARNING" || got.Message != "message" || got.Cluster != hostile || got.Err != hostile || got.In.Pod != hostile {
		t.Errorf("%+v", got)
	}
}
