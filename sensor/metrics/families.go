package metrics

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tiercel.dev/sensor/container"
	"tiercel.dev/sensor/output"
	"tiercel.dev/sensor/pipeline"
)

var (
	info         = gauge("info", "1, with the sensor's version and the hash of the rules in force.", "version", "rule_set")
	rulesInForce = gauge("rules", "Rules in force.")
	rulesRefused = gauge("rules_refused", "1 while the rules last read cannot be used, and those before are in force still.")
	impaired     = gauge("impaired", "1 where the sensor may not read of its node all that it needs; the heartbeat says what is missing.")
	ruleErrors   = counter("rule_errors_total", "Evaluations of conditions that ended in an error.")
	rulesSince   = gauge("rules_in_force_since_timestamp_seconds", "When the rules in force came into force.")
	ruleMatches  = counter("rule_matches_total", "Events that a rule in force matched, throttled ones too.", "rule", "severity")
	beaten       = gauge("heartbeat_timestamp_seconds", "When the last heartbeat was published.")
	interval     = gauge("heartbeat_interval_seconds", "How often heartbeats are published; 0 for never.")

	eventsSeen = counter("events_total", "Events that rules saw, by kind.", "kind")
	lost       = counter("drops_total", "Events lost, or known in part, by reason and kind.", "reason", "kind")
	alerts     = counter("alerts_total", "Alerts published.")
	suppressed = counter("alerts_suppressed_total", "Events that are a count in another's alert.")
	held       = counter("events_held_total", "Events that waited for their container.")
	evicted    = counter("throttle_windows_evicted_total", "Throttle windows closed early, because there were too many.")
	processes  = gauge("processes", "Processes known.")

	sent       = counter("output_sent_total", "Alerts and heartbeats an output has sent.", "output")
	failed     = counter("output_errors_total", "Attempts of an output that failed, by a code: gRPC's for Pub/Sub, an HTTP server's status, or a word.", "output", "code")
	oldest     = gauge("output_oldest_timestamp_seconds", "When that happened which an output tries to send and cannot. Absent while it sends.", "output")
	unsent     = counter("output_dropped_total", "Alerts an output lost, by reason and severity; a spool's count since it was made.", "output", "reason", "severity")
	waiting    = gauge("output_waiting", "Alerts that wait in an output's queue or spool, or under way.", "output")
	state      = gauge("output_state", "1 for the state an output is in: ok, failing, stuck, disk, closed.", "output", "state")
	spoolBytes = gauge("output_spool_bytes", "What an output's spool takes on disk.", "output")
	late       = counter("output_late_total", "Alerts that were on disk only after more than 50 ms.", "output")

	containers   = gauge("containers", "Containers known, by whether a runtime has told about them: complete or missing.", "metadata")
	runtimesSeen = gauge("runtimes", "Container runtimes that answer.")
	lookups      = counter("cri_lookups_total", "Questions to container runtimes, by what came of them.", "result")
	lookupMax    = gauge("cri_lookup_max_seconds", "The longest look-up so far.")
	unknown      = counter("cgroups_unknown_total", "Cgroups of which nothing could be found out: their processes are shown as the host's for a while.")

	mapBytes   = gauge("bpf_map_bytes", "What the kernel says that a map of the sensor's takes.", "map")
	lookupTime = prometheus.NewDesc("tiercel_sensor_cri_lookup_seconds", "How long container runtimes took to answer.", nil, nil)
	evaluation = prometheus.NewDesc("tiercel_sensor_evaluation_seconds", "How long rules took for one event, of every 64th event.", nil, nil)
)

// flag is a gauge that is 1 while something holds.
func flag(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}

func about(to chan<- prometheus.Metric, f Figures) {
	h := f.Heartbeat
	info.send(to, 1, f.Version, h.GetRuleSetHash())
	rulesInForce.send(to, float64(h.GetRules()))
	rulesRefused.send(to, flag(h.GetRulesError() != ""))
	impaired.send(to, flag(h.GetImpaired() != ""))
	rulesSince.send(to, unix(f.RulesSince))
	if !f.Beaten.IsZero() {
		beaten.send(to, unix(f.Beaten))
	}
	interval.send(to, float64(h.GetIntervalSeconds()))
	ruleErrors.send(to, float64(h.GetRuleErrors()))
	processes.send(to, float64(h.GetProcesses()))
}

func events(to chan<- prometheus.Metric, f Figures) {
	for _, c := range f.Heartbeat.GetEvents() {
		eventsSeen.send(to, float64(c.GetCount()), c.GetKind())
	}
	for _, d := range f.Heartbeat.GetDrops() {
		lost.send(to, float64(d.GetCount()), d.GetReason(), d.GetKind())
	}
	p := f.Pipeline
	for _, r := range f.Rules { // those without a match too: who waits for the first one has a series to compare it with
		ruleMatches.send(to, float64(p.Matches[r.Name]), strings.ToValidUTF8(r.Name, "�"), r.Severity)
	}
	alerts.send(to, float64(p.Alerts))
	suppressed.send(to, float64(p.Suppressed))
	held.send(to, float64(p.Held))
	evicted.send(to, float64(p.Evicted))
	e := p.Evaluation
	to <- histogram(evaluation, e.Sum, pipeline.EvaluationBounds[:], e.Buckets[:])
}

func kernel(to chan<- prometheus.Metric, f Figures) {
	for name, n := range f.MapBytes {
		mapBytes.send(to, float64(n), name)
	}
}

// histogram is one of buckets that are not added up, of which the last has no bound.
func histogram(desc *prometheus.Desc, sum time.Duration, bounds []time.Duration, buckets []uint64) prometheus.Metric {
	cumulative, count := make(map[float64]uint64, len(bounds)), uint64(0)
	for i, bound := range bounds {
		count += buckets[i]
		cumulative[bound.Seconds()] = count
	}
	return prometheus.MustNewConstHistogram(desc, count+buckets[len(bounds)], sum.Seconds(), cumulative)
}

func outputs(to chan<- prometheus.Metric, all []output.Stats) {
	for _, s := range all {
		sent.send(to, float64(s.Sent), s.Name)
		for code, n := range s.Errors {
			failed.send(to, float64(n), s.Name, code)
		}
		if !s.Oldest.IsZero() {
			oldest.send(to, unix(s.Oldest), s.Name)
		}
		waiting.send(to, float64(s.Waiting), s.Name)
		state.send(to, 1, s.Name, s.State)
		spoolBytes.send(to, float64(s.Bytes), s.Name)
		late.send(to, float64(s.Late), s.Name)
		for _, d := range s.Dropped {
			unsent.send(to, float64(d.Count), s.Name, d.Reason, d.Severity.String())
		}
	}
}

func runtimes(to chan<- prometheus.Metric, f Figures) {
	s := f.Containers
	containers.send(to, float64(s.Containers)-float64(f.Unnamed), "complete")
	containers.send(to, float64(f.Unnamed), "missing")
	runtimesSeen.send(to, float64(s.Runtimes))
	for _, r := range []struct {
		result string
		n      uint64
	}{
		{"found", s.Found}, {"not_found", s.NotFound}, {"timeout", s.Timeouts}, {"refused", s.Refused}, {"error", s.Errors},
		{"unsupported", s.Unsupported}, {"unavailable", s.Unavailable}, {"no_runtime", s.NoRuntime},
	} {
		lookups.send(to, float64(r.n), r.result)
	}
	to <- histogram(lookupTime, s.Latency.Sum, container.LatencyBounds[:], s.Latency.Buckets[:])
	lookupMax.send(to, s.Latency.Max.Seconds())
	unknown.send(to, float64(s.CgroupsUnknown))
}
