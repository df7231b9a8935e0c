package check

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// docs/checks.md has a line for each name and function.
func TestDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/checks.md")
	if err != nil {
		t.Fatal(err)
	}
	vars, sets := Names()
	var lines []string
	for _, v := range vars {
		lines = append(lines, fmt.Sprintf("| `%s` | %s | %s |", v.Name, v.Type, v.Doc))
	}
	for _, s := range sets {
		lines = append(lines, fmt.Sprintf("| `%s` | %s |", s.Name, s.Doc))
	}
	for _, f := range Functions() {
		lines = append(lines, fmt.Sprintf("| `%s` | `%s` | %s |", f.Name, f.Uses[0], f.Doc))
	}
	for _, line := range lines {
		if !strings.Contains(string(doc), "\n"+line+"\n") {
			t.Errorf("docs/checks.md does not have\n%s", line)
		}
	}
}
