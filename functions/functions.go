// Package functions makes the Cloud Functions' handlers from settings. The root package registers them with Google's
// framework, and the embedded cloud serves the same ones: only settings and endpoints differ.
package functions

import (
	"context"
	"crypto/x509"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"
	"google.golang.org/api/option"

	"tiercel.dev/internal/mail"
	"tiercel.dev/internal/meter"
)

// Entry points, by which functions are deployed.
const (
	EnrichAlert   = "EnrichAlert"   // pushed to by the topic that sensors publish to
	RouteAlert    = "RouteAlert"    // pushed to by the topic of alerts
	FlushFindings = "FlushFindings" // called every minute

	RecordHeartbeat = "RecordHeartbeat" // pushed to by the topic of alerts, for heartbeats
	CheckFleet      = "CheckFleet"      // called every minute

	BeginRun       = "BeginRun"       // called by a schedule, whose body may say which work: {"work": ["harden"]}
	CheckHardening = "CheckHardening" // pushed to by the topic of work, for "harden"
	CheckUpgrades  = "CheckUpgrades"  // pushed to by the topic of work, for "upgrade"

	TakeClusterNotice = "TakeClusterNotice" // pushed to by the topic of GKE's cluster notifications

	RotateCredentials = "RotateCredentials" // called every few minutes
	ApproveRotation   = "ApproveRotation"   // called by people, with an ID token
	ProposeRotation   = "ProposeRotation"   // pushed to by the topic of alerts, for those of leaked credentials

	SendReport  = "SendReport"  // called every few minutes; whose body may ask for one: {"demand": "audit"}
	CheckReport = "CheckReport" // called every hour
)

// Endpoints say how the clients reach Google's services; nothing for the real ones.
type Endpoints struct {
	PubSub, Storage, SCC, GKE []option.ClientOption
	Google                    []option.ClientOption // Asset Inventory, IAM, Logging, the recommender, Resource Manager
	Kubernetes                Kubernetes
	Mail                      mail.Sender // default: the server that the settings name
	TokenKeys                 string      // where the keys of Google's ID tokens are; default Google's
	// Meter takes the figures of all who share it. Default one of its own.
	Meter *meter.Meter
	// Now is the functions' clock, but for tokens' expiry; when messages were published, Pub/Sub's says. Default time.Now.
	Now func() time.Time
}

// Kubernetes says how clusters' own APIs are reached: they are where GKE says they are.
type Kubernetes struct {
	Token   oauth2.TokenSource // default: the function's account
	Secrets oauth2.TokenSource // the account that may list secrets; default: that of the settings, or none
	// Impersonate says how the service is reached that lets one account act as another, for Secrets; nothing for the real one.
	Impersonate []option.ClientOption
	Roots       *x509.CertPool // who vouches for DNS endpoints; default the system's
	// Dialer connects. Default one that connects to wherever a cluster is said to be.
	Dialer net.Dialer
}

// clock is the functions'.
func (e Endpoints) clock() func() time.Time {
	if e.Now == nil {
		return time.Now
	}
	return e.Now
}

// Timeouts of a function's work; subscriptions give 60 s.
const (
	pushTimeout  = 50 * time.Second
	flushTimeout = 4 * time.Minute
	flushWait    = 55 * time.Second // for the budget; it is called every minute
	urgentWait   = 15 * time.Second // for the budget
)

// Handlers are the entry points by name, each of which answers GET [MetricsPath] too. settings is read, and clients are made, at the first request: a function that is
// deployed with a setting missing says which in its answers' log, and not in a start that failed.
func Handlers(settings func() (Settings, error), endpoints Endpoints, log *slog.Logger) map[string]http.Handler {
	settings, endpoints = sync.OnceValues(settings), endpoints.metered()
	enriching := once(settings, func(s Settings) (http.Handler, error) {
		return newEnriching(context.Background(), s, endpoints, log)
	})
	recording := once(settings, func(s Settings) (http.Handler, error) {
		return newRecording(context.Background(), s, endpoints, log)
	})
	watching := once(settings, func(s Settings) (http.Handler, error) {
		return newWatching(context.Background(), s, endpoints, log)
	})
	routing := once(settings, func(s Settings) (routing, error) {
		return newRouting(context.Background(), s, endpoints, log)
	})
	beginning := once(settings, func(s Settings) (http.Handler, error) {
		return newBeginning(context.Background(), s, endpoints, log)
	})
	hardening := once(settings, func(s Settings) (http.Handler, error) {
		return newHardening(context.Background(), s, endpoints, log)
	})
	upgrading := once(settings, func(s Settings) (upgrading, error) {
		return newUpgrading(context.Background(), s, endpoints, log)
	})
	rotating := once(settings, func(s Settings) (rotating, error) {
		return newRotating(context.Background(), s, endpoints, log)
	})
	reporting := once(settings, func(s Settings) (http.Handler, error) {
		return newReporting(context.Background(), s, endpoints, log)
	})
	reportWatch := once(settings, func(s Settings) (http.Handler, error) {
		return newReportWatch(context.Background(), s, endpoints, log)
	})
	handlers := map[string]http.Handler{
		EnrichAlert:   serve(enriching, log),
		RouteAlert:    serve(func() (http.Handler, error) { r, err := routing(); return r.alerts, err }, log),
		FlushFindings: serve(func() (http.Handler, error) { r, err := routing(); return r.flush, err }, log),

		RecordHeartbeat: serve(recording, log),
		CheckFleet:      serve(watching, log),

		BeginRun:       serve(beginning, log),
		CheckHardening: serve(hardening, log),
		CheckUpgrades:  serve(func() (http.Handler, error) { u, err := upgrading(); return u.jobs, err }, log),

		TakeClusterNotice: serve(func() (http.Handler, error) { u, err := upgrading(); return u.notices, err }, log),

		RotateCredentials: serve(func() (http.Handler, error) { r, err := rotating(); return r.tick, err }, log),
		ApproveRotation: serve(func() (http.Handler, error) {
			r, err := rotating()
			if err != nil {
				return nil, err
			}
			return r.approving()
		}, log),
		ProposeRotation: serve(func() (http.Handler, error) { r, err := rotating(); return r.leaks, err }, log),

		SendReport:  serve(reporting, log),
		CheckReport: serve(reportWatch, log),
	}
	figures := endpoints.Meter
	if figures == nil {
		figures = meter.New()
	}
	for name, h := range handlers {
		handlers[name] = observed(name, h, settings, figures, log)
	}
	return handlers
}

// once makes something of the settings when it is first wanted.
func once[T any](settings func() (Settings, error), build func(Settings) (T, error)) func() (T, error) {
	return sync.OnceValues(func() (made T, err error) {
		s, err := settings()
		if err != nil {
			return made, err
		}
		return build(s)
	})
}

func serve(made func() (http.Handler, error), log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler, err := made()
		if err != nil {
			log.ErrorContext(r.Context(), "not configured", "err", err)
			http.Error(w, "not configured: see the log", http.StatusInternalServerError)
			return
		}
		handler.ServeHTTP(w, r)
	})
}

// scheduled serves Cloud Scheduler, which calls again after an error.
func scheduled(job func(context.Context) error, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "a schedule's call is a POST", http.StatusMethodNotAllowed)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), flushTimeout)
		defer cancel()
		if err := job(ctx); err != nil {
			log.ErrorContext(ctx, "scheduled job", "err", err)
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
}
