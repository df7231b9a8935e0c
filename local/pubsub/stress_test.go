package pubsub

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	gcp "cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// Publishers, streams, pulls, pushes that fail and a disk at once: in the end each subscription has acknowledged each
// message exactly once, and nothing of it is left.
func TestAllAtOnce(t *testing.T) {
	const workers, each, atOnce = 4, 100, 10
	s, c := serveOn(t, reopen(t, t.TempDir()))
	e := newEndpoint(t, func(string, int) int { return []int{204, 204, 204, 503, 429}[rand.IntN(5)] })
	const pushed, pulled, streamed = "projects/p/subscriptions/pushed", "projects/p/subscriptions/pulled", "projects/p/subscriptions/streamed"
	subscribe(t, c, &pb.Subscription{Name: pushed, PushConfig: &pb.PushConfig{PushEndpoint: e.URL}, RetryPolicy: &pb.RetryPolicy{}})
	subscribe(t, c, &pb.Subscription{Name: pulled, RetryPolicy: &pb.RetryPolicy{}})
	subscribe(t, c, &pb.Subscription{Name: streamed})
	ctx, cancel := context.WithCancel(t.Context())
	var beside sync.WaitGroup
	for range 3 {
		beside.Go(func() { pullRandomly(ctx, s, pulled) })
	}
	beside.Go(func() {
		receiver := c.Subscriber(streamed)
		receiver.ReceiveSettings.MaxOutstandingMessages = 20
		receiver.ReceiveSettings.NumGoroutines = 2
		receiver.Receive(ctx, func(_ context.Context, m *gcp.Message) {
			if rand.IntN(5) == 0 {
				m.Nack()
				return
			}
			m.Ack()
		})
	})
	var publishers sync.WaitGroup
	for worker := range workers {
		publishers.Go(func() {
			for i := 0; i < each; i += atOnce {
				r := &pb.PublishRequest{Topic: topicT}
				for j := range atOnce {
					r.Messages = append(r.Messages, &pb.PubsubMessage{Data: fmt.Appendf(nil, "%d-%d", worker, i+j)})
				}
				if _, err := s.Publish(t.Context(), r); err != nil {
					t.Error(err)
				}
			}
		})
	}
	publishers.Wait()
	for name, st := range until(t, s, "all to be acknowledged", func(all map[string]SubscriptionStats) bool {
		for _, st := range all {
			if st.Backlog() > 0 {
				return false
			}
		}
		return true
	}) {
		if st.Acked != workers*each || st.Delivered != st.Acked+st.Nacked || st.Bytes != 0 || st.OldestAge != 0 {
			t.Errorf("%s: %+v", name, st)
		}
	}
	cancel()
	beside.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bytes != 0 || len(s.clock.heap) != 0 {
		t.Errorf("%d bytes and %d appointments are left", s.bytes, len(s.clock.heap))
	}
}

func pullRandomly(ctx context.Context, s *Server, sub string) {
	for ctx.Err() == nil {
		got, err := s.Pull(ctx, &pb.PullRequest{Subscription: sub, MaxMessages: 7})
		if err != nil {
			return
		}
		for _, m := range got.ReceivedMessages {
			ids := []string{m.AckId}
			switch rand.IntN(4) {
			case 0:
				s.ModifyAckDeadline(ctx, &pb.ModifyAckDeadlineRequest{Subscription: sub, AckIds: ids})
			case 1:
				s.ModifyAckDeadline(ctx, &pb.ModifyAckDeadlineRequest{Subscription: sub, AckIds: ids, AckDeadlineSeconds: 60})
				fallthrough
			default:
				s.Acknowledge(ctx, &pb.AcknowledgeRequest{Subscription: sub, AckIds: ids})
				s.Acknowledge(ctx, &pb.AcknowledgeRequest{Subscription: sub, AckIds: ids})
			}
		}
	}
}
