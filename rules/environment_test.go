package rules

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/internal/event"
)

func TestEnvironment(t *testing.T) {
	rule := func(name, condition, output string) string {
		return "  - {name: " + name + ", severity: LOW, condition: '" + condition + "', output: '" + output + "'}\n"
	}
	of := map[string]struct {
		rules string
		want  Environment
	}{
		"none":         {rule("a", `evt.type == "execve"`, "x"), Environment{}},
		"by name":      {rule("a", `evt.type == "execve" && has(proc.env["LD_PRELOAD"])`, `{proc.env["TERM"]}`), Environment{Names: []string{"LD_PRELOAD", "TERM"}}},
		"of an open":   {rule("a", `evt.type == "openat" && proc.env["A"] == "b"`, "x"), Environment{Names: []string{"A"}}},
		"whole":        {rule("a", `evt.type == "execve" && proc.env.contains("x")`, "x"), Environment{All: true}},
		"disabled":     {rule("a", `evt.type == "execve" && proc.env.contains("x")`, "x") + "  - {name: a, enabled: false}\n" + rule("b", `evt.type == "execve"`, "x"), Environment{}},
		"of an output": {rule("a", `evt.type == "execve"`, "{proc.env}"), Environment{All: true}},
	}
	for name, c := range of {
		t.Run(name, func(t *testing.T) {
			set := mustLoad(t, Options{}, "rules:\n"+c.rules)
			if diff := cmp.Diff(c.want, set.Environment()); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if got, want := set.Filter()[event.Exec]&event.Environment != 0, !c.want.Empty(); got != want {
				t.Errorf("the kernel is asked for it: %v", got)
			}
			if got, want := set.Filter().Wanted().Has(event.Exec), name != "of an open"; got != want {
				t.Errorf("execs are wanted: %v", got)
			}
		})
	}
}
