package explain

import (
	"slices"

	"tiercel.dev/internal/event"
	"tiercel.dev/rules"
	"tiercel.dev/rules/field"
)

// A Case is one of a tests file's that is about the rule.
type Case struct {
	Name     string         `json:"name"`
	Position rules.Position `json:"position"`
	Matches  bool           `json:"matches"` // whether it should
	Passed   bool           `json:"passed"`
	Message  string         `json:"message,omitempty"`
	Event    []field.Value  `json:"event"`

	built *event.Event
	plain bool // needs no list to be filled
}

// cases are those in which the rule should match, and those of events that it could match and should not which stand behind
// one of these: near misses of other rules are left out.
func cases(r *rules.Rule, results []rules.Results) (all []Case) {
	for _, file := range results {
		about := false
		for _, c := range file {
			matches := slices.Contains(c.Wanted, r.Name)
			if len(c.Wanted) > 0 {
				about = matches
			}
			if c.Event == nil || !about || !matches && !r.Kinds().Has(c.Event.Kind) {
				continue
			}
			all = append(all, Case{Name: c.Name, Position: c.Position, Matches: matches, Passed: c.Passed, Message: c.Message,
				Event: c.Given, built: c.Event, plain: len(c.Lists) == 0})
		}
	}
	return all
}
