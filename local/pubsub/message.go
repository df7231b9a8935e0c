package pubsub

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// A message is kept once, however many subscriptions have it. It does not change but for holders.
type message struct {
	seq         uint64 // its id, as a number
	topic       string
	data        []byte
	attributes  map[string]string
	orderingKey string
	published   time.Time
	size        int64
	holders     int // subscriptions that have it
}

// Limits of a message and a request.
// https://cloud.google.com/pubsub/quotas#resource_limits
const (
	MaxMessage     = 10_000_000 // bytes of a message, and of a request
	maxMessages    = 1000
	maxAttributes  = 100
	maxKey         = 256
	maxValue       = 1024
	maxOrderingKey = 1024
)

// perMessage is what keeping a message takes besides its bytes, about.
const perMessage = 256

func (m *message) id() string { return strconv.FormatUint(m.seq, 10) }

func (m *message) proto() *pb.PubsubMessage {
	return &pb.PubsubMessage{
		Data: m.data, Attributes: m.attributes, MessageId: m.id(), PublishTime: timestamppb.New(m.published), OrderingKey: m.orderingKey,
	}
}

// newMessage is what becomes of p when it is published. Messages without an id have not been published yet.
func newMessage(topic string, p *pb.PubsubMessage) *message {
	m := &message{
		topic: topic, data: p.GetData(), attributes: p.GetAttributes(), orderingKey: p.GetOrderingKey(),
		size: perMessage + int64(len(p.GetData())+len(p.GetOrderingKey())),
	}
	for key, value := range m.attributes {
		m.size += int64(len(key) + len(value))
	}
	return m
}

// Publish takes all messages or none. With a folder it returns when they are on disk.
func (s *Server) Publish(_ context.Context, r *pb.PublishRequest) (*pb.PublishResponse, error) {
	size, err := check(r)
	if err != nil {
		return nil, err
	}
	stamp, err := s.checkSchema(r)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(r.GetMessages()))
	err = s.change(func() error {
		t, err := s.topic(r.GetTopic())
		if err != nil {
			return err
		}
		if s.bytes+size > s.cfg.MaxBytes {
			t.stats.Refused += uint64(len(ids))
			return status.Errorf(codes.ResourceExhausted, "topic %q: %d bytes of messages wait already, of at most %d", r.Topic, s.bytes, s.cfg.MaxBytes)
		}
		for i, p := range r.GetMessages() {
			m := newMessage(r.Topic, p)
			if stamp != nil {
				m.attributes = maps.Clone(m.attributes)
				if m.attributes == nil {
					m.attributes = make(map[string]string, len(stamp))
				}
				maps.Copy(m.attributes, stamp)
			}
			s.publish(t, m)
			ids[i] = m.id()
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &pb.PublishResponse{MessageIds: ids}, nil
}

// publish hands a message to the topic's subscriptions. The caller has the lock.
func (s *Server) publish(t *topic, m *message) {
	s.nextID++
	t.stats.Published++
	m.seq, m.published = s.nextID, time.Now()
	for _, sub := range t.subs {
		if sub.filter.match(m.attributes) {
			sub.add(m)
		}
	}
}

// check returns what keeping a request's messages takes.
func check(r *pb.PublishRequest) (size int64, err error) {
	if n := len(r.GetMessages()); n == 0 || n > maxMessages {
		return 0, status.Errorf(codes.InvalidArgument, "topic %q: %d messages, not 1 to %d", r.GetTopic(), n, maxMessages)
	}
	for i, p := range r.GetMessages() {
		m := newMessage(r.GetTopic(), p)
		if why := m.wrong(); why != "" {
			return 0, status.Errorf(codes.InvalidArgument, "topic %q: message %d: %s", r.GetTopic(), i, why)
		}
		size += m.size
	}
	if n := size - perMessage*int64(len(r.Messages)); n > MaxMessage {
		return 0, status.Errorf(codes.InvalidArgument, "topic %q: %d bytes of at most %d", r.GetTopic(), n, MaxMessage)
	}
	return size, nil
}

// wrong tells why the service would not take m, or "".
func (m *message) wrong() string {
	switch {
	case len(m.data) == 0 && len(m.attributes) == 0:
		return "neither data nor attributes"
	case len(m.attributes) > maxAttributes:
		return strconv.Itoa(len(m.attributes)) + " attributes, more than " + strconv.Itoa(maxAttributes)
	case len(m.orderingKey) > maxOrderingKey:
		return "ordering key of more than 1024 bytes"
	}
	for key, value := range m.attributes {
		switch {
		case key == "" || len(key) > maxKey:
			return "attribute " + strconv.Quote(key[:min(len(key), 64)]) + ": a key has 1 to 256 bytes"
		case strings.HasPrefix(key, "goog"):
			return "attribute " + strconv.Quote(key) + ": keys that begin with goog are the service's"
		case len(value) > maxValue:
			return "attribute " + strconv.Quote(key) + ": value of more than 1024 bytes"
		case !utf8.ValidString(key) || !utf8.ValidString(value):
			return "attribute " + strconv.Quote(key) + ": not UTF-8"
		}
	}
	return ""
}
