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
