package pubsub

import (
	"encoding/binary"

	"google.golang.org/protobuf/proto"
)

// keepSpec, keep and keepMessage note for the disk what a topic, schema, subscription, delivery or message is now, and
// their opposites that it is gone. Without a store they do nothing. The caller has the lock.
func (s *Server) keepSpec(bucket, name string, spec proto.Message) {
	if s.store == nil {
		return
	}
	text, err := proto.Marshal(spec)
	if err != nil { // its strings came through gRPC, or New's caller made them
		s.cfg.Log.Error("not kept on disk", "bucket", bucket, "name", name, "err", err)
		return
	}
	s.store.put(bucket, name, value{bytes: text})
}

func (s *Server) forgetSpec(bucket, name string) {
	if s.store != nil {
		s.store.put(bucket, name, value{})
	}
}

func (s *Server) keepMessage(m *message) {
	if s.store != nil {
		s.store.put(messageBucket, messageKey(m.seq), value{m: m})
	}
}

func (s *Server) forgetMessage(m *message) {
	if s.store != nil {
		s.store.put(messageBucket, messageKey(m.seq), value{})
	}
}

// keep notes how often a delivery was tried, and whether it was acknowledged. Who has it, and until when, is forgotten by a
// restart: then it is delivered again.
func (s *Server) keep(d *delivery) {
	if s.store == nil {
		return
	}
	text := []byte{0}
	if d.state == acked {
		text[0] = 1
	}
	s.store.put(deliveryBucket, deliveryKey(d), value{bytes: binary.AppendUvarint(text, uint64(d.attempt))})
}

func (s *Server) forget(d *delivery) {
	if s.store != nil {
		s.store.put(deliveryBucket, deliveryKey(d), value{})
	}
}
