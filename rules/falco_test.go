package rules

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/internal/event"
	"tiercel.dev/rules/falco"
)

const falcoShells = `
- list: shells
  items: [bash, sh]
- macro: spawned
  condition: evt.type = execve
- rule: Shell in container
  desc: >
    A shell was started
  condition: spawned and container.id != host and proc.name in (shells)
  output: shell %proc.name by %user.name | 100%% %5proc.name| %tolower(proc.name) parent=%proc.pname %proc.aname[1].
  priority: WARNING
  tags: [container, mitre_execution, T1059.004, mitre_execution, maturity_stable]
- rule: Any shell
  desc: any
  condition: spawned and proc.name in (shells)
  output: any
  priority: critical
`

func falcoSet(t testing.TB, opt FalcoOptions, files ...string) *Set {
	t.Helper()
	return mustLoad(t, Options{Falco: opt}, files...)
}

func matches(s *Set, ev *event.Event) []string {
	var names []string
	s.Match(ev, func(r *Rule) { names = append(names, r.Name) })
	return names
}

func TestFalcoRuleHasWhatItsFileSays(t *testing.T) {
	s := falcoSet(t, FalcoOptions{}, falcoShells)
	r := s.Rule("Shell in container")
	if d := cmp.Diff([]string{"T1059.004", "TA0002"}, r.Attack); d != "" {
		t.Error(d)
	}
	if r.Severity != Medium || r.Falco.Priority != falco.Warning || r.Description != "A shell was started" || !slices.Contains(r.Tags, "maturity_stable") {
		t.Errorf("%v %v %q %v", r.Severity, r.Falco.Priority, r.Description, r.Tags)
	}
	if want := "spawned and container.id != host and proc.name in (shells)"; r.Condition() != want {
		t.Errorf("condition %q", r.Condition())
	}
	ev := testEvent(t, "evt.type", "execve", "proc.name", "bash", "user.name", "ann", "container.name", "c")
	if want := "shell bash by ann | 100% bash | bash parent=<NA> <NA>."; r.Output(ev) != want {
		t.Errorf("output %q", r.Output(ev))
	}
}

func TestFalcoFirstMatch(t *testing.T) {
	native := "rules:\n  - {name: native, severity: LOW, output: x, condition: 'evt.type == \"execve\"'}\n"
	ev := testEvent(t, "evt.type", "execve", "proc.name", "bash", "container.name", "c")
	for _, c := range []struct {
		opt  FalcoOptions
		want []string
	}{
		{FalcoOptions{}, []string{"native", "Shell in container"}},
		{FalcoOptions{AllMatch: true}, []string{"native", "Shell in container", "Any shell"}},
	} {
		if d := cmp.Diff(c.want, matches(falcoSet(t, c.opt, falcoShells, native), ev)); d != "" {
			t.Error(d)
		}
	}
}

func TestFalcoNamesAreTheirOwn(t *testing.T) {
	native := `
lists:
  shells: [zsh]
macros:
  spawned: evt.type == "connect"
rules:
  - {name: native shell, severity: LOW, output: x, condition: 'evt.type == "execve" && proc.name in shells'}
`
	s := falcoSet(t, FalcoOptions{AllMatch: true}, native, falcoShells)
	for shell, want := range map[string][]string{"zsh": {"native shell"}, "bash": {"Any shell"}} {
		if d := cmp.Diff(want, matches(s, testEvent(t, "evt.type", "execve", "proc.name", shell))); d != "" {
			t.Error(shell, d)
		}
	}
}

// TestFalcoNamesThatCELHasNot takes names that CEL would read as something else.
func TestFalcoNamesThatCELHasNot(t *testing.T) {
	s := falcoSet(t, FalcoOptions{}, `
- list: in
  items: [22, "80"]
- list: a
  items: [bash]
- list: 2-names
  items: [bash]
- macro: container
  condition: container.id != host
- macro: proc
  condition: proc.name in (2-names) and fd.sport in (in)
- rule: r
  desc: d
  condition: evt.type = connect and proc and not container and proc.aname in (a)
  output: o
  priority: INFO
`)
	ev := testEvent(t, "evt.type", "connect", "proc.name", "bash", "proc.pname", "bash", "fd.sip", "10.0.0.1", "fd.sport", "80")
	if got := matches(s, ev); len(got) != 1 {
		t.Error(got)
	}
}

func TestFalcoSkipUnknownFilter(t *testing.T) {
	file := `
- macro: odd
  condition: proc.colour = red
- rule: left out
  desc: d
  condition: evt.type = open and odd
  output: o
  priority: INFO
  skip-if-unknown-filter: true
- rule: stays
  desc: d
  condition: evt.type = open
  output: o
  priority: INFO
`
	s := falcoSet(t, FalcoOptions{}, file)
	if s.Rule("left out") != nil || s.Rule("stays") == nil {
		t.Errorf("%d rules", len(s.Rules()))
	}
	if !slices.ContainsFunc(s.Warnings(), func(e *Error) bool { return strings.Contains(e.Message, "LOAD_UNKNOWN_FILTER") && e.Line == 6 }) {
		t.Error(s.Warnings())
	}
}

func TestFalcoErrorsNameTheirPlace(t *testing.T) {
	_, err := Load([]Source{{Name: "f.yaml", Data: []byte(`
- macro: odd
  condition: >
    proc.name = x and
    proc.nmae = y
- rule: bad
  desc: d
  condition: odd and fd.sport = many and evt.type startswith 5 and evt.num contains x
  output: a %proc.nam b
  priority: INFO
`)}}, Options{})
	var got []string
	for _, e := range Places(err) {
		got = append(got, e.Position.String()+" "+e.Message)
	}
	want := []string{
		`f.yaml:5:5 LOAD_ERR_COMPILE_CONDITION: macro "odd": filter_check called with nonexistent field proc.nmae: did you mean proc.name?`,
		`f.yaml:8:33 LOAD_ERR_COMPILE_CONDITION: rule "bad": "many" is no port`,
		`f.yaml:8:76 LOAD_ERR_COMPILE_CONDITION: rule "bad": operator 'contains' can't be used with evt.num, which is a number`,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestFalcoRuleHasANameOfItsOwn(t *testing.T) {
	native := "rules:\n  - {name: Any shell, severity: LOW, output: x, condition: 'evt.type == \"execve\"'}\n"
	_, err := load(t, Options{}, native, falcoShells)
	if got := Places(err); len(got) != 1 || !strings.Contains(got[0].Message, "defined already at a.yaml:2:5") || got[0].File != "b.yaml" {
		t.Error(err)
	}
	_, err = load(t, Options{}, "- {rule: \"a\\u0007\", desc: d, condition: evt.type = open, output: o, priority: INFO}\n")
	if err == nil || !strings.Contains(err.Error(), "printable") {
		t.Error(err)
	}
}

func TestFalcoOutputErrorNamesItsPlace(t *testing.T) {
	_, err := Load([]Source{{Name: "f.yaml", Data: []byte(`
- rule: bad
  desc: d
  condition: evt.type = open
  output: a %proc.name b %no.such.field
  priority: INFO
`)}}, Options{})
	if got := Places(err); len(got) != 1 || got[0].Position.String() != "f.yaml:5:26" || !strings.Contains(got[0].Message, "LOAD_ERR_COMPILE_OUTPUT") {
		t.Error(err)
	}
}

func TestFalcoExact(t *testing.T) {
	file := `
- rule: chmod
  desc: d
  condition: evt.type = fchmodat
  output: o
  priority: INFO
`
	newer := testEvent(t, "evt.type", "fchmodat2", "evt.arg.filename", "/x")
	ring := testEvent(t, "evt.type", "fchmodat", "evt.arg.filename", "/x", "evt.via", "io_uring")
	for _, exact := range []bool{false, true} {
		s := falcoSet(t, FalcoOptions{Exact: exact}, file)
		for _, ev := range []*event.Event{newer, ring} {
			if got := len(matches(s, ev)); (got == 1) == exact {
				t.Errorf("exact %v: %d matches of %s", exact, got, ev.Kind)
			}
		}
	}
}

func TestDefaultSeverities(t *testing.T) {
	want := []Severity{Critical, Critical, Critical, High, Medium, Low, Low, Low}
	for p, w := range want {
		if got := DefaultSeverity(falco.Priority(p)); got != w {
			t.Errorf("%s becomes %s, not %s", falco.Priority(p), got, w)
		}
	}
	s := falcoSet(t, FalcoOptions{Severities: map[falco.Priority]Severity{falco.Warning: High}}, falcoShells)
	if got := s.Rule("Shell in container").Severity; got != High {
		t.Error(got)
	}
}

func TestFalcoOutputLosesContainerInfo(t *testing.T) {
	s := falcoSet(t, FalcoOptions{}, strings.Replace(falcoShells, "output: any", "output: any shell (%container.info) %proc.name", 1))
	if got, want := s.Rule("Any shell").Output(testEvent(t, "evt.type", "execve", "proc.name", "sh")), "any shell () sh"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	w := s.Warnings()
	if len(w) != 1 || w[0].String() != "a.yaml:16:22" || !strings.Contains(w[0].Message, "LOAD_DEPRECATED_ITEM") {
		t.Errorf("warnings %v", w)
	}
}

// TestBlankFileBesideFalcos has what an installation of Falco has: a file for rules of one's own, of comments alone.
func TestBlankFileBesideFalcos(t *testing.T) {
	for _, blank := range []string{"", "# Your custom rules!\n\n# - rule: x\n", "---\n# later\n---\n"} {
		s := falcoSet(t, FalcoOptions{}, falcoShells, blank)
		if len(s.Rules()) == 0 {
			t.Errorf("%q: no rules are left", blank)
		}
		var said []string
		for _, w := range s.Warnings() {
			said = append(said, w.Error())
		}
		if got := strings.Join(said, "\n"); got != "b.yaml: the file is empty" {
			t.Errorf("%q: warnings %s", blank, got)
		}
	}
	for _, alone := range []string{"", "# nothing\n"} {
		if _, err := Load([]Source{{Name: "a.yaml", Data: []byte(alone)}}, Options{}); err == nil {
			t.Errorf("%q alone is taken", alone)
		}
	}
}
