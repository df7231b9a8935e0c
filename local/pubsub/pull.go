package pubsub

import (
	"context"
	"errors"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// pullWait is how long an empty Pull waits for a message.
const pullWait = 5 * time.Second

// maxPull bounds the bytes of one answer, below what clients take.
const maxPull = MaxMessage

// Pull waits for the first message and returns it with what else is there.
func (s *Server) Pull(ctx context.Context, r *pb.PullRequest) (*pb.PullResponse, error) {
	if r.GetMaxMessages() <= 0 {
		return nil, status.Errorf(codes.InvalidArgument, "subscription %q: max_messages is not positive", r.GetSubscription())
	}
	wait := pullWait
	//lint:ignore SA1019 the service still does what it says
	if r.GetReturnImmediately() {
		wait = 0
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	got, err := s.await(ctx, r.GetSubscription(), want{n: min(int(r.MaxMessages), maxMessages), bytes: maxPull})
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, err
	}
	return &pb.PullResponse{ReceivedMessages: got}, nil
}

// await takes what is ready, or waits until something is.
func (s *Server) await(ctx context.Context, name string, w want) ([]*pb.ReceivedMessage, error) {
	for {
		s.mu.Lock()
		sub, err := s.pullable(name)
		if err != nil {
			s.mu.Unlock()
			return nil, err
		}
		leases, changed := sub.take(w), sub.changed
		s.mu.Unlock()
		if len(leases) > 0 {
			return received(leases), nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// pullable returns a subscription that messages can be pulled from.
func (s *Server) pullable(name string) (*subscription, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	sub, err := s.subscription(name)
	switch {
	case err != nil:
		return nil, err
	case sub.spec.Detached:
		return nil, status.Errorf(codes.FailedPrecondition, "subscription %q is detached", name)
	case isPush(sub.spec):
		return nil, status.Errorf(codes.FailedPrecondition, "subscription %q is pushed to %s", name, sub.spec.PushConfig.PushEndpoint)
	}
	return sub, nil
}

func received(leases []lease) []*pb.ReceivedMessage {
	all := make([]*pb.ReceivedMessage, len(leases))
	for i, l := range leases {
		all[i] = &pb.ReceivedMessage{AckId: l.ackID, Message: l.m.proto()}
		if l.spec.GetDeadLetterPolicy() != nil {
			all[i].DeliveryAttempt = int32(l.attempt)
		}
	}
	return all
}

// Acknowledge ends deliveries. Ids that are not outstanding are passed over.
func (s *Server) Acknowledge(_ context.Context, r *pb.AcknowledgeRequest) (*emptypb.Empty, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, err := s.subscription(r.GetSubscription())
	if err != nil {
		return nil, err
	}
	for _, id := range r.GetAckIds() {
		sub.ack(id)
	}
	return new(emptypb.Empty), nil
}

// ModifyAckDeadline extends deliveries, or with 0 ends them.
func (s *Server) ModifyAckDeadline(_ context.Context, r *pb.ModifyAckDeadlineRequest) (*emptypb.Empty, error) {
	if r.GetAckDeadlineSeconds() < 0 || r.GetAckDeadlineSeconds() > maxAckDeadline {
		return nil, status.Errorf(codes.InvalidArgument, "subscription %q: ack_deadline_seconds is not 0 to 600", r.GetSubscription())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, err := s.subscription(r.GetSubscription())
	if err != nil {
		return nil, err
	}
	for _, id := range r.GetAckIds() {
		sub.extend(id, r.AckDeadlineSeconds)
	}
	return new(emptypb.Empty), nil
}
