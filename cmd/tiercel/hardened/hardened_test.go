package hardened

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"tiercel.dev/internal/posture"
)

const hostile = "=HYPERLINK(\"http://x\")\x1b[2J\u202e<b>&\x00\ufffe"

func report() *Report {
	shop := posture.Resource{Project: "acme", Location: "europe-west1", Cluster: "shop"}
	at := func(change func(*posture.Resource)) posture.Resource {
		r := shop
		change(&r)
		return r
	}
	results := []posture.Result{
		{Check: "A", Resource: shop, Verdict: posture.Fail, Severity: posture.Critical, Reason: hostile,
			Evidence: []posture.Evidence{{Path: "cluster.legacy_abac.enabled", Value: hostile}},
			Fix:      &posture.Fix{Commands: []string{"gcloud container clusters update shop"}, Text: "See first who needs it.", Disruption: "may lock out"}},
		{Check: "A", Resource: at(func(r *posture.Resource) { r.Pool = "default-pool" }), Verdict: posture.Warn, Severity: posture.Low},
		{Check: "B", Resource: at(func(r *posture.Resource) { r.Kind, r.Namespace, r.Name = "RoleBinding", "team-a", hostile }), Verdict: posture.Excepted,
			Exception: &posture.Exception{Reason: hostile, Owner: "team-a", Until: "2026-12-31"}},
		{Check: "B", Resource: shop, Verdict: posture.Unknown, Reason: "needs container.clusters.get"},
		{Check: "C", Resource: shop, Verdict: posture.Pass}, {Check: "C", Resource: shop, Verdict: posture.NA}, {Check: "C", Resource: shop, Verdict: posture.Managed},
	}
	for i := range results {
		results[i].ID = posture.ID(results[i].Check, results[i].Resource)
	}
	return &Report{
		Version: "1.0.0",
		Checks: []posture.Check{
			{ID: "A", Title: "Legacy ABAC is off", Why: "It is wide.", Severity: posture.Critical, Category: "LEGACY", Link: "https://cloud.google.com/x",
				Benchmarks: []posture.Benchmark{{Standard: "CIS GKE", Version: "1.9.0", IDs: []string{"5.8.3"}}}},
			{ID: "B", Title: "Bindings are narrow", Why: "They are wide.", Severity: posture.Medium, Category: "WIDE"},
		},
		Clusters: []*posture.Cluster{{Time: time.Date(2026, 1, 5, 6, 0, 0, 0, time.UTC), Resource: shop, Results: results,
			Gaps: []posture.Gap{{Part: "kubernetes", Call: "connect", Error: hostile}}}},
		Gaps: []posture.Gap{{Part: "clusters/projects/secret", Call: "ListClusters", Error: "no"}},
	}
}

func written(t *testing.T, write func(*Report, io.Writer) error, r *Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(r, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// WARN is no failure to the exit code, EXCEPTED neither, and an UNKNOWN or a gap is no whole answer.
func TestCounts(t *testing.T) {
	r := report()
	if r.Failures(posture.Low) != 1 || r.Failures(posture.Critical) != 1 || r.Complete() {
		t.Errorf("%d failures, complete %v", r.Failures(posture.Low), r.Complete())
	}
	r.Clusters[0].Results[0].Severity = 0 // then its check's
	if r.Failures(posture.Critical) != 1 {
		t.Error("the check's severity does not count")
	}
	r.Clusters[0].Gaps, r.Gaps = nil, nil
	if r.Complete() {
		t.Error("complete with an UNKNOWN")
	}
	r.Clusters[0].Results = r.Clusters[0].Results[4:]
	if !r.Complete() {
		t.Error("not complete")
	}
	r.Gaps = report().Gaps
	if r.Complete() {
		t.Error("complete without a project")
	}
}

// What is withheld on purpose is told in each form, as what it is: no pass, no failure, and no error of a run.
func TestWithheld(t *testing.T) {
	r := report()
	at := r.Clusters[0].Resource
	r.Gaps = nil
	r.Clusters[0].Gaps = []posture.Gap{{Part: "credentials", Call: "GetCluster", Error: "hidden", Withheld: true}}
	r.Clusters[0].Results = []posture.Result{{ID: "1", Check: "A", Resource: at, Verdict: posture.Unknown, Withheld: true, Reason: "hidden"}}
	if !r.Complete() || r.Failures(posture.Info) != 0 {
		t.Error("not complete")
	}
	var back struct {
		Complete bool
		Clusters []posture.Cluster
	}
	if err := json.Unmarshal([]byte(written(t, (*Report).JSON, r)), &back); err != nil || !back.Complete || !back.Clusters[0].Results[0].Withheld || !back.Clusters[0].Gaps[0].Withheld {
		t.Errorf("%+v, %v", back, err)
	}
	var log any
	if err := json.Unmarshal([]byte(written(t, (*Report).SARIF, r)), &log); err != nil {
		t.Fatal(err)
	}
	run := must[map[string]any](t, log, "runs", 0)
	if !must[bool](t, run, "invocations", 0, "executionSuccessful") || must[string](t, run, "invocations", 0, "toolExecutionNotifications", 0, "level") != "note" {
		t.Errorf("%v", run["invocations"])
	}
	if must[string](t, run, "results", 0, "kind") != "open" || !must[bool](t, run, "results", 0, "properties", "withheld") {
		t.Errorf("%v", run["results"])
	}
	var all junit
	if err := xml.Unmarshal([]byte(written(t, (*Report).JUnit, r)), &all); err != nil || all.Tests != 1 || all.Skipped != 1 ||
		all.Suites[0].Cases[0].Skipped.Message != "UNKNOWN on purpose: hidden" {
		t.Errorf("%+v, %v", all, err)
	}
	if text := written(t, (*Report).CSV, r); !strings.Contains(text, ",UNKNOWN,,on purpose: hidden,") {
		t.Error(text)
	}
}

// What is shown on a terminal does nothing to it.
func TestJSONIsPrintable(t *testing.T) {
	for _, write := range []func(*Report, io.Writer) error{(*Report).JSON, (*Report).SARIF} {
		text := written(t, write, report())
		if i := strings.IndexFunc(text, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("%q", text[max(0, i-20):i+20])
		}
	}
	var back Report
	if err := json.Unmarshal([]byte(written(t, (*Report).JSON, report())), &back); err != nil || back.Clusters[0].Results[0].Evidence[0].Path == "" {
		t.Errorf("%v", err)
	}
}

// must takes what a path leads to, or fails the test: a required field that is not there.
func must[T any](t *testing.T, from any, keys ...any) T {
	t.Helper()
	for i, key := range keys {
		var next any
		ok := false
		switch k := key.(type) {
		case string:
			next, ok = from.(map[string]any)[k]
		case int:
			list, is := from.([]any)
			if ok = is && k < len(list); ok {
				next = list[k]
			}
		}
		if !ok {
			t.Fatalf("there is no %v", keys[:i+1])
		}
		from = next
	}
	out, ok := from.(T)
	if !ok {
		t.Fatalf("%v is %v", keys, from)
	}
	return out
}

// What the schema of SARIF 2.1.0 requires of each object that is written, and the words that it allows.
func TestSARIF(t *testing.T) {
	var log any
	if err := json.Unmarshal([]byte(written(t, (*Report).SARIF, report())), &log); err != nil {
		t.Fatal(err)
	}
	if must[string](t, log, "version") != "2.1.0" {
		t.Error("version")
	}
	run := must[map[string]any](t, log, "runs", 0)
	if must[string](t, run, "tool", "driver", "name") == "" || must[bool](t, run, "invocations", 0, "executionSuccessful") {
		t.Error("a run with gaps was successful")
	}
	if n := len(must[[]any](t, run, "invocations", 0, "toolExecutionNotifications")); n != 2 {
		t.Errorf("%d notifications of 2 gaps", n)
	}
	rules := must[[]any](t, run, "tool", "driver", "rules")
	for _, rule := range rules {
		if must[string](t, rule, "id") == "" || must[string](t, rule, "shortDescription", "text") == "" {
			t.Errorf("%v", rule)
		}
		tags := must[[]any](t, rule, "properties", "tags")
		for i := range tags {
			if slices.Contains(tags[:i], tags[i]) {
				t.Errorf("tag %v twice", tags[i])
			}
		}
	}
	results := must[[]any](t, run, "results")
	if len(results) != len(report().Clusters[0].Results) {
		t.Errorf("%d results", len(results))
	}
	for _, r := range results {
		kind, level := must[string](t, r, "kind"), must[string](t, r, "level")
		if !slices.Contains([]string{"pass", "open", "informational", "notApplicable", "review", "fail"}, kind) ||
			!slices.Contains([]string{"none", "note", "warning", "error"}, level) || (kind == "fail") == (level == "none") {
			t.Errorf("kind %s, level %s", kind, level)
		}
		uri := must[string](t, r, "locations", 0, "physicalLocation", "artifactLocation", "uri")
		if u, err := url.Parse(uri); err != nil || u.IsAbs() {
			t.Errorf("%q: %v", uri, err)
		}
		if must[string](t, r, "message", "text") == "" || must[string](t, r, "partialFingerprints", "tiercel/v1") == "" {
			t.Errorf("%v", r)
		}
		id := must[string](t, r, "ruleId")
		if i, ok := r.(map[string]any)["ruleIndex"]; ok && must[string](t, rules, int(i.(float64)), "id") != id {
			t.Errorf("rule index of %s is %v", id, i)
		}
	}
	if s := must[[]any](t, results[2], "suppressions"); must[string](t, s, 0, "kind") != "external" {
		t.Errorf("%v", s)
	}
}

// JUnit is well-formed whatever names say, and its counts are those of its cases.
func TestJUnit(t *testing.T) {
	text := written(t, (*Report).JUnit, report())
	var all junit
	if err := xml.Unmarshal([]byte(text), &all); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	if all.Tests != 9 || all.Failures != 1 || all.Errors != 3 || all.Skipped != 3 || len(all.Suites) != 2 {
		t.Errorf("%+v", all)
	}
	first := all.Suites[0].Cases[0]
	if first.Class != "A" || first.Failure == nil || first.Failure.Type != "CRITICAL" || !strings.Contains(first.Failure.Text, "gcloud container clusters update shop") {
		t.Errorf("%+v", first)
	}
	if first.Error != nil || first.Skipped != nil {
		t.Error("a case has two outcomes")
	}
}

func TestCSV(t *testing.T) {
	rows, err := csv.NewReader(strings.NewReader(written(t, (*Report).CSV, report()))).ReadAll()
	if err != nil || len(rows) != 8 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if got := rows[1][8]; !strings.HasPrefix(got, "'=") {
		t.Errorf("%q is a formula", got)
	}
	if got := fmt.Sprint(rows[3][6:8], rows[3][12:]); got != "[EXCEPTED MEDIUM] [team-a 2026-12-31]" {
		t.Error(got)
	}
}
