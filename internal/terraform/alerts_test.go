package terraform

import (
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tiercel.dev/internal/meter"
)

// logged is what functions say in logs, as their source has it.
func logged(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, dir := range []string{"../../functions", "../../internal"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			all.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

// A metric counts log lines by their words: those that no function says would never be counted.
func TestMetricsCountWhatFunctionsSay(t *testing.T) {
	source, words, fields := logged(t), regexp.MustCompile(`jsonPayload\.message[=:]"([^"]+)"`), regexp.MustCompile(`jsonPayload\.([a-z_]+)[=)]`)
	paths := regexp.MustCompile(`jsonPayload\.counts\.([\w.]+)`)
	metrics := of(applied(t, "everything"), "google_logging_metric")
	if len(metrics) < 3 {
		t.Errorf("%d metrics", len(metrics))
	}
	for _, m := range metrics {
		for _, p := range paths.FindAllStringSubmatch(m.text("filter")+" "+m.text("value_extractor"), -1) {
			if !meter.Path(strings.Split(p[1], ".")...) {
				t.Errorf("%s reads counts.%s, which no function counts", m.Address, p[1])
			}
		}
		said := words.FindAllStringSubmatch(m.text("filter"), -1)
		if len(said) == 0 {
			t.Errorf("%s counts everything", m.Address)
		}
		for _, s := range said {
			if !strings.Contains(source, s[1]) {
				t.Errorf("%s counts %q, which no function says", m.Address, s[1])
			}
		}
		for _, f := range fields.FindAllStringSubmatch(m.text("filter")+" "+m.text("value_extractor")+labels(m), -1) {
			if f[1] != "message" && !strings.Contains(source, `"`+said[0][1]+`", "`+f[1]+`"`) && !regexp.MustCompile(`"`+said[0][1]+`",.*"`+f[1]+`",`).MatchString(source) {
				t.Errorf("%s reads %s, which %q does not come with", m.Address, f[1], said[0][1])
			}
		}
	}
}

// labels are the extractors of a metric's labels, each of which is declared.
func labels(m Instance) string {
	all := ""
	if extractors := m.at("label_extractors"); !extractors.IsNull() {
		for _, v := range extractors.AsValueMap() {
			all += " " + v.AsString()
		}
	}
	return all
}

// A policy or a chart in PromQL asks for a metric that there is, by the name that Cloud Monitoring gives it there, and of one resource:
// https://cloud.google.com/monitoring/promql/promql-mapping
func TestPoliciesAskForMetrics(t *testing.T) {
	instances := applied(t, "everything")
	kinds := make(map[string]string) // by name in PromQL
	for _, m := range of(instances, "google_logging_metric") {
		kinds["logging_googleapis_com:user_"+regexp.MustCompile(`[^a-zA-Z0-9]`).ReplaceAllString(m.text("name"), "_")] = m.text("metric_descriptor.value_type")
	}
	asked := make(map[string]bool)
	name := regexp.MustCompile(`(logging_googleapis_com:\w+)(\{monitored_resource="cloud_run_revision")?`)
	asks := func(who, query string) {
		for _, m := range name.FindAllStringSubmatch(query, -1) {
			base := m[1]
			if kinds[base] == "" {
				base = regexp.MustCompile(`_(sum|count|bucket)$`).ReplaceAllString(base, "")
				if kinds[base] != "DISTRIBUTION" {
					t.Errorf("%s asks for %s, which is no distribution of ours", who, m[1])
				}
			} else if kinds[base] == "DISTRIBUTION" {
				t.Errorf("%s asks for %s, a distribution, as if it were a number", who, m[1])
			}
			if m[2] == "" {
				t.Errorf("%s does not say of which resource %s is", who, m[1])
			}
			asked[base] = true
		}
	}
	var titles []string
	for _, p := range of(instances, "google_monitoring_alert_policy") {
		titles = append(titles, p.text("display_name"))
		query := ""
		if p.at("conditions.condition_prometheus_query_language").LengthInt() > 0 {
			query = p.text("conditions.condition_prometheus_query_language.query")
		}
		if query == "" {
			if p.text("conditions.condition_threshold.evaluation_missing_data") == "" || p.text("conditions.condition_threshold.duration") == "0s" {
				t.Errorf("%s stays open for a week once its points end, or cannot say what their end means", p.Address)
			}
			continue
		}
		if p.text("conditions.condition_prometheus_query_language.disable_metric_validation") != "true" {
			t.Errorf("%s: a first apply is refused, since the metric has no points yet", p.Address)
		}
		asks(p.Address, query)
	}
	for _, query := range queries(t, instances) {
		asks("the dashboard", query)
	}
	for metric := range kinds {
		if !asked[metric] {
			t.Errorf("nobody asks for %s", metric)
		}
	}
	for _, want := range []string{"messages wait", "messages are put aside", "findings wait for quota", "a report did not come", "nodes are silent", "nobody looks after the fleet", "findings are refused",
		"alerts come from places that do not exist"} {
		if !slices.Contains(titles, "Tiercel: "+want) {
			t.Errorf("no policy %q in %q", want, titles)
		}
	}
}

// Nothing that is called once an hour answers 5xx for ten minutes: its policy must not wait for that.
func TestSeldomCalledIsToldAtOnce(t *testing.T) {
	instances := applied(t, "everything")
	often := make(map[string]bool)
	for _, job := range of(instances, "google_cloud_scheduler_job") {
		minute, _, _ := strings.Cut(job.text("schedule"), " ")
		often[strings.TrimSuffix(job.Address, "google_cloud_scheduler_job.this[0]")] = minute == "*" || minute == "*/5"
	}
	for _, p := range of(instances, "google_monitoring_alert_policy") {
		module, own := strings.CutSuffix(p.Address, "google_monitoring_alert_policy.failing")
		frequent, scheduled := often[module]
		if want := map[bool]string{true: "60s", false: "600s"}[scheduled && !frequent]; own && p.text("conditions.condition_threshold.duration") != want {
			t.Errorf("%s waits for %s, want %s", p.Address, p.text("conditions.condition_threshold.duration"), want)
		}
	}
	if len(often) < 6 {
		t.Errorf("%d schedules", len(often))
	}
}

// queries are those of the dashboard that are in PromQL.
func queries(t *testing.T, instances []Instance) (all []string) {
	t.Helper()
	var dashboard struct {
		GridLayout struct {
			Widgets []struct {
				XyChart struct {
					DataSets []struct {
						TimeSeriesQuery struct{ PrometheusQuery string }
					}
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(of(instances, "google_monitoring_dashboard")[0].text("dashboard_json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, w := range dashboard.GridLayout.Widgets {
		for _, d := range w.XyChart.DataSets {
			if q := d.TimeSeriesQuery.PrometheusQuery; q != "" {
				all = append(all, q)
			}
		}
	}
	if len(all) < 10 {
		t.Errorf("%d queries in the dashboard", len(all))
	}
	return all
}
