package rules

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// A list of domains is filled with their addresses, and a list of numbers may be empty.
func TestListOfDomains(t *testing.T) {
	lists := NewLists()
	set, err := Load([]Source{{Name: "a.yaml", Data: []byte(`
lists:
  registries: {domains: [r.example, s.example]}
  ports: {items: [], of: int}
rules:
  - {name: r, severity: LOW, output: x, condition: 'evt.type == "connect" && fd.sip in registries && !(fd.sport in ports)'}
`)}}, Options{Lists: lists})
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string][]string{"registries": {"r.example", "s.example"}}, set.Domains()); d != "" {
		t.Error(d)
	}
	ev := testEvent(t, "evt.type", "connect", "fd.sip", "192.0.2.7", "fd.sport", "443")
	if got := matches(set, ev); len(got) > 0 {
		t.Errorf("%v fire before the addresses are known", got)
	}
	lists.SetTexts("registries", []string{"192.0.2.7"})
	if got := matches(set, ev); len(got) != 1 {
		t.Errorf("%v fire", got)
	}
	for text, want := range map[string]string{
		"{domains: [a], from: x}":    "from and default go together",
		"{domains: [a], items: [b]}": "a list has either",
		"{domains: [a], of: int}":    "of goes with from or items",
		"{items: [a], of: int}":      "x holds texts, and its of says int",
		"{}":                         "a list has items, append, domains, or from with default",
	} {
		_, err := Load([]Source{{Name: "a.yaml", Data: []byte("lists:\n  x: " + text + "\n")}}, Options{})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
