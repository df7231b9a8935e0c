package doctor

import (
	"os"
	"strings"
	"testing"
)

func page(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// docs/doctor.md has a role of what is asked of the project, to be copied; and names the rest.
func TestPermissionsOfThePage(t *testing.T) {
	text := page(t, "../../../docs/doctor.md")
	var role []string
	for _, p := range permissions {
		if p.On == onProject {
			role = append(role, p.Name)
		} else if !strings.Contains(text, "`"+p.Name+"`") {
			t.Errorf("the page does not name %s", p.Name)
		}
	}
	if want := "\n" + strings.Join(role, ",") + "\n"; !strings.Contains(text, want) {
		t.Errorf("the page has another role than%s", want)
	}
}

// The build, which asks between waves, may look at everything in the project: each permission is one of a role that it holds.
func TestTheBuildMayLook(t *testing.T) {
	roles := page(t, "../../../scripts/bootstrap-roles")
	for _, p := range permissions {
		if p.On == onProject && !strings.Contains(roles, "\n"+p.Role+"\t") {
			t.Errorf("scripts/bootstrap-roles has no %q, for %s", p.Role, p.Name)
		}
		if p.Why == "" {
			t.Errorf("nobody knows what %s is for", p.Name)
		}
	}
}

// Every area that a report has stands on the page.
func TestAreasOfThePage(t *testing.T) {
	text := page(t, "../../../docs/doctor.md")
	for _, l := range well(t).examine().Lines {
		if !strings.Contains(text, "| `"+l.Area+"` |") {
			t.Errorf("the page does not say what %s is about", l.Area)
		}
	}
}
