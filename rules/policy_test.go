package rules

import (
	"errors"
	"strings"
	"testing"
	"time"

	"tiercel.dev/rules/where"
)

// policy is a right policy but for the lines given, which may repeat its keys.
func policyFile(where string) string {
	return "policies:\n- name: p\n  where: " + where + "\n  mute: true\n  reason: because\n  until: 2027-03-31\n"
}

func TestLoadPolicies(t *testing.T) {
	policies, err := LoadPolicies(Source{Name: "w.yaml", Data: []byte(policyFile(`rule == "r" && severity <= MEDIUM`) +
		"- {name: q, where: 'true', severity: CRITICAL, reason: x, until: '2027-03-31T18:00:00+02:00'}\n")})
	if err != nil {
		t.Fatal(err)
	}
	p, q := policies[0], policies[1]
	if p.Name != "p" || !p.Mute || p.Reason != "because" || !p.Until.Equal(time.Date(2027, 4, 1, 0, 0, 0, 0, time.UTC)) || p.Position.String() != "w.yaml:2:3" {
		t.Errorf("%+v", p)
	}
	if q.Mute || q.Severity != Critical || !q.Until.Equal(time.Date(2027, 3, 31, 16, 0, 0, 0, time.UTC)) {
		t.Errorf("%+v", q)
	}
	if got, err := p.Match(t.Context(), &where.Facts{Rule: "r", Severity: 2}); !got || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if none, err := LoadPolicies(Source{Name: "w.yaml", Data: []byte("policies: []\n")}); err != nil || len(none) != 0 {
		t.Errorf("%v, %v", none, err)
	}
}

// TestPolicyErrors has each error with its place and what the caret points to.
func TestPolicyErrors(t *testing.T) {
	one := func(keys string) string { return "policies:\n- {" + keys + "}\n" }
	rest := ", reason: x, until: 2027-03-31"
	for _, tt := range []struct{ name, file, at, caret, message string }{
		{"empty", "", "w.yaml", "", "the file is empty"},
		{"a rule file", "rules: []\n", "w.yaml:1:1", "rules", `unknown key "rules" of a where list; it has policies`},
		{"no list", "policies: x\n", "w.yaml:1:11", "x", "policies is a list, not a text"},
		{"no policy", "policies: [x]\n", "w.yaml:1:12", "x", "a policy is a mapping, not a text"},
		{"no where", one("name: p, mute: true" + rest), "w.yaml:2:3", "{name", "the policy has no where"},
		{"no name", one("where: 'true', mute: true" + rest), "w.yaml:2:3", "{where", "the policy has no name"},
		{"no reason", one("name: p, where: 'true', mute: true, until: 2027-03-31"), "w.yaml:2:3", "{name", "the policy has no reason"},
		{"no end", one("name: p, where: 'true', mute: true, reason: x"), "w.yaml:2:3", "{name", "the policy has no until"},
		{"no effect", one("name: p, where: 'true'" + rest), "w.yaml:2:3", "{name", "a policy has either mute or severity"},
		{"two effects", one("name: p, where: 'true', mute: true, severity: LOW" + rest), "w.yaml:2:3", "{name", "a policy has either mute or severity"},
		{"mute that is none", one("name: p, where: 'true', mute: false" + rest), "w.yaml:2:34", "false", "mute is true, or not there"},
		{"severity", one("name: p, where: 'true', severity: HUGE" + rest), "w.yaml:2:38", "HUGE", `severity "HUGE" is none of LOW, MEDIUM, HIGH, CRITICAL`},
		{"until", one("name: p, where: 'true', mute: true, reason: x, until: soon"), "w.yaml:2:58", "soon", `until is a day such as 2027-03-31`},
		{"a day that is none", one("name: p, where: 'true', mute: true, reason: x, until: 2027-02-30"), "w.yaml:2:58", "2027-02-30", `until is a day`},
		{"two lines", one(`name: p, where: 'true', mute: true, reason: "a\nb", until: 2027-03-31`), "w.yaml:2:48", `"a`, "reason is one line of printable text"},
		{"twice", one("name: p, where: 'true', mute: true"+rest) + "- {name: p, where: 'true', mute: true" + rest + "}\n", "w.yaml:3:3", "{name", `policy "p" is defined already at w.yaml:2:3`},
		{"unknown key", one("name: p, where: 'true', mut: true" + rest), "w.yaml:2:28", "mut", `unknown key "mut" of a policy`},
		{"unknown name", policyFile(`k8s.ns.nam == "x"`), "w.yaml:3:10", "k8s.ns.nam", "unknown name k8s.ns.nam: did you mean k8s.ns.name?"},
		{"unknown name behind others", policyFile(`rule == "x" && cluster.lable["env"] == "x"`), "w.yaml:3:25", "cluster.lable", "unknown name cluster.lable: did you mean cluster.label?"},
		{"unknown function", policyFile(`rule.startswith("x")`), "w.yaml:3:25", "(", "unknown function startswith: did you mean startsWith?"},
		{"types", policyFile(`severity == "LOW"`), "w.yaml:3:19", "==", "== can't be applied to (int, string)"},
		{"no bool", policyFile(`rule`), "w.yaml:3:10", "rule", "a condition is a bool, not string"},
		{"half a condition", policyFile(`rule ==`), "w.yaml:3:17", "", "unexpected"},
		{"one sign of =", policyFile(`rule = "x"`), "w.yaml:3:15", "=", "equality is =="},
	} {
		policies, err := LoadPolicies(Source{Name: "w.yaml", Data: []byte(tt.file)})
		var errs Errors
		if policies != nil || !errors.As(err, &errs) {
			t.Errorf("%s: %v, %v", tt.name, policies, err)
			continue
		}
		e := errs[0]
		if e.Position.String() != tt.at || !strings.Contains(e.Message, tt.message) {
			t.Errorf("%s: %s: %s\nwant %s: %s", tt.name, e.Position, e.Message, tt.at, tt.message)
		}
		if tt.caret != "" && !strings.HasPrefix(e.Text[min(len(e.Text), max(e.Column-1, 0)):], tt.caret) {
			t.Errorf("%s: the caret points to %q, not %q", tt.name, e.Text[e.Column-1:], tt.caret)
		}
	}
}

// FuzzLoadPolicies asserts that any file is a list or Errors with places, and that a list can be matched.
func FuzzLoadPolicies(f *testing.F) {
	f.Add([]byte(policyFile(`rule == "r" && cluster.label["env"] in ["a", "b"] || k8s.services.exists(s, s.glob("x*"))`)))
	f.Add([]byte("policies:\n- {name: q, where: '1/0 == 1', severity: CRITICAL, reason: x, until: '2027-03-31T18:00:00+02:00'}\n"))
	f.Add([]byte("policies:\n- name: q\n  where: |\n    tags.all(t, tags.all(u, t == u))\n     && has(x.y)\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		policies, err := LoadPolicies(Source{Name: "f.yaml", Data: data})
		if err != nil {
			var errs Errors
			if policies != nil || !errors.As(err, &errs) || len(errs) == 0 {
				t.Fatalf("undocumented error: %v", err)
			}
			for _, e := range errs {
				if e.Error() == "" || e.Message == "" || e.Line < 0 || e.Line > 0 && e.Column < 1 {
					t.Fatalf("error without a place or message: %+v", e)
				}
			}
			return
		}
		for _, p := range policies {
			p.Match(t.Context(), &where.Facts{Rule: "r", Tags: []string{"a"}, Unknown: []string{"cluster.label"}})
			if p.Name == "" || p.Reason == "" || p.Until.IsZero() || p.Mute == (p.Severity != 0) {
				t.Fatalf("half a policy: %+v", p)
			}
		}
	})
}
