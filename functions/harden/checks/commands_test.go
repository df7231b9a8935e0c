package checks

import (
	"regexp"
	"strings"
	"testing"

	"tiercel.dev/internal/posture"
)

var (
	tools = regexp.MustCompile(`^(gcloud|kubectl|tiercel) |^printf .* \| kubectl `)
	// quoted is a name with quotes around it: it is quoted when it is filled in, and twice is not at all.
	quoted = regexp.MustCompile(`['"][^'" ]*\{[a-z_]+[.(\[][^}]*\}[^'" ]*['"]`)
)

// Commands are whole: they say which cluster of which project, and leave it to nobody's default.
func TestCommandsAreWhole(t *testing.T) {
	set, err := Set()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range set.Checks() {
		for _, r := range c.Remedies() {
			for _, command := range r.Commands {
				if !tools.MatchString(command) || quoted.MatchString(command) {
					t.Errorf("%s: %s", c.ID, command)
				}
				if strings.HasPrefix(command, "gcloud container ") && (!strings.Contains(command, "--project={resource.project}") || !strings.Contains(command, "{resource.location}")) {
					t.Errorf("%s: %s is about whichever cluster", c.ID, command)
				}
			}
		}
	}
}

// Two checks of one category would be one finding to who groups by it.
func TestCategoriesAreOwn(t *testing.T) {
	set, err := Set()
	if err != nil {
		t.Fatal(err)
	}
	of := map[string]posture.Check{}
	for _, c := range set.Checks() {
		if other, taken := of[c.Category]; taken {
			t.Errorf("%s and %s have the category %s", c.ID, other.ID, c.Category)
		}
		of[c.Category] = c.Check
	}
}
