package checks

import (
	"testing"

	"tiercel.dev/internal/posture"
	"tiercel.dev/rules/check"
)

// cases runs the tests files of all shipped checks.
func cases(t *testing.T) (*check.Set, map[string][]check.Case) {
	t.Helper()
	set, err := Set()
	if err != nil {
		t.Fatal(err)
	}
	_, tests, err := Files()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]check.Case{}
	for _, file := range tests {
		ran, err := check.RunTests(t.Context(), set, file)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range ran {
			if c.Message != "" {
				t.Errorf("%s: %s: %s: %s", c.Position, c.Check, c.Name, c.Message)
			}
			all[c.Check] = append(all[c.Check], c)
		}
	}
	return set, all
}

// Each shipped check has a case that passes and one that does not, one for each of its verdicts, and its special cases.
func TestShippedChecks(t *testing.T) {
	set, all := cases(t)
	for _, c := range set.Checks() {
		verdicts, decided := map[posture.Verdict]bool{}, map[int]bool{}
		for _, ran := range all[c.ID] {
			verdicts[ran.Verdict], decided[ran.Decided] = true, true
		}
		for _, want := range c.Comes() {
			if !verdicts[want] {
				t.Errorf("%s has no case that is %s", c.ID, want)
			}
		}
		for i, want := range c.Verdicts() {
			if !decided[i] {
				t.Errorf("%s: verdict %d (%s) decides no case", c.ID, i+1, want)
			}
		}
	}
}
