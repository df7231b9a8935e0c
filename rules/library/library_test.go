package library

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"tiercel.dev/internal/event"
	"tiercel.dev/rules"
)

func load(t testing.TB, more ...rules.Source) *rules.Set {
	t.Helper()
	set, err := rules.Load(append(Sources(), more...), rules.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

var shipped = sync.OnceValues(func() (*rules.Set, error) { return rules.Load(Sources(), rules.Options{}) })

// shared is the set of the shipped files, for tests that only look at it: loading takes a second under the race detector.
func shared(t *testing.T) *rules.Set {
	t.Helper()
	set, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func TestLoadsWithoutWarnings(t *testing.T) {
	for _, w := range shared(t).Warnings() {
		t.Error(w)
	}
}

// The names that people give first are theirs: no variable of a shipped condition has one.
func TestShortNamesAreFree(t *testing.T) {
	load(t, rules.Source{Name: "own.yaml", Data: []byte("lists: {a: [x], g: [x], i: [x], p: [x], x: [x]}\n")})
}

func TestCases(t *testing.T) {
	set := load(t)
	for _, src := range Tests() {
		t.Run(src.Name, func(t *testing.T) {
			results, err := rules.RunTests(set, src)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range results {
				if !r.Passed {
					t.Errorf("%s: %s: %s", r.Position, r.Name, r.Message)
				}
			}
		})
	}
}

// Each rule has two cases that it matches, and two of events it could match and does not.
func TestEachRuleIsTested(t *testing.T) {
	set := shared(t)
	matched, missed := map[string]int{}, map[string]int{}
	for _, c := range cases(t) {
		for _, r := range set.Rules() {
			if file, _, _ := strings.Cut(r.Position.File, ".yaml"); file+"_test.yaml" != c.file || !r.Kinds().Has(c.event.Kind) {
				continue
			}
			if slices.Contains(c.Match, r.Name) {
				matched[r.Name]++
			} else {
				missed[r.Name]++
			}
		}
	}
	for _, r := range set.Rules() {
		if matched[r.Name] < 2 || missed[r.Name] < 2 {
			t.Errorf("%s: %d cases match and %d nearly do, want 2 of each", r.Name, matched[r.Name], missed[r.Name])
		}
	}
}

func TestEachRuleSaysWhatItIs(t *testing.T) {
	for _, r := range shared(t).Rules() {
		switch {
		case r.Title == "" || strings.HasSuffix(r.Title, "."):
			t.Errorf("%s: title %q", r.Name, r.Title)
		case strings.Count(r.Description, ". ") < 1:
			t.Errorf("%s: the description says what happened and what to do next, in sentences: %q", r.Name, r.Description)
		case !strings.HasSuffix(r.SeverityReason, "."):
			t.Errorf("%s: it is %s for no reason given: %q", r.Name, r.Severity, r.SeverityReason)
		case len(r.Attack) == 0 || len(r.Tags) == 0:
			t.Errorf("%s: attack %v, tags %v", r.Name, r.Attack, r.Tags)
		case r.Throttle.Every == 0 || len(r.Throttle.Per) == 0:
			t.Errorf("%s: no throttle", r.Name)
		}
		// Whoever reads the alert must learn who did it, and in which container if it was in one.
		for _, field := range []string{"{proc.", "container.name"} {
			onHostOnly := slices.Equal(r.Tags, []string{"host", "kernel"}) || slices.Equal(r.Tags, []string{"host", "users"})
			if !strings.Contains(r.OutputText(), field) && !onHostOnly {
				t.Errorf("%s: the output lacks %s", r.Name, field)
			}
		}
	}
}

// The tags say where a rule looks, and the kernel filter is derived from the condition: they must agree.
func TestScopeIsAsTagged(t *testing.T) {
	for _, r := range shared(t).Rules() {
		host := false
		for k := range r.Kinds().All() {
			host = host || r.Filter()[k].Where() == event.All
		}
		if tagged := slices.Contains(r.Tags, "host"); tagged != host {
			t.Errorf("%s: tagged host: %v, but its condition can be true on the host: %v", r.Name, tagged, host)
		}
	}
}

// uncovered are the types of events that the sensor sees and no shipped rule looks at: a list to shorten.
var uncovered = strings.Fields(`setgid setresgid setregid capset kill tkill tgkill recvfrom fsopen fsconfig`)

func TestKindsCovered(t *testing.T) {
	var covered event.KindSet
	for _, r := range shared(t).Rules() {
		covered = covered.Union(r.Kinds())
	}
	for k := range event.AllKinds().All() {
		if covered.Has(k) == slices.Contains(uncovered, k.Type()) {
			t.Errorf("%s: a rule looks at it: %v", k, covered.Has(k))
		}
	}
}
