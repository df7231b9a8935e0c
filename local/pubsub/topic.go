package pubsub

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

type topic struct {
	spec      *pb.Topic
	subs      []*subscription
	published uint64
}

// A message is kept once, however many subscriptions have it.
type message struct {
	id         string
	topic      string
	data       []byte
	attributes map[string]string
	published  time.Time
	size       int64
	holders    int
}

// Resource ids, as the service takes them.
// https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names
var (
	topicName = regexp.MustCompile(`^projects/[^/]+/topics/[A-Za-z][A-Za-z0-9._~+%-]{2,254}$`)
	subName   = regexp.MustCompile(`^projects/[^/]+/subscriptions/[A-Za-z][A-Za-z0-9._~+%-]{2,254}$`)
)

// CreateTopic makes a topic without a schema.
func (s *Server) CreateTopic(_ context.Context, t *pb.Topic) (*pb.Topic, error) {
	if !topicName.MatchString(t.GetName()) {
		return nil, status.Errorf(codes.InvalidArgument, "topic %q: not projects/PROJECT/topics/TOPIC", t.GetName())
	}
	if t.GetSchemaSettings() != nil {
		return nil, status.Errorf(codes.Unimplemented, "topic %q: schemas are not checked here", t.GetName())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.topics[t.Name] != nil {
		return nil, status.Errorf(codes.AlreadyExists, "topic %q exists", t.Name)
	}
	s.topics[t.Name] = &topic{spec: proto.CloneOf(t)}
	return t, nil
}

// GetTopic returns a topic as it was made.
func (s *Server) GetTopic(_ context.Context, r *pb.GetTopicRequest) (*pb.Topic, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.topic(r.GetTopic())
	if err != nil {
		return nil, err
	}
	return proto.CloneOf(t.spec), nil
}

// ListTopics returns all of a project's, in one page.
func (s *Server) ListTopics(_ context.Context, r *pb.ListTopicsRequest) (*pb.ListTopicsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := new(pb.ListTopicsResponse)
	for _, name := range slices.Sorted(maps.Keys(s.topics)) {
		if strings.HasPrefix(name, r.GetProject()+"/topics/") {
			list.Topics = append(list.Topics, proto.CloneOf(s.topics[name].spec))
		}
	}
	return list, nil
}

// DeleteTopic leaves the topic's subscriptions with what they have.
func (s *Server) DeleteTopic(_ context.Context, r *pb.DeleteTopicRequest) (*emptypb.Empty, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.topic(r.GetTopic())
	if err != nil {
		return nil, err
	}
	for _, sub := range t.subs {
		sub.spec.Topic = "_deleted-topic_"
	}
	delete(s.topics, r.Topic)
	return new(emptypb.Empty), nil
}

func (s *Server) topic(name string) (*topic, error) {
	if t := s.topics[name]; t != nil {
		return t, nil
	}
	return nil, status.Errorf(codes.NotFound, "topic %q is not there", name)
}

// Publish takes all messages or none.
func (s *Server) Publish(_ context.Context, r *pb.PublishRequest) (*pb.PublishResponse, error) {
	size, err := check(r)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.topic(r.GetTopic())
	if err != nil {
		return nil, err
	}
	if s.bytes+size > s.cfg.MaxBytes {
		return nil, status.Errorf(codes.ResourceExhausted, "topic %q: %d bytes of messages wait already, of at most %d", r.Topic, s.bytes, s.cfg.MaxBytes)
	}
	ids := make([]string, len(r.GetMessages()))
	for i, m := range r.GetMessages() {
		ids[i] = s.publish(t, m.GetData(), m.GetAttributes()).id
	}
	return &pb.PublishResponse{MessageIds: ids}, nil
}

// publish hands a message to the topic's subscriptions. The caller has the lock.
func (s *Server) publish(t *topic, data []byte, attributes map[string]string) *message {
	s.nextID++
	t.published++
	m := &message{
		id: strconv.FormatUint(s.nextID, 10), topic: t.spec.Name, data: data, attributes: attributes,
		published: time.Now(), size: int64(len(data)),
	}
	for key, value := range attributes {
		m.size += int64(len(key) + len(value))
	}
	for _, sub := range t.subs {
		if sub.filter.match(attributes) {
			sub.add(m)
		}
	}
	return m
}

// Limits of a message.
// https://cloud.google.com/pubsub/quotas#resource_limits
const (
	maxMessages   = 1000
	maxAttributes = 100
	maxKey        = 256
	maxValue      = 1024
)

// check returns the size of a request's messages.
func check(r *pb.PublishRequest) (size int64, err error) {
	refuse := func(i int, format string, args ...any) error {
		return status.Errorf(codes.InvalidArgument, "topic %q: message %d: "+format, append([]any{r.GetTopic(), i}, args...)...)
	}
	if n := len(r.GetMessages()); n == 0 || n > maxMessages {
		return 0, status.Errorf(codes.InvalidArgument, "topic %q: %d messages, not 1 to %d", r.GetTopic(), n, maxMessages)
	}
	for i, m := range r.GetMessages() {
		switch {
		case len(m.GetData()) == 0 && len(m.GetAttributes()) == 0:
			return 0, refuse(i, "neither data nor attributes")
		case len(m.GetAttributes()) > maxAttributes:
			return 0, refuse(i, "%d attributes of at most %d", len(m.Attributes), maxAttributes)
		case m.GetOrderingKey() != "":
			return 0, status.Errorf(codes.Unimplemented, "topic %q: message %d: ordering keys are not kept in order here", r.GetTopic(), i)
		}
		for key, value := range m.GetAttributes() {
			if key == "" || len(key) > maxKey || strings.HasPrefix(key, "goog") || len(value) > maxValue {
				return 0, refuse(i, "attribute %.64q: keys have 1 to %d bytes and do not begin with goog, values at most %d", key, maxKey, maxValue)
			}
			size += int64(len(key) + len(value))
		}
		size += int64(len(m.GetData()))
	}
	if size > MaxMessage {
		return 0, status.Errorf(codes.InvalidArgument, "topic %q: %d bytes of at most %d", r.GetTopic(), size, MaxMessage)
	}
	return size, nil
}

func (m *message) proto() *pb.PubsubMessage {
	return &pb.PubsubMessage{Data: m.data, Attributes: m.attributes, MessageId: m.id, PublishTime: timestamppb.New(m.published)}
}
