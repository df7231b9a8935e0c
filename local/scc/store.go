package scc

import (
	"fmt"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"go.etcd.io/bbolt"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

var (
	sourcesBucket  = []byte("sources")
	findingsBucket = []byte("findings")
)

// Open returns a server that keeps what it holds in a file, and has from there what an earlier one held. It outlives the
// process's death at any time, and not the machine's: waiting for the disk at each write is more than a stand-in owes.
func Open(path string, cfg Config) (*Server, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, NoSync: true})
	if err != nil {
		return nil, fmt.Errorf("findings in %s: %w", path, err)
	}
	s := New(cfg)
	s.db = db
	if err := db.Update(s.load); err != nil {
		db.Close()
		return nil, fmt.Errorf("findings in %s: %w", path, err)
	}
	return s, nil
}

func (s *Server) load(tx *bbolt.Tx) error {
	if err := load(tx, sourcesBucket, s.sources, func() *pb.Source { return new(pb.Source) }); err != nil {
		return err
	}
	return load(tx, findingsBucket, s.findings, func() *pb.Finding { return new(pb.Finding) })
}

func load[T proto.Message](tx *bbolt.Tx, bucket []byte, into map[string]T, empty func() T) error {
	b, err := tx.CreateBucketIfNotExists(bucket)
	if err != nil {
		return err
	}
	return b.ForEach(func(k, v []byte) error {
		m := empty()
		if err := proto.Unmarshal(v, m); err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
		into[string(k)] = m
		return nil
	})
}

// keep writes a record to the file, if there is one.
func (s *Server) keep(bucket []byte, key string, m proto.Message) error {
	if s.db == nil {
		return nil
	}
	data, err := proto.Marshal(m)
	if err == nil {
		err = s.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(bucket).Put([]byte(key), data) })
	}
	if err != nil {
		return status.Errorf(codes.Internal, "%s: %v", key, err)
	}
	return nil
}

// Close closes the file, if there is one. No call may be under way.
func (s *Server) Close() error {
	if s.db == nil {
		return nil
	}
	if err := s.db.Sync(); err != nil {
		s.db.Close()
		return err
	}
	return s.db.Close()
}
