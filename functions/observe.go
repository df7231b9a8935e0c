package functions

import (
	"log/slog"
	"net/http"
	"time"

	"google.golang.org/api/option"
	"google.golang.org/grpc"

	"tiercel.dev/internal/cloudlog"
	"tiercel.dev/internal/meter"
)

// MetricsPath is where each handler answers a GET with the figures of its process, as Prometheus reads them.
const MetricsPath = "/metrics"

// observed counts a function's requests, has their log lines name their trace, and ends each with a line of what was counted:
// infra/metrics.tf makes metrics of it.
func observed(name string, h http.Handler, settings func() (Settings, error), m *meter.Meter, log *slog.Logger) http.Handler {
	metrics := m.Handler()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.Path == MetricsPath {
			metrics.ServeHTTP(w, r)
			return
		}
		s, _ := settings() // without them the function says so itself
		ctx := cloudlog.WithLabel(cloudlog.WithTrace(r.Context(), s.Project, cloudlog.TraceOf(r.Header)), "tiercel/function", name)
		ctx, request := m.Begin(ctx, name)
		answer := &answer{ResponseWriter: w, status: http.StatusOK}
		began := time.Now()
		h.ServeHTTP(answer, r.WithContext(ctx))
		seconds := time.Since(began).Seconds()
		result, reason := cameOf(answer.status, request)
		request.End(ctx, result, seconds)
		log.DebugContext(ctx, "request served", "function", name, "result", result, "reason", reason, "status", answer.status, "seconds", seconds,
			"counts", request.Counts())
	})
}

// answer remembers the status of an answer.
type answer struct {
	http.ResponseWriter
	status int
}

func (a *answer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// cameOf is what came of a request, and why it is poison if it is.
func cameOf(status int, r *meter.Request) (result, reason string) {
	switch n, reasons := r.Counted(meter.Poisoned); {
	case n > 0:
		return meter.Poison, reasons[0]
	case status == http.StatusTooManyRequests:
		return meter.Quota, ""
	case status >= http.StatusInternalServerError:
		return meter.Failed, ""
	case status >= http.StatusBadRequest:
		return meter.Refused, ""
	}
	return meter.Done, ""
}

// metered has the calls of Google's APIs over gRPC counted.
func (e Endpoints) metered() Endpoints {
	for _, options := range []*[]option.ClientOption{&e.SCC, &e.GKE, &e.Google} {
		*options = append((*options)[:len(*options):len(*options)], option.WithGRPCDialOption(grpc.WithChainUnaryInterceptor(meter.Call)))
	}
	return e
}
