package fleet

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func missing(node string) Problem {
	return Problem{Kind: Missing, Project: "p", Location: "l", Cluster: "c", Node: node, Detail: "silent"}
}

// told is a status of which everything is told.
func told(lines ...*Line) *Status {
	for _, l := range lines {
		l.Alerted, l.Written, l.WrittenAt = true, true, ago(time.Minute)
	}
	return &Status{Version: statusVersion, Lines: lines}
}

// texts are the lines as a test writes them: the node, and what is the matter with it.
func (s *Status) texts() string {
	var all []string
	for _, l := range s.Lines {
		text := l.Node
		for word, is := range map[string]bool{" ended": !l.Ended.IsZero(), " unknown": l.Unknown} {
			if is {
				text += word
			}
		}
		if !l.Alerted {
			text += " alert"
		}
		if !l.Written {
			text += " write"
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func TestTake(t *testing.T) {
	readable, gone := cluster(node("n1")), World{}
	unreadable := World{Clusters: []Cluster{{Project: "p", Location: "l", Name: "c", Unknown: "forbidden"}}}
	partial := World{Missing: "zone x did not answer"}
	open := func() *Status { return told(&Line{Problem: missing("n1"), Since: ago(time.Hour)}) }
	ended := func(written bool) *Status {
		s := told(&Line{Problem: missing("n1"), Since: ago(time.Hour), Ended: ago(time.Minute)})
		s.Lines[0].Written = written
		return s
	}
	changed := missing("n1")
	changed.Detail = "something else"
	late := open()
	late.Lines[0].WrittenAt = ago(2 * time.Hour)
	untold := &Status{Version: statusVersion, Lines: []*Line{{Problem: missing("n1"), Since: ago(time.Minute)}}}
	unreadableLine := Problem{Kind: Unreadable, Project: "p", Location: "l", Cluster: "c", Detail: "forbidden"}

	for name, tt := range map[string]struct {
		was      *Status
		world    World
		problems []Problem
		want     string
	}{
		"nothing":                            {&Status{}, readable, nil, ""},
		"a problem begins":                   {&Status{}, readable, []Problem{missing("n1")}, "n1 alert write"},
		"goes on":                            {open(), readable, []Problem{missing("n1")}, "n1"},
		"goes on, and was never told":        {untold, readable, []Problem{missing("n1")}, "n1 alert write"},
		"its detail changes":                 {open(), readable, []Problem{changed}, "n1"},
		"its detail changes after hours":     {late, readable, []Problem{changed}, "n1 write"},
		"ends":                               {open(), readable, nil, "n1 ended write"},
		"ends with its node":                 {open(), cluster(), nil, "n1 ended write"},
		"ends with its cluster":              {open(), gone, nil, "n1 ended write"},
		"cannot be seen":                     {open(), unreadable, []Problem{unreadableLine}, "n1 unknown,  alert write"},
		"its cluster is not in half a list":  {open(), partial, nil, "n1 unknown"},
		"comes back before its end was told": {ended(false), readable, []Problem{missing("n1")}, "n1 write"},
		"comes back after its end was told":  {ended(true), readable, []Problem{missing("n1")}, "n1 ended, n1 alert write"},
		"stays ended":                        {ended(true), readable, nil, "n1 ended"},
		"stays ended, unseen":                {ended(true), unreadable, nil, "n1 ended"},
		"the cluster answers again":          {told(&Line{Problem: unreadableLine, Since: ago(time.Hour)}), readable, nil, " ended write"},
		"the cluster is gone":                {told(&Line{Problem: unreadableLine, Since: ago(time.Hour)}), gone, nil, " ended write"},
		"the cluster is not in half a list":  {told(&Line{Problem: unreadableLine, Since: ago(time.Hour)}), partial, nil, " unknown"},
		"long ended":                         {told(&Line{Problem: missing("n1"), Since: ago(1000 * time.Hour), Ended: ago(500 * time.Hour)}), readable, nil, ""},
		"another node's stays":               {open(), readable, []Problem{missing("n1"), missing("n2")}, "n1, n2 alert write"},
	} {
		tt.was.take(now, tt.world, Verdict{Problems: tt.problems})
		if got := tt.was.texts(); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
		again := tt.was.texts()
		tt.was.take(now, tt.world, Verdict{Problems: tt.problems})
		if got := tt.was.texts(); got != again {
			t.Errorf("%s: %q when taken twice, was %q", name, got, again)
		}
	}
}

// The record is bounded: what has ended goes first, and what nobody was told of; never what was told and goes on.
func TestBound(t *testing.T) {
	s := new(Status)
	for i := range maxLines - 1 {
		s.Lines = append(s.Lines, &Line{Problem: missing(fmt.Sprint("e", i)), Since: ago(time.Hour), Ended: ago(time.Minute), Written: true, Alerted: true})
	}
	s.Lines = append(s.Lines, &Line{Problem: missing("old"), Since: ago(500 * time.Hour), Written: true, Alerted: true, WrittenAt: now})
	s.take(now, cluster(), Verdict{Problems: []Problem{missing("old"), missing("a"), missing("b")}})
	if len(s.Lines) != maxLines || s.Beyond != 2 || !strings.HasPrefix(s.texts(), "old, a alert write, b alert write, e") {
		t.Errorf("%d lines, %d beyond: %.80s", len(s.Lines), s.Beyond, s.texts())
	}
	var problems []Problem
	for i := range maxLines + 5 {
		problems = append(problems, missing(fmt.Sprint("n", i)))
	}
	s = new(Status)
	s.take(now, cluster(), Verdict{Problems: problems[:maxLines]})
	for _, l := range s.Lines {
		l.Alerted, l.Written, l.WrittenAt = true, true, now
	}
	for range 2 {
		if s.take(now, cluster(), Verdict{Problems: problems}); s.Beyond != 5 || len(s.pending()) != 0 {
			t.Errorf("%d beyond, %d to be told", s.Beyond, len(s.pending()))
		}
	}
	for _, l := range s.Lines {
		l.Detail, l.Node, l.NodeResource = strings.Repeat("d", maxText), strings.Repeat("n", 60), strings.Repeat("r", 150)
	}
	if data, err := json.Marshal(s); err != nil || len(data) > 8<<20 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
}
