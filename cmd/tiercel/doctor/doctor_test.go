package doctor

import (
	"slices"
	"testing"
)

// Of a deployment as infra/ makes it there is nothing to say, and each thing of it was looked at.
func TestWell(t *testing.T) {
	r := well(t).examine()
	for _, l := range r.not(OK) {
		t.Error(l)
	}
	looked := make(map[string]int)
	for _, l := range r.Lines {
		looked[l.Area]++
	}
	d := well(t).config.Expected
	for area, least := range map[string]int{
		"functions": len(d.Functions) + 1, "subscriptions": len(d.Subscriptions), "topics": len(d.Topics) + 1, "schedules": 5, "apis": 1, "secrets": 1,
		"images": 1, "findings": 2, "sensors": 2, "records": 3, "quota": 2,
	} {
		if looked[area] < least {
			t.Errorf("%s: %d lines", area, looked[area])
		}
	}
}

// Who lacks one permission hears of it by its name, and what it is for is UNKNOWN: nothing is well that nobody saw, and nothing else
// is worse for it.
func TestEachPermissionRemovedOnce(t *testing.T) {
	for _, p := range permissions {
		t.Run(p.Name, func(t *testing.T) {
			w := well(t)
			w.config.TestFinding = p == updateFindings
			w.may[viewer] = slices.DeleteFunc(w.may[viewer], func(name string) bool { return name == p.Name })
			r := w.examine()
			named := 0
			for _, l := range r.Lines {
				if l.Permission == p.Name && l.State == Unknown {
					named++
				}
				if l.State == Fail || l.State == Warn || l.Permission != "" && l.Permission != p.Name {
					t.Errorf("%+v", l)
				}
			}
			if named == 0 {
				t.Errorf("nobody says that %s is missing: %q", p.Name, r.not(OK))
			}
		})
	}
}
