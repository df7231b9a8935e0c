package storage

import (
	"encoding/json"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

var objectsBucket = []byte("objects")

// Open returns a server that keeps its objects in a file, and has from there those of an earlier one. They outlive the
// process's death at any time, and not the machine's: waiting for the disk at each write is more than a stand-in owes.
func Open(path string) (*Server, error) {
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second, NoSync: true})
	if err != nil {
		return nil, fmt.Errorf("objects in %s: %w", path, err)
	}
	s := New()
	s.db = db
	if err := db.Update(s.load); err != nil {
		db.Close()
		return nil, fmt.Errorf("objects in %s: %w", path, err)
	}
	return s, nil
}

func (s *Server) load(tx *bbolt.Tx) error {
	b, err := tx.CreateBucketIfNotExists(objectsBucket)
	if err != nil {
		return err
	}
	return b.ForEach(func(k, v []byte) error {
		o := new(object)
		if err := json.Unmarshal(v, o); err != nil {
			return fmt.Errorf("%s: %w", k, err)
		}
		if o.Meta == nil {
			return fmt.Errorf("%s: no metadata", k)
		}
		// A clock that was set back must not bring a generation a second time.
		s.generation = max(s.generation, o.Meta.Generation)
		s.hold(string(k), o)
		return nil
	})
}

// keep writes an object to the file, if there is one; nil removes it.
func (s *Server) keep(k string, o *object) error {
	if s.db == nil {
		return nil
	}
	return s.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(objectsBucket)
		if o == nil {
			return b.Delete([]byte(k))
		}
		data, err := json.Marshal(o)
		if err != nil {
			return err
		}
		return b.Put([]byte(k), data)
	})
}

// Close closes the file, if there is one. No request may be under way.
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
