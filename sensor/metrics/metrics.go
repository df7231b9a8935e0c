// Package metrics serves how the sensor is: as Prometheus metrics, and to a kubelet's probes. It is told figures and knows
// nothing of where they come from.
package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tiercel.dev/alert"
	"tiercel.dev/sensor/container"
	"tiercel.dev/sensor/output"
	"tiercel.dev/sensor/pipeline"
)

// Figures are how a sensor is at one moment. Counts run since its start, but for those of a spool.
type Figures struct {
	Heartbeat  *alert.Heartbeat
	Beaten     time.Time // when the last heartbeat was published; zero if none was
	Rules      []Rule    // those in force
	RulesSince time.Time // when they came into force
	Pipeline   pipeline.Stats
	Containers container.Stats
	Unnamed    int // containers without metadata
	Outputs    []output.Stats
	MapBytes   map[string]uint64 // by map in the kernel
	Version    string
}

// A Rule is one in force.
type Rule struct{ Name, Severity string }

// unix is a time as Prometheus has it: seconds since the epoch.
func unix(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }

// A collector makes metrics of figures when they are asked for, so that nothing is counted twice.
type collector struct{ figures func() Figures }

// Describe sends nothing: which outputs and kinds there are is not known before. prometheus.Collector calls that unchecked.
func (c collector) Describe(chan<- *prometheus.Desc) {}

func (c collector) Collect(to chan<- prometheus.Metric) {
	f := c.figures()
	about(to, f)
	events(to, f)
	kernel(to, f)
	outputs(to, f.Outputs)
	runtimes(to, f)
}

// A family is metrics of one name.
type family struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
}

func counter(name, help string, labels ...string) family {
	return family{prometheus.NewDesc("tiercel_sensor_"+name, help, labels, nil), prometheus.CounterValue}
}

func gauge(name, help string, labels ...string) family {
	return family{prometheus.NewDesc("tiercel_sensor_"+name, help, labels, nil), prometheus.GaugeValue}
}

func (f family) send(to chan<- prometheus.Metric, value float64, labels ...string) {
	to <- prometheus.MustNewConstMetric(f.desc, f.kind, value, labels...)
}
