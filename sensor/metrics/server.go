package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// A Server answers at three paths: /metrics for Prometheus; /healthz, which answers while the sensor's work goes on, so that a
// kubelet starts one anew that hangs; /readyz, which answers once it watches.
type Server struct {
	listener net.Listener
	http     *http.Server
	ready    atomic.Bool
}

// probeTimeout is how long /healthz waits for figures: they take the lock that the sensor works under.
const probeTimeout = 5 * time.Second

// maxInFlight bounds scrapes at once: who can connect shall not be able to keep the sensor busy.
const maxInFlight = 2

// Listen takes the address. It serves when [Server.Serve] is called.
func Listen(address string, figures func() Figures, log *slog.Logger) (*Server, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector{figures}, collectors.NewGoCollector(), collectors.NewBuildInfoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s := &Server{listener: l}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn), ErrorHandling: promhttp.ContinueOnError,
		MaxRequestsInFlight: maxInFlight, Timeout: 2 * probeTimeout,
	}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) { healthy(w, r, figures) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !s.ready.Load() {
			http.Error(w, "does not watch yet", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "watching")
	})
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute, MaxHeaderBytes: 16 << 10}
	return s, nil
}

// healthy answers if figures are to be had in time.
func healthy(w http.ResponseWriter, r *http.Request, figures func() Figures) {
	had := make(chan struct{})
	go func() {
		figures()
		close(had)
	}()
	select {
	case <-had:
		fmt.Fprintln(w, "ok")
	case <-r.Context().Done():
	case <-time.After(probeTimeout):
		http.Error(w, "the sensor's work stands still", http.StatusServiceUnavailable)
	}
}

// Address is where it listens.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Ready says that the sensor watches.
func (s *Server) Ready() { s.ready.Store(true) }

// Serve answers until ctx is done.
func (s *Server) Serve(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { s.http.Close() })
	defer stop()
	if err := s.http.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("metrics: %w", err)
	}
	return nil
}

// Close is for one that is not to serve after all.
func (s *Server) Close() error { return s.listener.Close() }
