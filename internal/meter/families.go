package meter

// A Family is what is counted under one name.
type Family struct {
	Name   string // without what Prometheus has before and behind it
	Kind   Kind
	Help   string
	Labels []Label // beside function, which all have
}

// A Label tells counts of a family apart.
type Label struct {
	Name   string
	Values []string // nil where they are others' words, such as gRPC's codes
}

// A Kind is Prometheus' type.
type Kind string

const (
	Counter   Kind = "counter"
	Gauge     Kind = "gauge"
	Histogram Kind = "histogram"
)

// Metric is the name in Prometheus.
func (f *Family) Metric() string {
	switch f.Kind {
	case Counter:
		return prefix + f.Name + "_total"
	default:
		return prefix + f.Name
	}
}

const prefix = "tiercel_functions_"

// requestBounds are the bounds of buckets, in seconds: from a request that finds all in memory to a run's last.
var requestBounds = []float64{0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 510}

// What came of a request.
const (
	Done    = "done"    // the work is done, or there was none
	Poison  = "poison"  // the message was put aside
	Quota   = "quota"   // a service asks for patience: Pub/Sub delivers again
	Failed  = "failed"  // Pub/Sub or Cloud Scheduler calls again
	Refused = "refused" // it was no request for this function
)

// Families of counts.
var (
	Requests = counter("requests", "Requests served, by what came of them.", Label{"result", []string{Done, Poison, Quota, Failed, Refused}})
	Seconds  = family(Histogram, "request_seconds", "How long requests took.")
	Poisoned = counter("poison", "Messages put aside, by why: message is one that says what it may not, any other word the code with which a service refused it.", Label{"reason", nil})

	Enriched = counter("enriched", "Alerts and heartbeats looked up, by what is known of the place that they name.", Label{"verification", []string{"verified", "unverified"}})
	Lookups  = counter("lookups", "Questions about clusters, nodes, pods and owners, by who answered.", Label{"what", nil}, Label{"result", []string{"hit", "asked", "error", "late"}})
	Limited  = counter("limited", "Alerts whose pod was not looked up, since their node sends so many.")
	Routed   = counter("alerts", "Alerts on their way to findings, by what came of them: written, counted into a finding that says it later, waiting for quota, muted, or not for findings.",
		Label{"result", []string{"written", "aggregated", "waiting", "muted", "skipped"}})

	Findings = counter("findings", "Writes of findings to Security Command Center, by what came of them.", Label{"result", []string{"written", "ended", "refused", "quota", "failed"}})
	Waiting  = gauge("findings_waiting", "Findings that a flush left for the next minute's budget.")
	Writes   = gauge("budget_writes_left", "Writes of findings that nobody has taken of the minute's budget, as this instance last saw it.")
	Bytes    = gauge("budget_left_bytes", "Bytes of findings that nobody has taken of the day's budget, as this instance last saw it.")
	Budget   = counter("budget", "Writes asked of the budget, by its answer.", Label{"answer", []string{"allowed", "refused"}})

	Problems  = gauge("fleet_problems", "Open problems of the fleet of sensors, by kind.", Label{"kind", nil})
	Jobs      = counter("jobs", "Clusters that a run gave to workers, by work.", Label{"work", []string{"harden", "upgrade"}})
	Checked   = counter("clusters_checked", "Clusters judged by a run of hardening, by whether all of them could be read.", Label{"result", []string{"complete", "incomplete", "gone"}})
	Verdicts  = counter("verdicts", "Verdicts of hardening checks, by verdict.", Label{"verdict", nil})
	Rotations = gauge("rotations", "Clusters, by the state of the rotation of their credentials.", Label{"state", nil})
	Mails     = counter("mails", "Mails submitted, by what came of it: sent, refused by the server, or nobody knows.", Label{"result", []string{"sent", "refused", "unknown"}})
	APICalls  = counter("api_calls", "Calls of services' APIs, by service and the code of the answer: gRPC's, HTTP's, or none where there was no answer.", Label{"service", nil}, Label{"code", nil})
)

// Families are all, in the order in which docs/metrics.md has them.
var Families []*Family

func family(kind Kind, name, help string, labels ...Label) *Family {
	f := &Family{Name: name, Kind: kind, Help: help, Labels: labels}
	Families = append(Families, f)
	return f
}

func counter(name, help string, labels ...Label) *Family {
	return family(Counter, name, help, labels...)
}
func gauge(name, help string, labels ...Label) *Family { return family(Gauge, name, help, labels...) }
