package explain

import (
	"slices"
	"strings"
	"testing"

	"tiercel.dev/rules"
	"tiercel.dev/rules/library"
)

func shipped(t *testing.T) Set {
	t.Helper()
	set, err := rules.Load(library.Sources(), rules.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return Set{Set: set, Sources: library.Sources(), Tests: library.Tests()}
}

func every(*rules.Rule) bool { return true }

func TestEachShippedRuleIsExplained(t *testing.T) {
	all, err := All(shipped(t), every)
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, e := range all {
		matches := 0
		for _, c := range e.Cases {
			if c.Matches {
				matches++
			}
			if !c.Passed || len(c.Event) == 0 {
				t.Errorf("%s: case %s: %s", e.Name, c.Name, c.Message)
			}
		}
		if matches < 2 || len(e.Cases)-matches < 1 {
			t.Errorf("%s: %d of %d cases match", e.Name, matches, len(e.Cases))
		}
		if len(e.Steps) == 0 {
			t.Errorf("%s: no next steps", e.Name)
		}
		for _, technique := range e.Techniques {
			used[technique.ID] = true
			if technique.Name == "" {
				t.Errorf("%s: %s has no name", e.Name, technique.ID)
			}
		}
	}
	for id := range techniqueNames {
		if !used[id] {
			t.Errorf("no rule is about %s", id)
		}
	}
}

func TestNearMissesOfOtherRulesAreLeftOut(t *testing.T) {
	src := rules.Source{Name: "own.yaml", Data: []byte(`rules:
  - {name: a, condition: evt.type == "bind" && fd.sport == 1, output: "", severity: LOW}
  - {name: b, condition: evt.type == "bind" && fd.sport == 2, output: "", severity: LOW}
`)}
	tests := rules.Source{Name: "own_test.yaml", Data: []byte(`cases:
  - {name: a1, event: {evt.type: bind, fd.sport: 1}, match: [a]}
  - {name: a3, event: {evt.type: bind, fd.sport: 3}, no_match: true}
  - {name: open, event: {evt.type: open}, no_match: true}
  - {name: b2, event: {evt.type: bind, fd.sport: 2}, match: [b]}
  - {name: b4, event: {evt.type: bind, fd.sport: 4}, no_match: true}
  - {name: b5, event: {evt.type: bind, fd.sport: 5}, match: [b]}
`)}
	set, err := rules.Load([]rules.Source{src}, rules.Options{})
	if err != nil {
		t.Fatal(err)
	}
	all, err := All(Set{set, []rules.Source{src}, []rules.Source{tests}}, every)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range all {
		for _, c := range e.Cases {
			got = append(got, e.Name+":"+c.Name)
		}
	}
	if want := []string{"a:a1", "a:a3", "b:b2", "b:b4", "b:b5"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if b5 := all[1].Cases[2]; b5.Passed || !strings.Contains(b5.Message, "b does not match") {
		t.Errorf("a failed case: %+v", b5)
	}
}

func TestCostAndOrder(t *testing.T) {
	set := shipped(t)
	r := set.Rule("download_run_by_shell")
	e, err := Of(set, r)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Measure(set); err != nil {
		t.Fatal(err)
	}
	if e.Cost.NearMiss <= 0 || e.Cost.Other <= 0 || e.Cost.NearMiss > 1e7 {
		t.Errorf("cost %+v", e.Cost)
	}
	if o := e.Cost.Order; len(o) != 5 || o[0] != "spawned" || !strings.HasPrefix(o[len(o)-1], "(") {
		t.Errorf("regular expressions are to come last: %q", o)
	}
}

func TestTechnique(t *testing.T) {
	for id, want := range map[string]string{
		"T1059.004": "https://attack.mitre.org/techniques/T1059/004/", "T1055": "https://attack.mitre.org/techniques/T1055/",
		"TA0002": "https://attack.mitre.org/tactics/TA0002/",
	} {
		if got := techniqueOf(id).URL; got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
}
