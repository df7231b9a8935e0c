package check

import (
	"strings"
	"testing"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"github.com/google/go-cmp/cmp"

	"tiercel.dev/internal/posture"
	"tiercel.dev/rules/source"
)

const lists = `
lists:
  good: [a, b]
macros:
  in_good: cluster.name in good
  doubled: cluster.name + cluster.name
  pool_name: pool.name
`

// Lists and macros of one file serve the checks of another; a macro gives any value, and sees those before it.
func TestListsAndMacros(t *testing.T) {
	files := []source.File{
		{Name: "b.yaml", Data: []byte(head + "    verdicts:\n      - {pass: 'in_good && doubled == \"aa\" && longer', because: '{doubled}'}\n      - {fail: otherwise, because: x}\n")},
		{Name: "c.yaml", Data: []byte(strings.TrimSpace(lists) + "\n  longer: size(doubled) > size(cluster.name)\n")},
	}
	s, err := Load(files)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]posture.Verdict{"a": posture.Pass, "b": posture.Fail, "c": posture.Fail} {
		if r := one(t, s, GKE(testCluster, &pb.Cluster{Name: name})); r.Verdict != want {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// What is not known stays so through a macro.
func TestUnknownThroughMacros(t *testing.T) {
	s := load(t, "macros:\n  target: upgrade_info.minor_target_version\n  has_target: target != ''\n"+head+"    verdicts:\n      - {fail: has_target, because: x}\n      - {pass: otherwise, because: x}\n")
	w := GKE(testCluster, &pb.Cluster{})
	w.Unknown["upgrade_info"] = &posture.Gap{Part: "upgrade_info", Call: "FetchClusterUpgradeInfo", Error: "refused"}
	if r := one(t, s, w); r.Verdict != posture.Unknown || !strings.Contains(r.Reason, "FetchClusterUpgradeInfo") {
		t.Errorf("%+v", r)
	}
}

func TestDefinitionsThatCantBe(t *testing.T) {
	for text, want := range map[string]string{
		"macros: {a: 'b', b: 'true'}":          "unknown name b",
		"macros: {a: '1', a: '2'}":             "is given twice",
		"lists: {a: [x]}\nmacros: {a: 'true'}": `"a" is defined already at x.yaml:1:9`,
		"macros: {cluster: 'true'}":            "a macro can't have the name",
		"macros: {A: 'true'}":                  "a macro can't have the name",
		"macros: {a: 'pool.name'}\n" + head + "    verdicts: [{pass: otherwise, because: '{a}'}]\n":                                                          "pool is known to checks with each: pool alone",
		head + "    verdicts: [{pass: otherwise, because: x}]\n" + strings.TrimPrefix(head, "checks:\n") + "    verdicts: [{pass: otherwise, because: x}]\n": `"X-1" is defined already at x.yaml:2:9`,
		"checks: []": "no checks",
		strings.Replace(head, "id: X-1", "id: x", 1) + "    verdicts: [{pass: otherwise, because: x}]\n":                               "an id is capital letters",
		strings.Replace(head, "LOW", "BAD", 1) + "    verdicts: [{pass: otherwise, because: x}]\n":                                     "severity is one of",
		strings.Replace(head, "disruption: none", "disruption: some", 1) + "    verdicts: [{pass: otherwise, because: x}]\n":           "disruption is none of",
		strings.Replace(head, "    fix: {text: do it, disruption: none}\n", "", 1) + "    verdicts: [{fail: otherwise, because: x}]\n": "neither the verdict nor the check has a fix",
	} {
		_, err := Load([]source.File{{Name: "x.yaml", Data: []byte(text)}})
		if err == nil || !strings.Contains(err.Error(), want) || source.Places(err) == nil {
			t.Errorf("%s\n%v\nwant %s", text, err, want)
		}
	}
}

// A check is what its file says of it.
func TestWordsOfACheck(t *testing.T) {
	s := with(t, "benchmarks:\n  CIS GKE: {'1.9.0': ['5.8.3'], '2.0.0': ['5.8.4']}\nlink: https://example.com/x\nneeds: [credentials]\nverdicts:\n  - {warn: cluster.name == 'x', severity: INFO, because: x}\n  - {pass: otherwise, because: x}")
	want := posture.Check{ID: "X-1", Title: "t", Why: "w", Severity: posture.Low, Category: "ABC", Link: "https://example.com/x", Benchmarks: []posture.Benchmark{
		{Standard: "CIS GKE", Version: "1.9.0", IDs: []string{"5.8.3"}}, {Standard: "CIS GKE", Version: "2.0.0", IDs: []string{"5.8.4"}}}}
	c := s.Check("X-1")
	if diff := cmp.Diff(want, c.Check); diff != "" || c.Each != "cluster" || len(s.Checks()) != 1 || s.Check("X-2") != nil {
		t.Errorf("%s %+v", diff, c)
	}
	if got := c.Comes(); !cmp.Equal(got, []posture.Verdict{posture.Pass, posture.Unknown, posture.Warn}) {
		t.Errorf("%v", got)
	}
}

// A case that does not come out as it says is told, whatever it says.
func TestCasesFail(t *testing.T) {
	s := with(t, "verdicts:\n  - {fail: cluster.name == 'bad', severity: HIGH, because: the name is bad}\n  - {pass: otherwise, because: x}\nevidence: [cluster.name]")
	for line, want := range map[string]string{
		"cluster: {name: bad}, verdict: FAIL":                              "",
		"cluster: {name: bad}, verdict: PASS":                              `verdict is "FAIL: the name is bad", not "PASS"`,
		"cluster: {name: bad}, verdict: FAIL, severity: LOW":               "severity is",
		"cluster: {name: bad}, verdict: FAIL, reason: good":                "reason is",
		"cluster: {name: bad}, verdict: FAIL, evidence: {cluster.name: x}": `cluster.name is "bad", not "x"`,
		"cluster: {name: bad}, verdict: FAIL, evidence: {cluster.zone: x}": "not among the evidence",
		"cluster: {name: bad}, verdict: FAIL, commands: [gcloud]":          "command 1 of 0",
		"cluster: {name: bad}, verdict: FAIL, about: pool x":               "about says which",
	} {
		cases, err := RunTests(t.Context(), s, source.File{Name: "x_test.yaml", Data: []byte("cases:\n  - {name: n, check: X-1, " + line + "}\n")})
		if err != nil || len(cases) != 1 || (cases[0].Message == "") != (want == "") || !strings.Contains(cases[0].Message, want) {
			t.Errorf("%s: %+v, %v", line, cases, err)
		}
	}
	for line, want := range map[string]string{
		"{name: n, check: X-2, verdict: PASS}":                    "there is no check",
		"{name: n, check: X-1, verdict: FINE}":                    "verdict is one of",
		"{name: n, check: X-1, verdict: PASS, cluster: {nam: x}}": `unknown field "nam"`,
		"{name: n, check: X-1, verdict: PASS, vars: {x: 1}}":      "there is no variable",
		"{name: n, check: X-1, verdict: PASS, sets: {x: []}}":     "there is no set",
		"{name: n, check: X-1, verdict: PASS, colour: red}":       "unknown key",
	} {
		if _, err := RunTests(t.Context(), s, source.File{Name: "x_test.yaml", Data: []byte("cases:\n  - " + line + "\n")}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}
