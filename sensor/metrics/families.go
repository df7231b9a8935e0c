package metrics

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"tiercel.dev/sensor/container"
	"tiercel.dev/sensor/output"
	"tiercel.dev/sensor/pipeline"
)

var (
	info         = gauge("info", "1, with the sensor's version and the hash of the rules in force.", "version", "rule_set")
	rulesInForce = gauge("rules", "Rules in force.")
	rulesRefused = gauge("rules_refused", "1 while the rules last read cannot be used, and those before are in force still.")
	ruleErrors   = counter("rule_errors_total", "Evaluations of conditions that ended in an error.")
	ruleMatches  = counter("rule_matches_total", "Events that a rule matched, throttled ones too.", "rule")

	eventsSeen = counter("events_total", "Events that rules saw, by kind.", "kind")
	lost       = counter("drops_total", "Events lost, or known in part, by reason and kind.", "reason", "kind")
	alerts     = counter("alerts_total", "Alerts published.")
	suppressed = counter("alerts_suppressed_total", "Events that are a count in another's alert.")
	held       = counter("events_held_total", "Events that waited for their container.")
	evicted    = counter("throttle_windows_evicted_total", "Throttle windows closed early, because there were too many.")
	processes  = gauge("processes", "Processes known.")

	sent       = counter("output_sent_total", "Alerts and heartbeats an output has sent.", "output")
	failed     = counter("output_errors_total", "Attempts of an output that failed.", "output")
	unsent     = counter("output_dropped_total", "Alerts an output lost, by reason and severity; a spool's count since it was made.", "output", "reason", "severity")
	waiting    = gauge("output_waiting", "Alerts that wait in an output's queue, or under way.", "output")
	state      = gauge("output_state", "1 for the state an output is in: ok, failing, stuck, disk, closed.", "output", "state")
	spoolBytes = gauge("output_spool_bytes", "What an output's spool takes on disk.", "output")
	late       = counter("output_late_total", "Alerts that were on disk only after more than 50 ms.", "output")

	containers   = gauge("containers", "Containers known.")
	runtimesSeen = gauge("runtimes", "Container runtimes that answer.")
	lookups      = counter("cri_lookups_total", "Questions to container runtimes, by what came of them.", "result")
	lookupMax    = gauge("cri_lookup_max_seconds", "The longest look-up so far.")
	unknown      = counter("cgroups_unknown_total", "Cgroups of which nothing could be found out: their processes are shown as the host's for a while.")

	lookupTime = prometheus.NewDesc("tiercel_sensor_cri_lookup_seconds", "How long look-ups took that reached a runtime.", nil, nil)
	evaluation = prometheus.NewDesc("tiercel_sensor_evaluation_seconds", "How long rules took for one event, of every 64th event.", nil, nil)
)

func about(to chan<- prometheus.Metric, f Figures) {
	h := f.Heartbeat
	info.send(to, 1, f.Version, h.GetRuleSetHash())
	rulesInForce.send(to, float64(h.GetRules()))
	refused := 0.0
	if h.GetRulesError() != "" {
		refused = 1
	}
	rulesRefused.send(to, refused)
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
	for rule, n := range p.Matches {
		ruleMatches.send(to, float64(n), strings.ToValidUTF8(rule, "�"))
	}
	alerts.send(to, float64(p.Alerts))
	suppressed.send(to, float64(p.Suppressed))
	held.send(to, float64(p.Held))
	evicted.send(to, float64(p.Evicted))
	to <- prometheus.MustNewConstHistogram(evaluation, p.Evaluation.Count, p.Evaluation.Sum.Seconds(), cumulative(p.Evaluation))
}

// cumulative adds buckets up, as Prometheus has them; the last, which has all, it adds itself.
func cumulative(e pipeline.Evaluation) map[float64]uint64 {
	out, sum := make(map[float64]uint64, len(pipeline.EvaluationBounds)), uint64(0)
	for i, bound := range pipeline.EvaluationBounds {
		sum += e.Buckets[i]
		out[bound.Seconds()] = sum
	}
	return out
}

func outputs(to chan<- prometheus.Metric, all []output.Stats) {
	for _, s := range all {
		sent.send(to, float64(s.Sent), s.Name)
		failed.send(to, float64(s.Errors), s.Name)
		waiting.send(to, float64(s.Waiting), s.Name)
		state.send(to, 1, s.Name, s.State)
		spoolBytes.send(to, float64(s.Bytes), s.Name)
		late.send(to, float64(s.Late), s.Name)
		for _, d := range s.Dropped {
			unsent.send(to, float64(d.Count), s.Name, d.Reason, d.Severity.String())
		}
	}
}

func runtimes(to chan<- prometheus.Metric, s container.Stats) {
	containers.send(to, float64(s.Containers))
	runtimesSeen.send(to, float64(s.Runtimes))
	answered := uint64(0)
	for _, r := range []struct {
		result  string
		n       uint64
		reached bool
	}{
		{"found", s.Found, true}, {"not_found", s.NotFound, true}, {"timeout", s.Timeouts, true}, {"refused", s.Refused, true},
		{"error", s.Errors, true}, {"unsupported", s.Unsupported, true}, {"unavailable", s.Unavailable, true}, {"no_runtime", s.NoRuntime, false},
	} {
		lookups.send(to, float64(r.n), r.result)
		if r.reached {
			answered += r.n
		}
	}
	to <- prometheus.MustNewConstSummary(lookupTime, answered, s.LatencySum.Seconds(), nil)
	lookupMax.send(to, s.LatencyMax.Seconds())
	unknown.send(to, float64(s.CgroupsUnknown))
}
