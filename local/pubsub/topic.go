package pubsub

import (
	"context"
	"regexp"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

type topic struct {
	spec  *pb.Topic // replaced, never changed
	subs  []*subscription
	stats TopicStats
}

// deletedTopic is what a subscription names once its topic is gone.
const deletedTopic = "_deleted-topic_"

// Resource ids, as the service takes them.
// https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names
var (
	topicName  = regexp.MustCompile(`^projects/[^/]+/topics/[A-Za-z][A-Za-z0-9._~+%-]{2,254}$`)
	subName    = regexp.MustCompile(`^projects/[^/]+/subscriptions/[A-Za-z][A-Za-z0-9._~+%-]{2,254}$`)
	schemaName = regexp.MustCompile(`^projects/[^/]+/schemas/[A-Za-z][A-Za-z0-9._~+%-]{2,254}$`)
)

// CreateTopic makes a topic.
func (s *Server) CreateTopic(_ context.Context, spec *pb.Topic) (*pb.Topic, error) {
	spec = proto.CloneOf(spec)
	err := s.change(func() error {
		if err := s.checkTopic(spec); err != nil {
			return err
		}
		if s.topics[spec.Name] != nil {
			return status.Errorf(codes.AlreadyExists, "topic %q exists", spec.Name)
		}
		s.topics[spec.Name] = &topic{spec: spec}
		s.keepSpec(topicBucket, spec.Name, spec)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return proto.CloneOf(spec), nil
}

func (s *Server) checkTopic(spec *pb.Topic) error {
	if !topicName.MatchString(spec.GetName()) {
		return status.Errorf(codes.InvalidArgument, "topic %q: not projects/PROJECT/topics/TOPIC", spec.GetName())
	}
	if spec.GetMessageRetentionDuration() != nil || spec.GetIngestionDataSourceSettings() != nil || len(spec.GetMessageTransforms()) > 0 {
		return status.Errorf(codes.Unimplemented, "topic %q: a topic's retention, ingestion and transforms are not to be had here", spec.Name)
	}
	return s.checkSchemaSettings(spec)
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

// UpdateTopic changes what the mask names.
func (s *Server) UpdateTopic(_ context.Context, r *pb.UpdateTopicRequest) (*pb.Topic, error) {
	var spec *pb.Topic
	err := s.change(func() error {
		t, err := s.topic(r.GetTopic().GetName())
		if err != nil {
			return err
		}
		spec = proto.CloneOf(t.spec)
		if err := apply(spec, r.Topic, r.GetUpdateMask(), "labels", "message_storage_policy", "kms_key_name", "schema_settings",
			"message_retention_duration", "ingestion_data_source_settings", "message_transforms"); err != nil {
			return status.Errorf(codes.InvalidArgument, "topic %q: %v", spec.Name, err)
		}
		if err := s.checkTopic(spec); err != nil {
			return err
		}
		t.spec = spec
		s.keepSpec(topicBucket, spec.Name, spec)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return proto.CloneOf(spec), nil
}

// ListTopics returns a project's.
func (s *Server) ListTopics(_ context.Context, r *pb.ListTopicsRequest) (*pb.ListTopicsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	names, next, err := page(s.topics, r.GetProject()+"/topics/", r)
	if err != nil {
		return nil, err
	}
	list := &pb.ListTopicsResponse{NextPageToken: next}
	for _, name := range names {
		list.Topics = append(list.Topics, proto.CloneOf(s.topics[name].spec))
	}
	return list, nil
}

// ListTopicSubscriptions returns the names of those attached to a topic.
func (s *Server) ListTopicSubscriptions(_ context.Context, r *pb.ListTopicSubscriptionsRequest) (*pb.ListTopicSubscriptionsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.topic(r.GetTopic())
	if err != nil {
		return nil, err
	}
	attached := make(map[string]*subscription, len(t.subs))
	for _, sub := range t.subs {
		attached[sub.spec.Name] = sub
	}
	names, next, err := page(attached, "", r)
	return &pb.ListTopicSubscriptionsResponse{Subscriptions: names, NextPageToken: next}, err
}

// DeleteTopic leaves the topic's subscriptions with what they have.
func (s *Server) DeleteTopic(_ context.Context, r *pb.DeleteTopicRequest) (*emptypb.Empty, error) {
	return new(emptypb.Empty), s.change(func() error {
		t, err := s.topic(r.GetTopic())
		if err != nil {
			return err
		}
		for _, sub := range t.subs {
			spec := proto.CloneOf(sub.spec)
			spec.Topic = deletedTopic
			sub.setSpec(spec)
		}
		delete(s.topics, r.Topic)
		s.forgetSpec(topicBucket, r.Topic)
		return nil
	})
}

func (s *Server) topic(name string) (*topic, error) {
	if t := s.topics[name]; t != nil {
		return t, nil
	}
	return nil, status.Errorf(codes.NotFound, "topic %q is not there", name)
}
