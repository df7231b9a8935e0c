package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"

	"tiercel.dev/alert"
	"tiercel.dev/cmd/tiercel/board"
)

// A terminal writes lines in a goroutine of its own, since whoever reads may stop. On a real one it ends with a line of counts
// that is drawn anew in its place. What finds no room is counted, and told when there is room again.
type terminal struct {
	out     *screen
	style   style
	live    bool // there is a line of counts
	address string
	parts   chan part
	stop    chan struct{}
	done    chan struct{}
	lost    atomic.Uint64
	before  atomic.Pointer[string] // each line
}

// A part is text for the terminal: a line, or the line of counts.
type part struct {
	text   string
	status bool
}

// maxParts may wait.
const maxParts = 4096

func newTerminal(w io.Writer) *terminal {
	f := terminalOf(w)
	if os.Getenv("TERM") == "dumb" {
		f = nil
	}
	return startTerminal(&screen{w: w, f: f, live: f != nil}, styleFor(w))
}

func startTerminal(out *screen, s style) *terminal {
	t := &terminal{out: out, live: out.live, style: s, parts: make(chan part, maxParts), stop: make(chan struct{}), done: make(chan struct{})}
	go t.run()
	return t
}

func (t *terminal) run() {
	defer close(t.done)
	for {
		select {
		case p := <-t.parts:
			t.show(p)
		case <-t.stop:
			for range len(t.parts) {
				t.show(<-t.parts)
			}
			t.out.draw("")
			return
		}
	}
}

func (t *terminal) show(p part) {
	if p.status {
		t.out.draw(p.text)
		return
	}
	if n := t.lost.Swap(0); n > 0 {
		t.out.print(counted(n, "line") + " not shown: too many at once\n")
	}
	t.out.print(p.text)
}

func (t *terminal) send(p part) {
	select {
	case t.parts <- p:
	default:
		if !p.status {
			t.lost.Add(1)
		}
	}
}

// closeFor bounds how long the last lines may take.
const closeFor = time.Second

// close writes what waits. What comes afterwards is not shown.
func (t *terminal) close() {
	close(t.stop)
	select {
	case <-t.done:
	case <-time.After(closeFor):
	}
}

// mark puts a text before each line from now on.
func (t *terminal) mark(text string) { t.before.Store(&text) }

func (t *terminal) line(format string, args ...any) {
	text := fmt.Sprintf(format, args...) + "\n"
	if before := t.before.Load(); before != nil {
		text = *before + text
	}
	t.send(part{text: text})
}

// Write takes lines of a log.
func (t *terminal) Write(text []byte) (int, error) {
	t.send(part{text: string(text)})
	return len(text), nil
}

// logger is for the parts' own messages. Where they go to the same terminal only what is wrong is said, between the lines.
func (t *terminal) logger(stderr io.Writer) *slog.Logger {
	if !t.live || terminalOf(os.Stderr) == nil {
		return slog.New(slog.NewTextHandler(stderr, nil))
	}
	return slog.New(slog.NewTextHandler(t, &slog.HandlerOptions{Level: slog.LevelWarn, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey && len(groups) == 0 {
			return slog.Attr{}
		}
		return a
	}}))
}

// alert shows one. To a pipe goes what the sensor writes; a terminal has less room.
func (t *terminal) alert(a *alert.Alert) {
	if !t.live {
		t.line("%s", alert.Text(a))
		return
	}
	at := a.GetTime()
	if when, err := time.Parse(time.RFC3339Nano, at); err == nil {
		at = when.Local().Format(time.TimeOnly)
	}
	repeats := ""
	if n := a.GetSuppressed().GetCount(); n > 0 {
		repeats = fmt.Sprintf(" x%d", 1+n)
	}
	severity := a.GetSeverity().String()
	t.line("%s %s %s %s%s %s", t.style.dim(alert.Escape(at)), t.style.severity(severity, fmt.Sprintf("%-8s", severity)),
		t.style.bold(alert.Escape(a.GetRule().GetName())), alert.Escape(a.GetOutput()), repeats, t.style.dim(alert.Escape("("+board.Place(a)+")")))
}

// finding shows one that was written.
func (t *terminal) finding(f *sccpb.Finding, fresh bool) {
	what := "again"
	if fresh {
		what = "new"
	}
	t.line("%s finding %s %s: %s, %s, %s", t.style.dim(strings.Repeat(" ", 7)+"→"), f.Name[max(0, len(f.Name)-8):], what,
		t.style.severity(f.Severity.String(), f.Severity.String()), alert.Escape(f.Category), counted(int(f.SourceProperties["count"].GetNumberValue()), "event"))
}

// status draws the line of counts.
func (t *terminal) status(now board.Now) {
	if !t.live {
		return
	}
	lost := "nothing lost"
	if now.Lost > 0 {
		lost = fmt.Sprintf("%d lost", now.Lost)
	}
	if now.InPart > 0 {
		lost += fmt.Sprintf(", %d in part", now.InPart)
	}
	parts := []string{
		fmt.Sprintf("%.0f events/s", now.Rate), counted(now.Alerts, "alert"), counted(now.Findings, "finding"), lost,
	}
	if now.Aside > 0 {
		parts = append(parts, fmt.Sprintf("%d put aside", now.Aside))
	}
	parts = append(parts, fmt.Sprintf("%d MiB", now.Memory>>20), now.Running.Round(time.Second).String(), t.address)
	t.send(part{strings.Join(parts, " · "), true})
}

// counted is a number of things: 1 rule, 2 rules.
func counted[N int | int64 | uint64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
