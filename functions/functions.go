// Package functions makes the Cloud Functions' handlers from settings. The root package registers them with Google's
// framework, and the embedded cloud serves the same ones: only settings and endpoints differ.
package functions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
	securitycenter "cloud.google.com/go/securitycenter/apiv2"
	"google.golang.org/api/option"

	"tiercel.dev/functions/route"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/push"
	"tiercel.dev/internal/scc"
	"tiercel.dev/internal/topic"
)

// Entry points, by which functions are deployed.
const (
	RouteAlert    = "RouteAlert"    // pushed to by the topic of alerts
	FlushFindings = "FlushFindings" // called every minute
)

// Settings are what the functions read from their environment.
type Settings struct {
	Project         string // TIERCEL_PROJECT: whose Pub/Sub it is
	QuarantineTopic string // TIERCEL_QUARANTINE_TOPIC: projects/P/topics/T, for messages that will never succeed
	Bucket          string // TIERCEL_BUCKET: where functions keep their records
	// TIERCEL_SCC_SOURCE: organizations/O/sources/S, with /locations/L behind it where data must stay in a place; "off"
	// where there is no organization.
	Source string
	// TIERCEL_MAX_INSTANCES: of the function that routes alerts, since they share a quota. Default 1.
	MaxInstances int
}

// SettingsFrom reads the environment. The error names each variable that is missing or wrong.
func SettingsFrom(getenv func(string) string) (Settings, error) {
	s := Settings{MaxInstances: 1}
	var errs []error
	for _, v := range []struct {
		name string
		to   *string
		form string // what it must begin with
	}{
		{"TIERCEL_PROJECT", &s.Project, ""},
		{"TIERCEL_QUARANTINE_TOPIC", &s.QuarantineTopic, "projects/"},
		{"TIERCEL_BUCKET", &s.Bucket, ""},
		{"TIERCEL_SCC_SOURCE", &s.Source, ""},
	} {
		*v.to = getenv(v.name)
		if *v.to == "" {
			errs = append(errs, fmt.Errorf("%s is not set", v.name))
		} else if !strings.HasPrefix(*v.to, v.form) {
			errs = append(errs, fmt.Errorf("%s is %q and does not begin with %s", v.name, *v.to, v.form))
		}
	}
	if s.Source != "" && s.Source != sourceOff && !strings.HasPrefix(s.Source, "organizations/") {
		errs = append(errs, fmt.Errorf("TIERCEL_SCC_SOURCE is %q, neither organizations/O/sources/S nor off", s.Source))
	}
	if text := getenv("TIERCEL_MAX_INSTANCES"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			errs = append(errs, fmt.Errorf("TIERCEL_MAX_INSTANCES is %q, not a positive number", text))
		}
		s.MaxInstances = n
	}
	return s, errors.Join(errs...)
}

const sourceOff = "off"

// Endpoints say how the clients reach Google's services; nothing for the real ones.
type Endpoints struct{ PubSub, Storage, SCC []option.ClientOption }

// Timeouts of a function's work; subscriptions give 60 s.
const (
	pushTimeout  = 50 * time.Second
	flushTimeout = 4 * time.Minute
)

// Handlers are the entry points by name. settings is read, and clients are made, at the first request: a function that is
// deployed with a setting missing says which in its answers' log, and not in a start that failed.
func Handlers(settings func() (Settings, error), endpoints Endpoints, log *slog.Logger) map[string]http.Handler {
	built := sync.OnceValues(func() (*parts, error) {
		s, err := settings()
		if err != nil {
			return nil, err
		}
		return build(context.Background(), s, endpoints, log)
	})
	serve := func(handler func(*parts) http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			p, err := built()
			if err != nil {
				log.ErrorContext(r.Context(), "not configured", "err", err)
				http.Error(w, "not configured: see the log", http.StatusInternalServerError)
				return
			}
			handler(p).ServeHTTP(w, r)
		})
	}
	return map[string]http.Handler{
		RouteAlert:    serve(func(p *parts) http.Handler { return p.route }),
		FlushFindings: serve(func(p *parts) http.Handler { return p.flush }),
	}
}

// parts are what the handlers of one process share.
type parts struct{ route, flush http.Handler }

func build(ctx context.Context, s Settings, e Endpoints, log *slog.Logger) (*parts, error) {
	client, err := pubsub.NewClient(ctx, s.Project, e.PubSub...)
	if err != nil {
		return nil, fmt.Errorf("pub/sub: %w", err)
	}
	bucket, err := objects.NewBucket(ctx, s.Bucket, e.Storage...)
	if err != nil {
		return nil, err
	}
	cfg := route.Config{Store: bucket, MaxInstances: s.MaxInstances, Log: log}
	if s.Source != sourceOff {
		findings, err := securitycenter.NewClient(ctx, e.SCC...)
		if err != nil {
			return nil, fmt.Errorf("security command center: %w", err)
		}
		cfg.Findings = scc.NewWriter(findings, s.Source)
	}
	router := route.New(cfg)
	return &parts{
		route: push.Handler(push.Config{
			Step: router.Handle, Quarantine: topic.New(client, s.QuarantineTopic).Quarantine, Timeout: pushTimeout, Log: log,
		}),
		flush: scheduled(router.Flush, log),
	}, nil
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
