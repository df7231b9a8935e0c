// Package meter counts what functions do. A count is made where the thing happens, by the context of the request in which it
// happens, and goes to two places: a Prometheus registry of the process, and the line that ends the request's log. Where a
// process can be scraped the first is read; in Cloud Functions, where none can, Cloud Logging makes metrics of the second
// (docs/decisions/0013-metrics.md).
//
// Outside a request a count is nowhere: what the operator's command and tests do is no figure of a deployment's.
package meter

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// A Meter holds the figures of one process. It is safe for concurrent use.
type Meter struct {
	registry *prometheus.Registry
	counters map[*Family]*prometheus.CounterVec
	gauges   map[*Family]*prometheus.GaugeVec
	seconds  *prometheus.HistogramVec
}

// New makes a meter on which nothing was counted.
func New() *Meter {
	m := &Meter{registry: prometheus.NewRegistry(), counters: map[*Family]*prometheus.CounterVec{}, gauges: map[*Family]*prometheus.GaugeVec{}}
	for _, f := range Families {
		labels := []string{"function"}
		for _, l := range f.Labels {
			labels = append(labels, l.Name)
		}
		switch f.Kind {
		case Counter:
			m.counters[f] = prometheus.NewCounterVec(prometheus.CounterOpts{Name: f.Metric(), Help: f.Help}, labels)
			m.registry.MustRegister(m.counters[f])
		case Gauge:
			m.gauges[f] = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: f.Metric(), Help: f.Help}, labels)
			m.registry.MustRegister(m.gauges[f])
		case Histogram:
			m.seconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: f.Metric(), Help: f.Help, Buckets: requestBounds}, labels)
			m.registry.MustRegister(m.seconds)
		}
	}
	m.registry.MustRegister(collectors.NewBuildInfoCollector())
	return m
}

// Handler serves the figures as Prometheus reads them.
func (m *Meter) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 2})
}

// Gatherer has the figures, for tests.
func (m *Meter) Gatherer() prometheus.Gatherer { return m.registry }

// A Request is what is counted while a function serves one. It is safe for concurrent use.
type Request struct {
	meter    *Meter
	function string

	mu     sync.Mutex
	counts map[*Family]map[string]float64 // by the labels' values, NUL between
}

type key struct{}

// Begin returns a context in which counts are those of a function's request.
func (m *Meter) Begin(ctx context.Context, function string) (context.Context, *Request) {
	r := &Request{meter: m, function: function, counts: map[*Family]map[string]float64{}}
	return context.WithValue(ctx, key{}, r), r
}

// Add counts n of a counter. values are its labels', in their order; they must be of a small set.
func Add(ctx context.Context, f *Family, n int, values ...string) {
	if r, ok := ctx.Value(key{}).(*Request); ok && n > 0 {
		r.meter.counters[f].WithLabelValues(r.labels(values)...).Add(float64(n))
		r.note(f, values, func(was float64) float64 { return was + float64(n) })
	}
}

// Set says how much of a gauge there is.
func Set(ctx context.Context, f *Family, v float64, values ...string) {
	if r, ok := ctx.Value(key{}).(*Request); ok {
		r.meter.gauges[f].WithLabelValues(r.labels(values)...).Set(v)
		r.note(f, values, func(float64) float64 { return v })
	}
}

func (r *Request) labels(values []string) []string {
	all := append([]string{r.function}, values...)
	for i, v := range all {
		all[i] = strings.ToValidUTF8(v, "�")
	}
	return all
}

func (r *Request) note(f *Family, values []string, change func(float64) float64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.counts[f] == nil {
		r.counts[f] = map[string]float64{}
	}
	at := strings.Join(values, "\x00")
	r.counts[f][at] = change(r.counts[f][at])
}

// End notes how long the request took, in seconds, and what came of it.
func (r *Request) End(ctx context.Context, result string, seconds float64) {
	Add(ctx, Requests, 1, result)
	r.meter.seconds.WithLabelValues(r.function).Observe(seconds)
}

// Counted is what a counter has come to in this request, and the labels' values of one of its counts.
func (r *Request) Counted(f *Family) (n float64, values []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for at, count := range r.counts[f] {
		n, values = n+count, strings.Split(at, "\x00")
	}
	return n, values
}

// Counts is all of it as the log has it: by the family's name, then by each label's value.
func (r *Request) Counts() map[string]any {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[string]any{}
	for f, counts := range r.counts {
		if f == Requests {
			continue // the line itself
		}
		for at, n := range counts {
			path := []string{f.Name}
			if len(f.Labels) > 0 {
				path = append(path, strings.Split(at, "\x00")...)
			}
			put(all, path, n)
		}
	}
	return all
}

func put(into map[string]any, path []string, n float64) {
	for _, step := range path[:len(path)-1] {
		next, ok := into[step].(map[string]any)
		if !ok {
			next = map[string]any{}
			into[step] = next
		}
		into = next
	}
	into[path[len(path)-1]] = n
}

// Path reports whether a log line may have a count there: a family's name, and behind it a value of each of its labels.
func Path(steps ...string) bool {
	for _, f := range Families {
		if len(steps) == 0 || f.Name != steps[0] || len(f.Labels) != len(steps)-1 {
			continue
		}
		for i, l := range f.Labels {
			if l.Values != nil && !slices.Contains(l.Values, steps[i+1]) {
				return false
			}
		}
		return f != Requests
	}
	return false
}
