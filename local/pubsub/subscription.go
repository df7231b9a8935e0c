package pubsub

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
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
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.topic(spec.GetTopic())
	if err != nil {
		return nil, err
	}
	if dead := spec.GetDeadLetterPolicy().GetDeadLetterTopic(); dead != "" && s.topics[dead] == nil {
		return nil, status.Errorf(codes.NotFound, "subscription %q: dead-letter topic %q is not there", spec.Name, dead)
	}
	if s.subs[spec.Name] != nil {
		return nil, status.Errorf(codes.AlreadyExists, "subscription %q exists", spec.Name)
	}
	sub := newSubscription(s, spec, f)
	s.subs[spec.Name] = sub
	t.subs = append(t.subs, sub)
	if spec.GetPushConfig().GetPushEndpoint() != "" {
		s.beside.Go(sub.push)
	}
	return proto.CloneOf(spec), nil
}

// checkSubscription refuses what the service refuses, and what it takes and this server has not; it fills in defaults.
func checkSubscription(spec *pb.Subscription) error {
	refuse := func(code codes.Code, what string) error {
		return status.Errorf(code, "subscription %q: %s", spec.GetName(), what)
	}
	if spec.GetAckDeadlineSeconds() == 0 {
		spec.AckDeadlineSeconds = 10
	}
	dead, retry := spec.GetDeadLetterPolicy(), spec.GetRetryPolicy()
	if dead != nil && dead.MaxDeliveryAttempts == 0 {
		dead.MaxDeliveryAttempts = 5
	}
	switch {
	case !subName.MatchString(spec.GetName()):
		return refuse(codes.InvalidArgument, "not projects/PROJECT/subscriptions/SUBSCRIPTION")
	case spec.AckDeadlineSeconds < 10 || spec.AckDeadlineSeconds > 600:
		return refuse(codes.InvalidArgument, "ack_deadline_seconds is not 10 to 600")
	case dead != nil && (dead.MaxDeliveryAttempts < 5 || dead.MaxDeliveryAttempts > 100):
		return refuse(codes.InvalidArgument, "dead_letter_policy.max_delivery_attempts is not 5 to 100")
	case !within(retry.GetMinimumBackoff()) || !within(retry.GetMaximumBackoff()):
		return refuse(codes.InvalidArgument, "retry_policy: back-off is not 0 to 600 s")
	case spec.GetEnableMessageOrdering(), spec.GetEnableExactlyOnceDelivery(), spec.GetBigqueryConfig() != nil,
		spec.GetCloudStorageConfig() != nil, len(spec.GetMessageTransforms()) > 0, spec.GetRetainAckedMessages():
		return refuse(codes.Unimplemented, "ordering, exactly-once delivery, retained messages, transforms and exports are not to be had here")
	}
	return nil
}

func within(d *durationpb.Duration) bool {
	return d == nil || d.AsDuration() >= 0 && d.AsDuration() <= 600*time.Second
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

// ListSubscriptions returns all of a project's, in one page.
func (s *Server) ListSubscriptions(_ context.Context, r *pb.ListSubscriptionsRequest) (*pb.ListSubscriptionsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := new(pb.ListSubscriptionsResponse)
	for _, name := range slices.Sorted(maps.Keys(s.subs)) {
		if strings.HasPrefix(name, r.GetProject()+"/subscriptions/") {
			list.Subscriptions = append(list.Subscriptions, proto.CloneOf(s.subs[name].spec))
		}
	}
	return list, nil
}

// DeleteSubscription drops what the subscription has.
func (s *Server) DeleteSubscription(_ context.Context, r *pb.DeleteSubscriptionRequest) (*emptypb.Empty, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, err := s.subscription(r.GetSubscription())
	if err != nil {
		return nil, err
	}
	delete(s.subs, r.Subscription)
	if t := s.topics[sub.spec.Topic]; t != nil {
		t.subs = slices.DeleteFunc(t.subs, func(other *subscription) bool { return other == sub })
	}
	sub.end()
	return new(emptypb.Empty), nil
}

func (s *Server) subscription(name string) (*subscription, error) {
	if sub := s.subs[name]; sub != nil {
		return sub, nil
	}
	return nil, status.Errorf(codes.NotFound, "subscription %q is not there", name)
}
