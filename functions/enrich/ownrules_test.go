package enrich

import (
	"strings"
	"testing"

	"tiercel.dev/internal/scc"
	"tiercel.dev/rules"
)

// What enrichment takes from no sensor, no sensor loads: a rule of such a name would match in vain.
func TestNoRuleHasAnOwnName(t *testing.T) {
	for name, refused := range map[string]bool{scc.OwnRules + "mine": true, "my_" + scc.OwnRules: false} {
		file := rules.Source{Name: "mine.yaml", Data: []byte("rules:\n- {name: " + name + ", condition: evt.type == \"execve\", output: x, severity: LOW}\n")}
		_, err := rules.Load([]rules.Source{file}, rules.Options{})
		if refused != (err != nil && strings.Contains(err.Error(), scc.OwnRules)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
