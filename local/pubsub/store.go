package pubsub

import (
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"go.etcd.io/bbolt"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Buckets of the database. A delivery's key is its subscription's name, a zero byte and its message's key, so that keys are
// in the order in which a subscription got its messages.
const (
	topicBucket    = "topics"        // name → Topic
	schemaBucket   = "schemas"       // name@revision → Schema
	subBucket      = "subscriptions" // name → Subscription
	messageBucket  = "messages"      // number → PublishRequest: a message with its topic
	deliveryBucket = "deliveries"    // → state and attempts
)

// A store writes what changed to disk, all of one critical section of the server's in one transaction. A transaction takes
// its time, and what changes meanwhile goes into the next together. The server's lock guards open, last and closed.
type store struct {
	server *Server
	db     *bbolt.DB
	open   *batch // not yet being written; nil if there is nothing to write
	last   *batch // that was opened
	more   chan struct{}
	closed bool
	gone   chan struct{} // closed when the writer has ended
}

// A batch is what one transaction writes: of each key, only what it came to.
type batch struct {
	entries map[entry]value
	fresh   []*delivery // ready once it is written
	done    chan struct{}
	err     error // once done
}

type entry struct{ bucket, key string }

// A value is bytes, or what becomes bytes when it is written; the zero value removes the key.
type value struct {
	bytes []byte
	m     *message
}

func openStore(s *Server, dir string) (*store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "pubsub.db")
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{
		Timeout: time.Second, NoSync: true, NoFreelistSync: true, FreelistType: bbolt.FreelistMapType,
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &store{server: s, db: db, more: make(chan struct{}, 1), gone: make(chan struct{})}, nil
}

// put notes a change. The caller has the server's lock. Once the store is closed nobody is left to write it: that is an
// acknowledgement that came too late, and whose message comes again.
func (st *store) put(bucket, key string, v value) {
	if !st.closed {
		st.begin().entries[entry{bucket, key}] = v
	}
}

// begin returns the batch that is open, and has the writer look at it.
func (st *store) begin() *batch {
	if st.open == nil {
		st.open = &batch{entries: make(map[entry]value), done: make(chan struct{})}
		st.last = st.open
		st.wake()
	}
	return st.open
}

func (st *store) wake() {
	select {
	case st.more <- struct{}{}:
	default:
	}
}

// write writes batches until the store is closed and nothing is left. A batch that could not be written is tried again with
// what changed since, and whoever waited for it is told.
func (st *store) write() {
	defer close(st.gone)
	for {
		<-st.more
		st.server.mu.Lock()
		b, closed := st.open, st.closed
		st.open = nil
		st.server.mu.Unlock()
		if b == nil {
			if closed {
				return
			}
			continue
		}
		switch b.err = st.commit(b); {
		case b.err == nil:
			st.server.release(b.fresh)
		case !closed:
			st.again(b)
		}
		close(b.done)
		if closed {
			return
		}
	}
}

func (st *store) commit(b *batch) error {
	return st.db.Update(func(tx *bbolt.Tx) error {
		buckets := make(map[string]*bbolt.Bucket)
		for _, name := range []string{topicBucket, schemaBucket, subBucket, messageBucket, deliveryBucket} {
			bucket, err := tx.CreateBucketIfNotExists([]byte(name))
			if err != nil {
				return err
			}
			buckets[name] = bucket
		}
		for e, v := range b.entries {
			if err := v.write(buckets[e.bucket], []byte(e.key)); err != nil {
				return fmt.Errorf("%s %q: %w", e.bucket, e.key, err)
			}
		}
		return nil
	})
}

func (v value) write(bucket *bbolt.Bucket, key []byte) (err error) {
	switch {
	case v.m != nil:
		if v.bytes, err = proto.Marshal(&pb.PublishRequest{Topic: v.m.topic, Messages: []*pb.PubsubMessage{v.m.proto()}}); err != nil {
			return err
		}
	case v.bytes == nil:
		return bucket.Delete(key)
	}
	return bucket.Put(key, v.bytes)
}

// release makes deliveries ready that are on disk now.
func (s *Server) release(fresh []*delivery) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range fresh {
		if d.state == unwritten {
			d.sub.unwritten--
			d.sub.makeReady(d)
		}
	}
}

// retryWrite is how long a failed transaction waits for the disk to be better.
const retryWrite = 100 * time.Millisecond

func (st *store) again(b *batch) {
	st.server.cfg.Log.Error("changes not written", "path", st.db.Path(), "changes", len(b.entries), "err", b.err)
	time.Sleep(retryWrite)
	st.server.mu.Lock()
	defer st.server.mu.Unlock()
	open := st.begin()
	newer := open.entries
	open.fresh = append(b.fresh, open.fresh...)
	open.entries = maps.Clone(b.entries)
	maps.Copy(open.entries, newer)
}

// wait returns when b is on disk.
func (b *batch) wait() error {
	if b == nil {
		return nil
	}
	<-b.done
	if b.err != nil {
		return status.Errorf(codes.Unavailable, "not written to disk: %v", b.err)
	}
	return nil
}

// close writes what is left. The server is closed already.
func (st *store) close() error {
	st.server.mu.Lock()
	st.closed = true
	st.server.mu.Unlock()
	st.wake()
	<-st.gone
	var err error
	if st.last != nil {
		err = st.last.wait()
	}
	if synced := st.db.Sync(); err == nil {
		err = synced
	}
	if closed := st.db.Close(); err == nil {
		err = closed
	}
	return err
}

func messageKey(seq uint64) string { return string(binary.BigEndian.AppendUint64(nil, seq)) }

func deliveryKey(d *delivery) string { return d.sub.spec.Name + "\x00" + messageKey(d.m.seq) }
