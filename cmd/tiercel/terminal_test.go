package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/protobuf/types/known/structpb"

	"tiercel.dev/alert"
	"tiercel.dev/cmd/tiercel/board"
)

func shadowRead() *alert.Alert {
	return &alert.Alert{
		Time: "2026-01-02T03:04:05.000000006Z", Severity: alert.High, Rule: &alert.Rule{Name: "file_read"}, Output: "cat read /etc/\x1b[2Jshadow\u202e",
		Suppressed: &alert.Suppressed{Count: 2}, Node: &alert.Node{Name: "n1"},
	}
}

func shadowFound(count float64) *sccpb.Finding {
	return &sccpb.Finding{
		Name: "organizations/1/sources/1/findings/0123456789abcdef", Category: "Collection: \x1b]0;File read", Severity: sccpb.Finding_HIGH,
		SourceProperties: map[string]*structpb.Value{"count": structpb.NewNumberValue(count)},
	}
}

// played is what a terminal is sent by a small run.
func played(live bool, s style) string {
	var b bytes.Buffer
	t := startTerminal(&screen{w: &b, live: live}, s)
	t.address = "http://127.0.0.1:1/"
	t.line("rules: %d", 3)
	t.status(board.Now{Rate: 12, Alerts: 1, Memory: 50 << 20, Running: 61 * time.Second})
	t.alert(shadowRead())
	t.finding(shadowFound(1), true)
	t.finding(shadowFound(3), false)
	t.status(board.Now{Rate: 3, Alerts: 2, Findings: 1, Lost: 4, InPart: 2, Aside: 1})
	t.line("end")
	t.close()
	return b.String()
}

func TestPiped(t *testing.T) {
	const want = `rules: 3
2026-01-02T03:04:05.000000006Z HIGH file_read: cat read /etc/\x1b[2Jshadow\u202e (node n1) x3
       → finding 89abcdef new: HIGH, Collection: \x1b]0;File read, 1 event
       → finding 89abcdef again: HIGH, Collection: \x1b]0;File read, 3 events
end
`
	if got := played(false, style{}); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// On a terminal the line of counts is always the last, and goes when the run ends.
func TestRedrawn(t *testing.T) {
	got := played(true, style{on: true})
	first := "12 events/s · 1 alert · 0 findings · nothing lost · 50 MiB · 1m1s · http://127.0.0.1:1/"
	second := "3 events/s · 2 alerts · 1 finding · 4 lost, 2 in part · 1 put aside · 0 MiB · 0s · http://127.0.0.1:1/"
	second = string([]rune(second)[:width-1]) // a line that wraps cannot be taken back
	for _, part := range []string{
		"rules: 3\n" + first + wipe, "\x1b[31mHIGH    \x1b[0m \x1b[1mfile_read\x1b[0m cat read /etc/\\x1b[2Jshadow\\u202e x3", "\n" + first + wipe + second + wipe + "end\n" + second,
	} {
		if !strings.Contains(got, part) {
			t.Errorf("%q lacks %q", got, part)
		}
	}
	if !strings.HasSuffix(got, "end\n"+second+wipe) {
		t.Errorf("the line of counts is left behind: %q", got)
	}
	if plain := played(true, style{}); strings.Contains(strings.ReplaceAll(plain, wipe, ""), "\x1b") {
		t.Errorf("coloured without colours: %q", plain)
	}
}

// A reader that stops costs lines and no time, and is told how many when it goes on.
func TestStoppedReader(t *testing.T) {
	r := &gate{open: make(chan struct{})}
	out := startTerminal(&screen{w: r}, style{})
	for range maxParts + 10 {
		out.line("line")
	}
	close(r.open)
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		if len(out.parts) == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatal("it does not go on")
		}
	}
	out.line("last")
	out.close()
	<-out.done
	got := r.String()
	before, _, told := strings.Cut(got, " lines not shown")
	var lost int
	fmt.Sscan(before[strings.LastIndexByte(before, '\n')+1:], &lost)
	if shown := strings.Count(got, "line\n"); !told || lost == 0 || shown+lost != maxParts+10 || !strings.HasSuffix(got, "last\n") {
		t.Errorf("%d lines shown and %d told of, of %d: begins with %q", shown, lost, maxParts+10, got[:200])
	}
}

// A gate takes nothing until it is open.
type gate struct {
	output
	open chan struct{}
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	return g.output.Write(p)
}
