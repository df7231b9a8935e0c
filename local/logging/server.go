// Package logging is a Cloud Logging of one machine: as much of it as it takes to look into audit logs, over gRPC. Entries come
// from the other stand-ins.
// https://cloud.google.com/logging/docs/reference/v2/rpc/google.logging.v2#loggingservicev2
package logging

import (
	"slices"
	"sync"

	pb "cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"tiercel.dev/local/caller"
)

// Config is what a [Server] may be told: who has logging.logEntries.list, and for Data Access logs
// logging.privateLogEntries.list. Its Before may have what is due be written.
type Config = caller.Gate

// A Server holds entries in memory.
type Server struct {
	pb.UnimplementedLoggingServiceV2Server
	gate caller.Gate

	mu      sync.Mutex
	entries []*pb.LogEntry // by time; none is changed
}

// New returns a server without entries.
func New(cfg Config) *Server { return &Server{gate: cfg} }

// Register serves the API on g.
func (s *Server) Register(g *grpc.Server) { pb.RegisterLoggingServiceV2Server(g, s) }

// Write keeps an entry.
func (s *Server) Write(e *pb.LogEntry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e = proto.CloneOf(e)
	i, _ := slices.BinarySearchFunc(s.entries, e, func(a, b *pb.LogEntry) int {
		if a.Timestamp.AsTime().After(b.Timestamp.AsTime()) {
			return 1
		}
		return -1 // what came at the same time stays before it
	})
	s.entries = slices.Insert(s.entries, i, e)
}
