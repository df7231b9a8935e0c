package functions

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"tiercel.dev/alert"
	"tiercel.dev/internal/meter"
	"tiercel.dev/local/storage"
)

// alone are functions whose records are on this machine, and whose topics are nowhere.
func alone(t *testing.T, log *slog.Logger) map[string]http.Handler {
	t.Helper()
	records := httptest.NewServer(storage.New())
	t.Cleanup(records.Close)
	settings := func() (Settings, error) {
		return Settings{Project: "p", AlertsTopic: "projects/p/topics/a", QuarantineTopic: "projects/p/topics/q", Bucket: "records", Source: sourceOff, MaxInstances: 1}, nil
	}
	return Handlers(settings, Endpoints{
		Storage: []option.ClientOption{option.WithEndpoint(records.URL + "/storage/v1/"), option.WithoutAuthentication()},
		PubSub: []option.ClientOption{option.WithEndpoint("127.0.0.1:1"), option.WithoutAuthentication(),
			option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials()))},
	}, log)
}

// delivery is a push of an alert.
func delivery(t *testing.T, rule string) (*http.Request, *alert.Alert) {
	t.Helper()
	a := &alert.Alert{Schema: alert.Schema, Kind: alert.KindAlert, SensorId: "s", BootId: "b", Seq: 1, AlertId: alert.ID("s", "b", 1), Time: alert.Time(1),
		ObservedTime: alert.Time(1), Severity: alert.High, Rule: &alert.Rule{Name: rule}, Cluster: &alert.Cluster{Project: "p", Location: "l", Name: "c"}}
	a.Identity = alert.Identity(a)
	data, err := alert.JSON(a)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(map[string]any{"subscription": "projects/p/subscriptions/route",
		"message": map[string]any{"messageId": "7", "data": base64.StdEncoding.EncodeToString(data), "attributes": alert.Attributes(a)}})
	if err != nil {
		t.Fatal(err)
	}
	return httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body)), a
}

type entry struct {
	Severity, Message string
	Function, Result  string
	Status            int
	Seconds           float64
	Counts            map[string]any
	Trace             string            `json:"logging.googleapis.com/trace"`
	Span              string            `json:"logging.googleapis.com/spanId"`
	Labels            map[string]string `json:"logging.googleapis.com/labels"`
}

func entries(t *testing.T, text string) (all []entry) {
	t.Helper()
	for line := range strings.Lines(text) {
		var e entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		all = append(all, e)
	}
	return all
}

const (
	traceID     = "0af7651916cd43dd8448eb211c80319c"
	traceParent = "00-" + traceID + "-b7ad6b7169203331-01"
)

// A request's lines have its trace, those about an alert the alert's, and the last line has what was counted.
func TestRequestIsLoggedWithItsTraceAndCounts(t *testing.T) {
	var out strings.Builder
	handlers := alone(t, slog.New(LogHandler(&out)))
	r, a := delivery(t, "r")
	r.Header.Set("traceparent", traceParent)
	w := httptest.NewRecorder()
	handlers[RouteAlert].ServeHTTP(w, r)
	if w.Code != http.StatusNoContent {
		t.Fatalf("%d: %s", w.Code, out.String())
	}
	lines := entries(t, out.String())
	if len(lines) != 2 { // that findings are off, and the end
		t.Fatalf("logged %s", out.String())
	}
	if of := lines[0]; of.Trace != "projects/p/traces/"+a.AlertId || of.Labels["tiercel/request_trace"] != traceID || of.Severity != "WARNING" {
		t.Errorf("%+v", of)
	}
	last := lines[1]
	if last.Trace != "projects/p/traces/"+traceID || last.Span != "b7ad6b7169203331" || last.Labels["tiercel/function"] != RouteAlert || last.Severity != "DEBUG" {
		t.Errorf("%+v", last)
	}
	storage, _ := last.Counts["api_calls"].(map[string]any)["Storage"].(map[string]any)
	if last.Message != "request served" || last.Function != RouteAlert || last.Result != meter.Done || last.Status != 204 || last.Seconds <= 0 ||
		last.Counts["alerts"].(map[string]any)["aggregated"] != 1.0 || storage["200"] == nil || storage["404"] == nil {
		t.Errorf("%+v", last)
	}
}

func TestEveryFunctionServesMetrics(t *testing.T) {
	handlers := alone(t, slog.New(slog.DiscardHandler))
	r, _ := delivery(t, "r")
	handlers[RouteAlert].ServeHTTP(httptest.NewRecorder(), r)
	handlers[RouteAlert].ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	for name, h := range handlers {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, MetricsPath, nil))
		for _, line := range []string{
			`tiercel_functions_requests_total{function="RouteAlert",result="done"} 1`,
			`tiercel_functions_requests_total{function="RouteAlert",result="refused"} 1`,
			`tiercel_functions_request_seconds_count{function="RouteAlert"} 2`,
			`tiercel_functions_alerts_total{function="RouteAlert",result="aggregated"} 1`,
		} {
			if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), line+"\n") {
				t.Errorf("%s: %d, no line %s", name, w.Code, line)
			}
		}
	}
}

// What came of a request is told from its answer, but for a message that was put aside: that is answered as one that was handled.
func TestResults(t *testing.T) {
	for status, want := range map[int]string{
		200: meter.Done, 204: meter.Done, 400: meter.Refused, 405: meter.Refused, 429: meter.Quota, 500: meter.Failed, 503: meter.Failed,
	} {
		_, r := meter.New().Begin(t.Context(), "F")
		if got, reason := cameOf(status, r); got != want || reason != "" {
			t.Errorf("%d: %s, %s", status, got, reason)
		}
	}
	ctx, r := meter.New().Begin(t.Context(), "F")
	meter.Add(ctx, meter.Poisoned, 1, "InvalidArgument")
	if got, reason := cameOf(204, r); got != meter.Poison || reason != "InvalidArgument" {
		t.Errorf("%s, %s", got, reason)
	}
}
