package check

import (
	"slices"

	"tiercel.dev/internal/posture"
	"tiercel.dev/rules/source"
)

// A Check is one, compiled. It is safe for concurrent use.
type Check struct {
	posture.Check
	Each     string // the set that it is about each item of, or "cluster"
	Needs    []string
	Position source.Position

	applies, managed *clause
	cases            []verdict
	evidence         []evidence
	fix              *fix
}

// A clause is a condition with the sentence that is said if it decides.
type clause struct {
	cond     *expression // nil is true
	sentence *template
}

// A verdict is one of those that a check may come to.
type verdict struct {
	clause
	verdict  posture.Verdict
	severity posture.Severity // of WARN and FAIL
	fix      *fix             // instead of the check's
}

// An evidence is a fact that is shown.
type evidence struct {
	label string
	value *expression
}

// A fix is how to put it right, with names to be filled in.
type fix struct {
	commands         []*template
	text             *template
	disruption, link string
}

// A Set is checks in the order of their files, ready to judge.
type Set struct {
	checks []*Check
	macros map[string]*expression
	lists  map[string][]string
}

// Checks are those of the set, in the order of files.
func (s *Set) Checks() []*Check { return slices.Clone(s.checks) }

// Check is the one of that id, nil if there is none.
func (s *Set) Check(id string) *Check {
	for _, c := range s.checks {
		if c.ID == id {
			return c
		}
	}
	return nil
}

// Commands are the commands that the check may show, with {expressions} where names are filled in.
func (c *Check) Commands() []string {
	var out []string
	add := func(f *fix) {
		if f == nil {
			return
		}
		for _, t := range f.commands {
			if s := t.source(); !slices.Contains(out, s) {
				out = append(out, s)
			}
		}
	}
	add(c.fix)
	for _, v := range c.cases {
		add(v.fix)
	}
	return out
}

// Severities are those of the check's failures and warnings, each once, the worst first.
func (c *Check) Severities() []posture.Severity {
	var out []posture.Severity
	for _, v := range c.cases {
		if v.severity != 0 && !slices.Contains(out, v.severity) {
			out = append(out, v.severity)
		}
	}
	slices.SortFunc(out, func(a, b posture.Severity) int { return int(b) - int(a) })
	return out
}

// Evidence are the labels of what the check shows.
func (c *Check) Evidence() []string {
	out := make([]string, len(c.evidence))
	for i, e := range c.evidence {
		out[i] = e.label
	}
	return out
}

// source is the template as it is written, but for what stands for whole commands.
func (t *template) source() string {
	s := ""
	for _, p := range t.parts {
		if p.value != nil {
			s += "{" + p.value.text + "}"
		} else {
			s += p.text
		}
	}
	return s
}

// Verdicts are those that the check may come to by its conditions, in their order.
func (c *Check) Verdicts() []posture.Verdict {
	out := make([]posture.Verdict, len(c.cases))
	for i, v := range c.cases {
		out[i] = v.verdict
	}
	return out
}

// Comes lists the verdicts that a cluster can have the check come to: those of its conditions, and N/A, MANAGED and UNKNOWN if it
// says when it does not apply, who else sees to it, and what it needs.
func (c *Check) Comes() []posture.Verdict {
	out := c.Verdicts()
	if c.applies != nil {
		out = append(out, posture.NA)
	}
	if c.managed != nil {
		out = append(out, posture.Managed)
	}
	if len(c.Needs) > 0 {
		out = append(out, posture.Unknown)
	}
	slices.Sort(out)
	return slices.Compact(out)
}
