package hardened

import (
	"encoding/json"
	"strings"
	"testing"

	parser "github.com/joshdk/go-junit"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"tiercel.dev/internal/posture"
)

// valid holds a log against the schema of SARIF 2.1.0, which the library has, and for names that the schema does not.
func valid(log string) error {
	decoder := json.NewDecoder(strings.NewReader(log))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(new(sarif.Report)); err != nil {
		return err
	}
	r, err := sarif.FromString(log)
	if err != nil {
		return err
	}
	// What a log leaves out the library has empty, and its schema then refuses.
	language := "en-US"
	for _, run := range r.Runs {
		run.Language, run.Tool.Driver.Language, run.NewlineSequences = language, language, []string{"\n"}
	}
	return r.Validate()
}

func TestSARIFIsOfItsSchema(t *testing.T) {
	nothing := &Report{Version: "1.0.0"}
	for name, r := range map[string]*Report{"hostile": report(), "nothing": nothing} {
		if err := valid(written(t, (*Report).SARIF, r)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	log := written(t, (*Report).SARIF, report())
	for from, to := range map[string]string{`"level": "error"`: `"level": "dreadful"`, `"ruleId"`: `"rulesId"`, `"version": "2.1.0"`: `"version": "2.2.0"`} {
		broken := strings.Replace(log, from, to, 1)
		if broken == log || valid(broken) == nil {
			t.Errorf("taken with %s for %s", to, from)
		}
	}
}

// Another's parser of JUnit's form reads what was written, and counts the same.
func TestJUnitIsRead(t *testing.T) {
	suites, err := parser.Ingest([]byte(written(t, (*Report).JUnit, report())))
	if err != nil {
		t.Fatal(err)
	}
	var got parser.Totals
	for _, s := range suites {
		got.Tests += s.Totals.Tests
		got.Passed += s.Totals.Passed
		got.Skipped += s.Totals.Skipped
		got.Failed += s.Totals.Failed
		got.Error += s.Totals.Error
	}
	counts := map[posture.Verdict]int{}
	for _, r := range report().Clusters[0].Results {
		counts[r.Verdict]++
	}
	want := parser.Totals{Failed: counts[posture.Fail], Passed: counts[posture.Pass] + counts[posture.Warn],
		Skipped: counts[posture.Excepted] + counts[posture.NA] + counts[posture.Managed], Error: counts[posture.Unknown] + 2} // a gap of the cluster, and one of all
	want.Tests = want.Failed + want.Passed + want.Skipped + want.Error
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
