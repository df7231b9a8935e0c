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
	ctx, cancel := context.WithTimeout(ctx, pullWait)
	defer cancel()
	got, err := s.await(ctx, r.GetSubscription(), int(r.MaxMessages), maxPull)
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, err
	}
	return &pb.PullResponse{ReceivedMessages: got}, nil
}

// await takes what is ready, or waits until something is.
func (s *Server) await(ctx context.Context, name string, n int, bytes int64) ([]*pb.ReceivedMessage, error) {
	for {
		s.mu.Lock()
		sub, err := s.subscription(name)
		if err == nil && s.closed {
			err = status.Error(codes.Unavailable, "pubsub is closed")
		}
		if err != nil {
			s.mu.Unlock()
			return nil, err
		}
		got, changed := sub.received(sub.take(n, bytes)), sub.changed
		s.mu.Unlock()
		if len(got) > 0 {
			return got, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (sub *subscription) received(leases []lease) []*pb.ReceivedMessage {
	all := make([]*pb.ReceivedMessage, len(leases))
	for i, l := range leases {
		all[i] = &pb.ReceivedMessage{AckId: l.ackID, Message: l.m.proto()}
		if sub.spec.GetDeadLetterPolicy() != nil {
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
	if r.GetAckDeadlineSeconds() < 0 || r.GetAckDeadlineSeconds() > 600 {
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
