// Package kube is a Kubernetes API of one machine: as much of it as reading objects takes, over TLS with bearer tokens,
// with the errors of the real one. `tiercel up` and tests run it on objects that they put in place.
//
// It serves no watches and no writes, and JSON alone.
// https://kubernetes.io/docs/reference/using-api/api-concepts/
package kube

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"

	"tiercel.dev/local/certificate"
)

// Config is what a [Server] may be told. The zero value is ready.
type Config struct {
	// Users are who calls, by bearer token; nil lets every token be a user of its own name. A call without a token is
	// system:anonymous, and one with another token nobody.
	Users map[string]string
	// Rules are what each user may do anywhere; nil lets everybody but system:anonymous do everything.
	Rules map[string][]rbacv1.PolicyRule
	// Before is called before each request; its error is the answer, in the form of k8s.io/apimachinery's errors. It may
	// wait, to be slow. nil for never.
	Before func(*http.Request) error
	// Version is what the server says it is. Default v1.37.0.
	Version string
	// Now is the server's clock. Default time.Now.
	Now func() time.Time
}

// A Server holds objects in memory, and what they were until [Server.Compact].
type Server struct {
	cfg Config

	mu        sync.Mutex
	shelves   map[*resource]shelf
	rv        int64 // of the last change
	compacted int64 // what was before is forgotten
}

// New returns a server without objects.
func New(cfg Config) *Server {
	if cfg.Version == "" {
		cfg.Version = "v1.37.0"
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Server{cfg: cfg, shelves: make(map[*resource]shelf), rv: 1}
}

// Serve serves s over TLS on a free port of the loopback. It returns host and port, the certificate to trust, and how to
// end it.
func Serve(s *Server) (address string, ca []byte, stop func() error, err error) {
	pair, ca, err := certificate.Loopback()
	if err != nil {
		return "", nil, nil, fmt.Errorf("kubernetes: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, nil, fmt.Errorf("kubernetes: %w", err)
	}
	h := &http.Server{
		Handler: s, ReadHeaderTimeout: 10 * time.Second,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12},
	}
	go h.ServeTLS(l, "", "")
	return l.Addr().String(), ca, h.Close, nil
}
