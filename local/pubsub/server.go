// Package pubsub is a Pub/Sub of one machine: the real gRPC API on loopback, with push subscriptions that are delivered,
// retried with back-off and dead-lettered as the service does it. `tiercel up` and tests run the pipeline on it, with the
// clients and functions that run in Google Cloud.
//
// It takes the place of pstest, whose StreamingPull moves 87 messages a second, and which neither pushes, nor waits
// between retries, nor counts deliveries by subscription. What it has not: snapshots, ordering keys' order, exactly-once
// delivery, transforms, and subscriptions that write to BigQuery or Cloud Storage; those are refused where the service
// would take them.
package pubsub

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
)

// Config is what a [Server] may be told. The zero value is ready.
type Config struct {
	// MaxBytes bounds the messages kept, each counted once however many subscriptions wait for it. What does not fit is
	// refused with RESOURCE_EXHAUSTED. Default 256 MiB.
	MaxBytes int64
	// Hurry divides the waiting times of retry policies, so that a person need not wait ten minutes to see a dead letter.
	// Default 1.
	Hurry int
	// Client sends pushes. Default: one with as many connections as a subscription has pushes under way.
	Client *http.Client
	Log    *slog.Logger // default slog.Default()
}

// MaxMessage is the largest message and the largest request, in bytes.
// https://cloud.google.com/pubsub/quotas#resource_limits
const MaxMessage = 10_000_000

// A Server holds topics and subscriptions in memory. Close ends it.
type Server struct {
	pb.UnimplementedPublisherServer
	pb.UnimplementedSubscriberServer
	cfg Config

	mu     sync.Mutex
	topics map[string]*topic
	subs   map[string]*subscription
	bytes  int64 // of all messages kept
	nextID uint64
	closed bool
	clock  clock
	beside sync.WaitGroup // pushers
	done   chan struct{}
}

// New returns a server without topics.
func New(cfg Config) *Server {
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 256 << 20
	}
	if cfg.Hurry == 0 {
		cfg.Hurry = 1
	}
	if cfg.Client == nil {
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.Proxy = nil
		transport.MaxIdleConnsPerHost = maxWindow
		cfg.Client = &http.Client{Transport: transport}
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	s := &Server{cfg: cfg, topics: make(map[string]*topic), subs: make(map[string]*subscription), done: make(chan struct{})}
	s.clock.fire = s.due
	return s
}

// Register serves the API on g, beside other services. g wants [Options].
func (s *Server) Register(g *grpc.Server) {
	pb.RegisterPublisherServer(g, s)
	pb.RegisterSubscriberServer(g, s)
}

// Options are what a gRPC server needs to take the largest request.
func Options() []grpc.ServerOption {
	return []grpc.ServerOption{grpc.MaxRecvMsgSize(MaxMessage + 1<<20), grpc.MaxSendMsgSize(64 << 20)}
}

// Serve makes a gRPC server of s alone on a free port of the loopback and returns its address and how to end it.
func Serve(s *Server) (address string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("pubsub: %w", err)
	}
	g := grpc.NewServer(Options()...)
	s.Register(g)
	go g.Serve(l)
	return l.Addr().String(), func() { s.Close(); g.Stop() }, nil
}

// Close ends pushes and pulls and waits for those under way.
func (s *Server) Close() {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.closed = true
	close(s.done)
	s.clock.stop()
	for _, sub := range s.subs {
		sub.wake()
	}
	s.mu.Unlock()
	s.beside.Wait()
}

// waiting is a retry policy's time as this server keeps it.
func (s *Server) waiting(d time.Duration) time.Duration { return d / time.Duration(s.cfg.Hurry) }
