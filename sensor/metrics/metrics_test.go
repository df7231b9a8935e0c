package metrics

import (
	"bufio"
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"tiercel.dev/alert"
	"tiercel.dev/sensor/container"
	"tiercel.dev/sensor/output"
	"tiercel.dev/sensor/pipeline"
)

func sample() Figures {
	f := Figures{
		Heartbeat: &alert.Heartbeat{
			RuleSetHash: "abc", Rules: 3, RulesError: "rules.yaml:1: no", Impaired: "no", RuleErrors: 4, Processes: 200,
			Events: []*alert.Count{{Kind: "openat", Count: 10}, {Kind: "execve", Count: 2}},
			Drops:  []*alert.Drop{{Reason: "ring_full", Kind: "openat", Count: 5}},
		},
		Pipeline:   pipeline.Stats{Alerts: 7, Suppressed: 8, Matches: map[string]uint64{"a rule": 15}},
		Containers: container.Stats{Containers: 6, Found: 2, Timeouts: 1, NoRuntime: 9, Latency: container.Latency{Sum: 3 * time.Second, Max: 2 * time.Second}},
		Unnamed:    2, Beaten: time.Unix(1_700_000_000, 5e8), RulesSince: time.Unix(1_600_000_000, 0),
		Rules:    []Rule{{"a rule", "HIGH"}, {"silent", "LOW"}},
		MapBytes: map[string]uint64{"records": 1 << 20},
		Outputs: []output.Stats{{Name: "pubsub:t", State: "failing", Sent: 11, Errors: map[string]uint64{"Unavailable": 12}, Oldest: time.Unix(1_500_000_000, 0), Waiting: 13, Bytes: 4096, Late: 1,
			Dropped: []output.Drop{{Reason: "full", Severity: alert.High, Count: 2}}}},
		Version: "v1",
	}
	f.Pipeline.Evaluation = pipeline.Evaluation{Count: 3, Sum: 2 * time.Millisecond}
	f.Pipeline.Evaluation.Buckets[1], f.Pipeline.Evaluation.Buckets[len(pipeline.EvaluationBounds)] = 2, 1
	f.Containers.Latency.Buckets[0], f.Containers.Latency.Buckets[len(container.LatencyBounds)] = 2, 1
	return f
}

// serve listens with these figures until the test ends.
func serve(t *testing.T, figures func() Figures) *Server {
	t.Helper()
	s, err := Listen("127.0.0.1:0", figures, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return s
}

func get(t *testing.T, s *Server, path string) (int, string) {
	t.Helper()
	answer, err := http.Get("http://" + s.Address() + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func TestMetricsSayWhatTheSensorCounts(t *testing.T) {
	code, text := get(t, serve(t, sample), "/metrics")
	if code != http.StatusOK {
		t.Fatalf("%d: %s", code, text)
	}
	have := map[string]bool{}
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		have[lines.Text()] = true
	}
	for _, want := range []string{
		`tiercel_sensor_info{rule_set="abc",version="v1"} 1`,
		`tiercel_sensor_rules_refused 1`,
		`tiercel_sensor_impaired 1`,
		`tiercel_sensor_events_total{kind="openat"} 10`,
		`tiercel_sensor_drops_total{kind="openat",reason="ring_full"} 5`,
		`tiercel_sensor_rule_matches_total{rule="a rule",severity="HIGH"} 15`,
		`tiercel_sensor_rule_matches_total{rule="silent",severity="LOW"} 0`,
		`tiercel_sensor_rules_in_force_since_timestamp_seconds 1.6e+09`,
		`tiercel_sensor_heartbeat_timestamp_seconds 1.7000000005e+09`,
		`tiercel_sensor_bpf_map_bytes{map="records"} 1.048576e+06`,
		`tiercel_sensor_containers{metadata="complete"} 4`,
		`tiercel_sensor_containers{metadata="missing"} 2`,
		`tiercel_sensor_alerts_suppressed_total 8`,
		`tiercel_sensor_evaluation_seconds_bucket{le="2.5e-07"} 0`,
		`tiercel_sensor_evaluation_seconds_bucket{le="0.001"} 2`,
		`tiercel_sensor_evaluation_seconds_bucket{le="+Inf"} 3`,
		`tiercel_sensor_evaluation_seconds_sum 0.002`,
		`tiercel_sensor_output_waiting{output="pubsub:t"} 13`,
		`tiercel_sensor_output_errors_total{code="Unavailable",output="pubsub:t"} 12`,
		`tiercel_sensor_output_oldest_timestamp_seconds{output="pubsub:t"} 1.5e+09`,
		`tiercel_sensor_output_state{output="pubsub:t",state="failing"} 1`,
		`tiercel_sensor_output_spool_bytes{output="pubsub:t"} 4096`,
		`tiercel_sensor_output_dropped_total{output="pubsub:t",reason="full",severity="HIGH"} 2`,
		`tiercel_sensor_cri_lookups_total{result="timeout"} 1`,
		`tiercel_sensor_cri_lookup_seconds_bucket{le="0.001"} 2`,
		`tiercel_sensor_cri_lookup_seconds_bucket{le="2"} 2`,
		`tiercel_sensor_cri_lookup_seconds_count 3`,
		`tiercel_sensor_cri_lookup_seconds_sum 3`,
	} {
		if !have[want] {
			t.Errorf("no line %s", want)
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// Names, units and help are as Prometheus asks for.
func TestMetricsPassPrometheusLint(t *testing.T) {
	problems, err := testutil.CollectAndLint(collector{sample})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestReadyOnceItWatches(t *testing.T) {
	s := serve(t, sample)
	if code, _ := get(t, s, "/readyz"); code != http.StatusServiceUnavailable {
		t.Errorf("%d before it watches", code)
	}
	s.Ready()
	if code, _ := get(t, s, "/readyz"); code != http.StatusOK {
		t.Errorf("%d when it watches", code)
	}
}

// A sensor whose lock nobody gives back any more is to be started anew.
func TestUnhealthyWhileWorkStandsStill(t *testing.T) {
	var lock sync.Mutex
	s := serve(t, func() Figures {
		lock.Lock()
		defer lock.Unlock()
		return sample()
	})
	if code, text := get(t, s, "/healthz"); code != http.StatusOK {
		t.Errorf("%d: %s", code, text)
	}
	lock.Lock()
	defer lock.Unlock()
	if code, _ := get(t, s, "/healthz"); code != http.StatusServiceUnavailable {
		t.Errorf("%d while the lock is held", code)
	}
}

func TestAddressThatCannotBeHad(t *testing.T) {
	s := serve(t, sample)
	if _, err := Listen(s.Address(), sample, slog.New(slog.DiscardHandler)); err == nil || !strings.Contains(err.Error(), s.Address()) {
		t.Error(err)
	}
}
