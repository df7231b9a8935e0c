package pubsub

import (
	"context"
	"slices"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// CreateSubscription makes a subscription that gets what is published from now on.
func (s *Server) CreateSubscription(_ context.Context, spec *pb.Subscription) (*pb.Subscription, error) {
	spec = proto.CloneOf(spec)
	if err := checkSubscription(spec); err != nil {
		return nil, err
	}
	f, err := parseFilter(spec.GetFilter())
	if err != nil {
		return nil, status.Errorf(codes.InvalidArgument, "subscription %q: filter: %v", spec.Name, err)
	}
	err = s.change(func() error {
		t, err := s.topic(spec.GetTopic())
		if err != nil {
			return err
		}
		if err := s.checkDeadLetterTopic(spec); err != nil {
			return err
		}
		if s.subs[spec.Name] != nil {
			return status.Errorf(codes.AlreadyExists, "subscription %q exists", spec.Name)
		}
		sub := newSubscription(s, spec, f)
		s.subs[spec.Name] = sub
		t.subs = append(t.subs, sub)
		sub.setSpec(spec)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return proto.CloneOf(spec), nil
}

// setSpec has the subscription go by spec from now on.
func (sub *subscription) setSpec(spec *pb.Subscription) {
	s := sub.server
	sub.spec = spec
	s.keepSpec(subBucket, spec.Name, spec)
	sub.rearmLapse()
	sub.startPush()
	sub.wake()
}

// GetSubscription returns a subscription with the defaults filled in.
func (s *Server) GetSubscription(_ context.Context, r *pb.GetSubscriptionRequest) (*pb.Subscription, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, err := s.subscription(r.GetSubscription())
	if err != nil {
		return nil, err
	}
	return proto.CloneOf(sub.spec), nil
}

// UpdateSubscription changes what the mask names. A filter never changes.
func (s *Server) UpdateSubscription(_ context.Context, r *pb.UpdateSubscriptionRequest) (*pb.Subscription, error) {
	change := func(spec *pb.Subscription) error {
		return apply(spec, r.Subscription, r.GetUpdateMask(), "push_config", "ack_deadline_seconds", "retain_acked_messages", "labels",
			"message_retention_duration", "expiration_policy", "dead_letter_policy", "retry_policy", "enable_exactly_once_delivery",
			"bigquery_config", "cloud_storage_config", "bigtable_config", "message_transforms")
	}
	return s.update(r.GetSubscription().GetName(), change)
}

// ModifyPushConfig changes where messages are pushed; without an endpoint they are pulled.
func (s *Server) ModifyPushConfig(_ context.Context, r *pb.ModifyPushConfigRequest) (*emptypb.Empty, error) {
	_, err := s.update(r.GetSubscription(), func(spec *pb.Subscription) error {
		spec.PushConfig = proto.CloneOf(r.GetPushConfig())
		return nil
	})
	return new(emptypb.Empty), err
}

func (s *Server) update(name string, change func(*pb.Subscription) error) (spec *pb.Subscription, err error) {
	err = s.change(func() error {
		sub, err := s.subscription(name)
		if err != nil {
			return err
		}
		spec = proto.CloneOf(sub.spec)
		if err := change(spec); err != nil {
			return status.Errorf(codes.InvalidArgument, "subscription %q: %v", name, err)
		}
		if err := checkSubscription(spec); err != nil {
			return err
		}
		if err := s.checkDeadLetterTopic(spec); err != nil {
			return err
		}
		sub.setSpec(proto.CloneOf(spec))
		return nil
	})
	return spec, err
}

// ListSubscriptions returns a project's.
func (s *Server) ListSubscriptions(_ context.Context, r *pb.ListSubscriptionsRequest) (*pb.ListSubscriptionsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	names, next, err := page(s.subs, r.GetProject()+"/subscriptions/", r)
	if err != nil {
		return nil, err
	}
	list := &pb.ListSubscriptionsResponse{NextPageToken: next}
	for _, name := range names {
		list.Subscriptions = append(list.Subscriptions, proto.CloneOf(s.subs[name].spec))
	}
	return list, nil
}

// DeleteSubscription drops what the subscription has.
func (s *Server) DeleteSubscription(_ context.Context, r *pb.DeleteSubscriptionRequest) (*emptypb.Empty, error) {
	return new(emptypb.Empty), s.change(func() error {
		sub, err := s.subscription(r.GetSubscription())
		if err != nil {
			return err
		}
		delete(s.subs, r.Subscription)
		s.forgetSpec(subBucket, r.Subscription)
		sub.detach()
		sub.ended = true
		sub.clear()
		return nil
	})
}

// DetachSubscription takes a subscription from its topic and drops what it has; only its name stays.
func (s *Server) DetachSubscription(_ context.Context, r *pb.DetachSubscriptionRequest) (*pb.DetachSubscriptionResponse, error) {
	return new(pb.DetachSubscriptionResponse), s.change(func() error {
		sub, err := s.subscription(r.GetSubscription())
		if err != nil {
			return err
		}
		sub.detach()
		sub.clear()
		spec := proto.CloneOf(sub.spec)
		spec.Detached = true
		sub.setSpec(spec)
		return nil
	})
}

// detach ends what comes of the topic, and what was begun.
func (sub *subscription) detach() {
	if t := sub.server.topics[sub.spec.Topic]; t != nil {
		t.subs = slices.DeleteFunc(t.subs, func(other *subscription) bool { return other == sub })
	}
	if sub.lapse != nil {
		sub.lapse.Stop()
	}
}

func (s *Server) subscription(name string) (*subscription, error) {
	if sub := s.subs[name]; sub != nil {
		return sub, nil
	}
	return nil, status.Errorf(codes.NotFound, "subscription %q is not there", name)
}
