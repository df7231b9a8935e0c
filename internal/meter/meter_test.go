package meter

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// one counts something of each family.
func one(ctx context.Context, r *Request) {
	for _, f := range Families {
		var values []string
		for _, l := range f.Labels {
			values = append(values, append(l.Values, "other")[0])
		}
		switch {
		case f.Kind == Counter && f != Requests:
			Add(ctx, f, 2, values...)
		case f.Kind == Gauge:
			Set(ctx, f, 3, values...)
		}
	}
	r.End(ctx, Done, 0.2)
}

func TestNamesPassPrometheusLint(t *testing.T) {
	m := New()
	one(m.Begin(t.Context(), "F"))
	problems, err := testutil.GatherAndLint(m.Gatherer())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	n, err := testutil.GatherAndCount(m.Gatherer())
	if err != nil || n < len(Families) {
		t.Errorf("%d metrics of %d families, %v", n, len(Families), err)
	}
}

func TestServesWhatWasCounted(t *testing.T) {
	m := New()
	first, r := m.Begin(t.Context(), "RouteAlert")
	Add(first, Findings, 2, "written")
	Add(first, Findings, 1, "refused")
	Add(first, Limited, 0)
	Set(first, Writes, 998)
	Set(first, Writes, 997)
	r.End(first, Quota, 0.3)
	second, _ := m.Begin(t.Context(), "CheckHardening")
	Add(second, Findings, 5, "written")
	Add(second, Verdicts, 1, "N/A\xff")
	Add(t.Context(), Findings, 7, "written") // of no request

	want := map[string]any{"findings": map[string]any{"written": 2.0, "refused": 1.0}, "budget_writes_left": 997.0}
	if d := cmp.Diff(want, r.Counts()); d != "" {
		t.Errorf("counts (-want +got):\n%s", d)
	}
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, line := range []string{
		`tiercel_functions_findings_total{function="RouteAlert",result="written"} 2`,
		`tiercel_functions_findings_total{function="CheckHardening",result="written"} 5`,
		`tiercel_functions_budget_writes_left{function="RouteAlert"} 997`,
		`tiercel_functions_requests_total{function="RouteAlert",result="quota"} 1`,
		`tiercel_functions_request_seconds_bucket{function="RouteAlert",le="0.5"} 1`,
		`tiercel_functions_request_seconds_bucket{function="RouteAlert",le="0.25"} 0`,
		`tiercel_functions_verdicts_total{function="CheckHardening",verdict="N/A�"} 1`,
	} {
		if !strings.Contains(w.Body.String(), line+"\n") {
			t.Errorf("no line %s in\n%s", line, w.Body)
		}
	}
}

func TestPaths(t *testing.T) {
	m := New()
	ctx, r := m.Begin(t.Context(), "F")
	one(ctx, r)
	var walk func(at []string, v any)
	n := 0
	walk = func(at []string, v any) {
		if inner, ok := v.(map[string]any); ok {
			for step, v := range inner {
				walk(append(at[:len(at):len(at)], step), v)
			}
			return
		}
		n++
		if !Path(at...) {
			t.Errorf("%q is logged, and no path", at)
		}
	}
	walk(nil, r.Counts())
	if n < 10 {
		t.Errorf("%d paths", n)
	}
	for _, path := range [][]string{{}, {"findings"}, {"findings", "lost"}, {"findings", "written", "x"}, {"nothing"}, {"requests", "done"}} {
		if Path(path...) {
			t.Errorf("%q is a path", path)
		}
	}
}

func TestCallsAreCountedByServiceAndCode(t *testing.T) {
	m := New()
	ctx, r := m.Begin(t.Context(), "F")
	for method, answer := range map[string]error{
		"/google.cloud.securitycenter.v2.SecurityCenter/UpdateFinding": status.Error(codes.ResourceExhausted, "quota"),
		"/google.container.v1.ClusterManager/ListClusters":             nil,
		"/Plain/Call": context.DeadlineExceeded,
	} {
		err := Call(ctx, method, nil, nil, nil, func(context.Context, string, any, any, *grpc.ClientConn, ...grpc.CallOption) error { return answer })
		if err != answer {
			t.Errorf("%s: %v", method, err)
		}
	}
	want := map[string]any{"api_calls": map[string]any{"SecurityCenter": map[string]any{"ResourceExhausted": 1.0},
		"ClusterManager": map[string]any{"OK": 1.0}, "Plain": map[string]any{"Unknown": 1.0}}}
	if d := cmp.Diff(want, r.Counts()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
