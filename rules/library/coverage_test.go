package library

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// The page on what is covered names rules that exist, and each detector once.
func TestCoveragePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/coverage.md")
	if err != nil {
		t.Fatal(err)
	}
	set := shared(t)
	names := regexp.MustCompile("`([a-z]+(?:_[a-z0-9]+)+)`")
	for _, m := range names.FindAllStringSubmatch(string(page), -1) {
		if set.Rule(m[1]) == nil && m[1] != "is_shell" {
			t.Errorf("there is no rule %s", m[1])
		}
	}
	detectors := map[string]bool{}
	for line := range strings.Lines(string(page)) {
		cell, rest, isRow := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		if !isRow || !regexp.MustCompile(`^[A-Z0-9_, ]+$`).MatchString(cell) {
			continue
		}
		for _, d := range strings.Split(cell, ", ") {
			if detectors[d] {
				t.Errorf("%s stands there twice", d)
			}
			detectors[d] = true
		}
		if !names.MatchString(rest) && !strings.HasPrefix(rest, "None") {
			t.Errorf("%s: neither a rule nor a reason: %s", cell, rest)
		}
	}
	if len(detectors) != 47 {
		t.Errorf("%d detectors", len(detectors))
	}
}
