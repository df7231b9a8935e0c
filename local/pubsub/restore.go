package pubsub

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"go.etcd.io/bbolt"
	"google.golang.org/protobuf/proto"
)

// restore reads what an earlier server kept. Each delivery that was not acknowledged is ready.
func (s *Server) restore() error {
	messages := make(map[string]*message)
	var stale []entry
	err := s.store.db.View(func(tx *bbolt.Tx) error {
		return errors.Join(
			each(tx, schemaBucket, s.restoreSchema),
			each(tx, topicBucket, s.restoreTopic),
			each(tx, subBucket, s.restoreSubscription),
			each(tx, messageBucket, func(key string, text []byte) error {
				m, err := s.restoreMessage(key, text)
				messages[key] = m
				return err
			}),
			each(tx, deliveryBucket, func(key string, text []byte) error {
				if !s.restoreDelivery(key, text, messages) {
					stale = append(stale, entry{deliveryBucket, key})
				}
				return nil
			}),
		)
	})
	if err != nil {
		return err
	}
	for key, m := range messages {
		if m.holders == 0 {
			stale = append(stale, entry{messageBucket, key})
		}
	}
	for _, e := range stale {
		s.store.put(e.bucket, e.key, value{})
	}
	for _, all := range s.schemas {
		slices.SortFunc(all, func(a, b *revision) int {
			return cmp.Compare(a.spec.RevisionCreateTime.AsTime().UnixNano(), b.spec.RevisionCreateTime.AsTime().UnixNano())
		})
	}
	return nil
}

func each(tx *bbolt.Tx, bucket string, do func(key string, text []byte) error) error {
	b := tx.Bucket([]byte(bucket))
	if b == nil {
		return nil
	}
	return b.ForEach(func(key, text []byte) error {
		if err := do(string(key), text); err != nil {
			return fmt.Errorf("%s %q: %w", bucket, key, err)
		}
		return nil
	})
}

func (s *Server) restoreSchema(_ string, text []byte) error {
	spec := new(pb.Schema)
	if err := proto.Unmarshal(text, spec); err != nil {
		return err
	}
	message, err := compile(spec)
	s.schemas[spec.Name] = append(s.schemas[spec.Name], &revision{spec, message})
	return err
}

func (s *Server) restoreTopic(name string, text []byte) error {
	spec := new(pb.Topic)
	s.topics[name] = &topic{spec: spec}
	return proto.Unmarshal(text, spec)
}

func (s *Server) restoreSubscription(name string, text []byte) error {
	spec := new(pb.Subscription)
	if err := proto.Unmarshal(text, spec); err != nil {
		return err
	}
	f, err := parseFilter(spec.Filter)
	if err != nil {
		return err
	}
	sub := newSubscription(s, spec, f)
	s.subs[name] = sub
	if t := s.topics[spec.Topic]; t != nil && !spec.Detached {
		t.subs = append(t.subs, sub)
	}
	return nil
}

func (s *Server) restoreMessage(key string, text []byte) (*message, error) {
	var r pb.PublishRequest
	if err := proto.Unmarshal(text, &r); err != nil {
		return nil, err
	}
	if len(key) != 8 || len(r.Messages) != 1 {
		return nil, fmt.Errorf("key of %d bytes with %d messages", len(key), len(r.Messages))
	}
	m := newMessage(r.Topic, r.Messages[0])
	m.seq, m.published = binary.BigEndian.Uint64([]byte(key)), r.Messages[0].PublishTime.AsTime()
	s.nextID = max(s.nextID, m.seq)
	return m, nil
}

// restoreDelivery reports whether the delivery has its message and its subscription still.
func (s *Server) restoreDelivery(key string, text []byte, messages map[string]*message) bool {
	name, message, _ := strings.Cut(key, "\x00")
	sub, m := s.subs[name], messages[message]
	if sub == nil || m == nil || len(text) < 2 {
		return false
	}
	d := &delivery{m: m, sub: sub}
	attempt, _ := binary.Uvarint(text[1:])
	d.attempt = int(attempt)
	if m.holders++; m.holders == 1 {
		s.bytes += m.size
	}
	d.place = sub.all.PushBack(d)
	if text[0] == 1 {
		d.state = acked
		sub.retained++
		return true
	}
	sub.bytes += m.size
	sub.makeReady(d)
	return true
}
