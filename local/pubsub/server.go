// Package pubsub is a Pub/Sub of one machine: the real gRPC API on loopback, with push subscriptions that are delivered,
// retried with back-off and dead-lettered as the service does it, schemas that are checked, and, in a folder, messages that
// outlast the process. `tiercel up` and tests run the pipeline on it, with the clients and functions that run in Google
// Cloud.
//
// It takes the place of pstest, whose StreamingPull moves 87 messages a second, and which neither pushes, nor waits
// between retries, nor counts deliveries by subscription. What it has not: snapshots, the order of ordering keys,
// exactly-once delivery, transforms, Avro, a topic's own retention, and subscriptions that write to BigQuery or Cloud Storage;
// those are refused where the service would take them.
//
// One lock guards all: what it guards takes microseconds, and the work of a pipeline is elsewhere. What is slow (disk,
// network, schemas) is done without it.
package pubsub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Config is what a [Server] may be told. The zero value is ready.
type Config struct {
	// MaxBytes bounds the messages kept, each counted once however many subscriptions wait for it. What does not fit is
	// refused with RESOURCE_EXHAUSTED. Default 256 MiB.
	MaxBytes int64
	// Hurry divides the waiting times of retry policies, so that a person need not wait ten minutes to see a dead letter.
	// Default 1.
	Hurry int
	// Dial connects to where pushes go. Default: as the standard library's client does.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Token makes the token of pushes whose configuration has an account: by that account, for that audience. Default: they
	// carry none.
	Token func(account, audience string) (string, error)
	Log   *slog.Logger // default slog.Default()
}

// A Server holds topics, subscriptions and schemas. Close ends it.
type Server struct {
	pb.UnimplementedPublisherServer
	pb.UnimplementedSubscriberServer
	pb.UnimplementedSchemaServiceServer
	cfg    Config
	client *http.Client // sends pushes

	mu      sync.Mutex
	topics  map[string]*topic
	subs    map[string]*subscription
	schemas map[string][]*revision // the newest last
	bytes   int64                  // of all messages kept
	nextID  uint64
	nextAck uint64
	clock   clock
	store   *store // nil without a folder
	address string
	closed  bool

	ctx    context.Context // of pushes, until Close
	cancel context.CancelFunc
	beside sync.WaitGroup // pushers
}

// New returns a server without topics, which keeps messages in memory.
func New(cfg Config) *Server {
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 256 << 20
	}
	if cfg.Hurry == 0 {
		cfg.Hurry = 1
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	// As many connections as a subscription has pushes under way.
	transport.MaxIdleConns, transport.MaxIdleConnsPerHost = 0, maxWindow
	if cfg.Dial != nil {
		transport.DialContext = cfg.Dial
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	s := &Server{
		cfg: cfg, client: &http.Client{Transport: transport},
		topics: make(map[string]*topic), subs: make(map[string]*subscription), schemas: make(map[string][]*revision),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	// Ids go on from the time, so that those of a server which was killed before it wrote them are not given again.
	s.nextID = uint64(time.Now().UnixMicro())
	s.nextAck = s.nextID
	s.clock.fire = s.due
	return s
}

// Open returns a server with what an earlier one kept in a folder, and keeps there what it takes: a message is written when
// Publish returns. It outlives the process's death at any time, and not the machine's: waiting for the disk at each message is
// more than a stand-in owes. One server at a time can have a folder.
func Open(dir string, cfg Config) (*Server, error) {
	s := New(cfg)
	st, err := openStore(s, dir)
	if err != nil {
		return nil, fmt.Errorf("pubsub: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.store = st
	if err := s.restore(); err != nil {
		return nil, errors.Join(fmt.Errorf("pubsub: %s: %w", dir, err), st.db.Close())
	}
	go st.write()
	for _, sub := range s.subs {
		sub.rearmLapse()
		sub.startPush()
	}
	return s, nil
}

// Register serves the API on g, beside other services. g wants [Options].
func (s *Server) Register(g *grpc.Server) {
	pb.RegisterPublisherServer(g, s)
	pb.RegisterSubscriberServer(g, s)
	pb.RegisterSchemaServiceServer(g, s)
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
	s.mu.Lock()
	s.address = l.Addr().String()
	s.mu.Unlock()
	go g.Serve(l)
	return s.Addr(), func() { s.Close(); g.Stop() }, nil
}

// Addr is where [Serve] serves; "" if it was not asked to.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.address
}

// Close breaks off pushes and pulls and waits until what was taken is on disk. A delivery that it breaks off is neither
// acknowledged nor refused.
func (s *Server) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.cancel()
	s.clock.stop()
	for _, sub := range s.subs {
		sub.wake()
		if sub.lapse != nil {
			sub.lapse.Stop()
		}
	}
	s.mu.Unlock()
	s.beside.Wait()
	if s.store == nil {
		return nil
	}
	if err := s.store.close(); err != nil {
		return fmt.Errorf("pubsub: %w", err)
	}
	return nil
}

// change runs f with the lock, and returns when what f changed is on disk.
func (s *Server) change(f func() error) error {
	s.mu.Lock()
	err := s.open()
	if err == nil {
		err = f()
	}
	var last *batch
	if s.store != nil {
		last = s.store.last
	}
	s.mu.Unlock()
	if err != nil {
		return err
	}
	return last.wait()
}

// open returns an error once the server is closed.
func (s *Server) open() error {
	if s.closed {
		return status.Error(codes.Unavailable, "pubsub is closed")
	}
	return nil
}

// waiting is a retry policy's time as this server keeps it.
func (s *Server) waiting(d time.Duration) time.Duration { return d / time.Duration(s.cfg.Hurry) }
