package checks

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// Every row of the catalogue is a check, or listed with the reason why it is none.
func TestCatalogueIsWhole(t *testing.T) {
	set, err := Set()
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile("testdata/catalogue.txt")
	if err != nil {
		t.Fatal(err)
	}
	ids := strings.Fields(string(data))
	without := map[string]bool{}
	for _, u := range NotEvaluated() {
		without[u.ID] = true
		if set.Check(u.ID) != nil || u.Reason == "" {
			t.Errorf("%s is a check, or has no reason for being none", u.ID)
		}
	}
	for _, id := range ids {
		parts := 0 // a row may be several checks: POD-PRIV is POD-PRIV-HOSTPATH and so on
		for _, c := range set.Checks() {
			if c.ID == id || strings.HasPrefix(c.ID, id+"-") {
				parts++
			}
		}
		if parts == 0 && !without[id] {
			t.Errorf("%s is neither a check nor listed as not evaluated", id)
		}
	}
	for _, c := range set.Checks() {
		if !slices.ContainsFunc(ids, func(id string) bool { return c.ID == id || strings.HasPrefix(c.ID, id+"-") }) {
			t.Logf("%s is beyond the catalogue", c.ID)
		}
	}
}
