// Package explain gathers what there is to know about a rule: what it finds and why it is rated so, what it needs and costs,
// what its tests show and what a responder does next. cmd/tiercel prints it, as text, JSON or a page of Markdown.
package explain

import (
	"fmt"

	"tiercel.dev/alert"
	"tiercel.dev/functions/enrich"
	"tiercel.dev/rules"
)

// A Set is rules in force with the files they came from.
type Set struct {
	*rules.Set
	Sources []rules.Source
	Tests   []rules.Source
}

// An Explanation is all that is known of one rule.
type Explanation struct {
	rules.Info
	Techniques []Technique `json:"techniques,omitempty"`
	Steps      []string    `json:"next_steps,omitempty"`
	Cases      []Case      `json:"cases,omitempty"`
	Cost       *Cost       `json:"cost,omitempty"` // nil unless measured
}

// Of explains a rule of the set, without its cost. An error is one of a tests file.
func Of(set Set, r *rules.Rule) (*Explanation, error) {
	results, err := run(set)
	if err != nil {
		return nil, err
	}
	return of(r, results), nil
}

// All explains each rule of the set that keep says, in the set's order.
func All(set Set, keep func(*rules.Rule) bool) ([]*Explanation, error) {
	results, err := run(set)
	if err != nil {
		return nil, err
	}
	var all []*Explanation
	for _, r := range set.Rules() {
		if keep(r) {
			all = append(all, of(r, results))
		}
	}
	return all, nil
}

func of(r *rules.Rule, results []rules.Results) *Explanation {
	e := &Explanation{Info: r.Info(), Steps: steps(r), Cases: cases(r, results)}
	for _, id := range r.Attack {
		e.Techniques = append(e.Techniques, techniqueOf(id))
	}
	return e
}

func run(set Set) (all []rules.Results, err error) {
	for _, src := range set.Tests {
		results, err := rules.RunTests(set.Set, src)
		if err != nil {
			return nil, fmt.Errorf("tests of the rules: %w", err)
		}
		all = append(all, results)
	}
	return all, nil
}

// steps are what the enriching function writes into an alert of the rule.
func steps(r *rules.Rule) []string {
	for s := alert.Low; s <= alert.Critical; s++ {
		if s.String() == r.Severity.String() {
			return enrich.Steps(r.Name, r.Tags, s)
		}
	}
	return nil
}
