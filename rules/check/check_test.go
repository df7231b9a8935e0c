package check

import (
	"strings"
	"testing"

	"tiercel.dev/rules/source"
)

func load(t testing.TB, text string) *Set {
	t.Helper()
	s, err := Load([]source.File{{Name: "x.yaml", Data: []byte(text)}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// head is a check but for its verdicts.
const head = `checks:
  - id: X-1
    title: t
    why: w
    severity: LOW
    category: ABC
    fix: {text: do it, disruption: none}
`

// with is a set with one check of these lines.
func with(t testing.TB, lines string) *Set {
	t.Helper()
	return load(t, head+"    "+strings.ReplaceAll(strings.TrimSpace(lines), "\n", "\n    ")+"\n")
}

func TestErrorsSayWhere(t *testing.T) {
	for lines, want := range map[string]string{
		"verdicts:\n  - fail: cluster.legacy_abak.enabled\n    because: x\n  - {pass: otherwise, because: x}": "x.yaml:9:22: undefined field 'legacy_abak'",
		"verdicts:\n  - fail: clustr.name == ''\n    because: x\n  - {pass: otherwise, because: x}":           "unknown name clustr",
		"verdicts:\n  - {pass: 1 + 1, because: x}":                                                            "the last verdict, and no other",
		"verdicts:\n  - {fail: 1 + 1, because: x}\n  - {pass: otherwise, because: x}":                         "a condition is a bool, not int",
		"verdicts:\n  - {pass: otherwise}":                                                                    "it has no because",
		"verdicts:\n  - {pass: otherwise, because: '{pool.name}'}":                                            "known to checks with each: pool alone",
		"verdicts:\n  - {pass: otherwise, because: 'a {cluster.name'}":                                        "the brace is not closed",
		"verdicts:\n  - {pass: otherwise, because: x}\nevidence: [cluster.master_auth.client_key]":            "client_key is a secret",
		"verdicts:\n  - {pass: otherwise, because: x}\nevidence: [cluster.master_auth.password != '']":        "password is a secret",
		"verdicts:\n  - {pass: otherwise, because: x}\neach: moon":                                            "each is none of",
		"verdicts:\n  - {pass: otherwise, because: x}\nneeds: [credential]":                                   "nothing is read that is called",
		"verdicts:\n  - {pass: otherwise, because: x, severity: LOW}":                                         "severity is for warn and fail",
	} {
		_, err := Load([]source.File{{Name: "x.yaml", Data: []byte(head + "    " + strings.ReplaceAll(lines, "\n", "\n    "))}})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "^") {
			t.Errorf("%s\n%v\nwant %s", lines, err, want)
		}
	}
}
