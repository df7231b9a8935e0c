package pubsub

import (
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func openStream(t *testing.T, c pb.SubscriberClient, first *pb.StreamingPullRequest) pb.Subscriber_StreamingPullClient {
	t.Helper()
	stream, err := c.StreamingPull(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(first); err != nil {
		t.Fatal(err)
	}
	return stream
}

func receive(t *testing.T, stream pb.Subscriber_StreamingPullClient) *pb.ReceivedMessage {
	t.Helper()
	got, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(got.ReceivedMessages); n != 1 {
		t.Fatalf("%d messages at once", n)
	}
	return got.ReceivedMessages[0]
}

// A stream is sent the next message when the last is acknowledged, refused, or someone else's by its deadline, and not
// before: by number and by bytes.
func TestStreamHasRoom(t *testing.T) {
	for _, first := range []*pb.StreamingPullRequest{
		{Subscription: subS, StreamAckDeadlineSeconds: 10, MaxOutstandingMessages: 1},
		{Subscription: subS, StreamAckDeadlineSeconds: 10, MaxOutstandingBytes: 100},
	} {
		s, c := serve(t, Config{})
		subscribe(t, c, &pb.Subscription{Name: subS})
		for range 3 {
			publish(t, c, "hello", nil)
		}
		stream := openStream(t, rawClient(t, s), first)
		m := receive(t, stream)
		if st := stats(s)[subS]; st.Outstanding != 1 || st.Ready != 2 {
			t.Errorf("%v: %+v", first, st)
		}
		stream.Send(&pb.StreamingPullRequest{AckIds: []string{m.AckId}})
		m = receive(t, stream)
		stream.Send(&pb.StreamingPullRequest{ModifyDeadlineAckIds: []string{m.AckId}, ModifyDeadlineSeconds: []int32{0}})
		m = receive(t, stream)
		// The deadline ends: here by the clock's hand.
		s.mu.Lock()
		s.clock.set(s.subs[subS].outstanding[m.AckId], time.Now().Add(-time.Second))
		s.mu.Unlock()
		receive(t, stream)
		if st := stats(s)[subS]; st.Outstanding != 1 || st.Acked != 1 || st.Nacked != 2 || st.Expired != 1 {
			t.Errorf("%v: %+v", first, st)
		}
	}
}

func TestStreamRefuses(t *testing.T) {
	s, c := serve(t, Config{})
	subscribe(t, c, &pb.Subscription{Name: subS})
	subscribe(t, c, &pb.Subscription{Name: subR, PushConfig: &pb.PushConfig{PushEndpoint: "http://127.0.0.1:1/"}})
	ok := &pb.StreamingPullRequest{Subscription: subS, StreamAckDeadlineSeconds: 10}
	for _, tt := range []struct {
		name  string
		first *pb.StreamingPullRequest
		then  *pb.StreamingPullRequest
		want  codes.Code
	}{
		{"nobody's", &pb.StreamingPullRequest{Subscription: subD, StreamAckDeadlineSeconds: 10}, nil, codes.NotFound},
		{"pushed", &pb.StreamingPullRequest{Subscription: subR, StreamAckDeadlineSeconds: 10}, nil, codes.FailedPrecondition},
		{"no deadline", &pb.StreamingPullRequest{Subscription: subS}, nil, codes.InvalidArgument},
		{"ids without deadlines", ok, &pb.StreamingPullRequest{ModifyDeadlineAckIds: []string{"x"}}, codes.InvalidArgument},
		{"too long a deadline", ok, &pb.StreamingPullRequest{ModifyDeadlineAckIds: []string{"x"}, ModifyDeadlineSeconds: []int32{601}}, codes.InvalidArgument},
	} {
		stream := openStream(t, rawClient(t, s), tt.first)
		if tt.then != nil {
			stream.Send(tt.then)
		}
		if _, err := stream.Recv(); status.Code(err) != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}

// Streams end with their subscription, and with the server.
func TestStreamEnds(t *testing.T) {
	s, c := serve(t, Config{})
	subscribe(t, c, &pb.Subscription{Name: subS})
	subscribe(t, c, &pb.Subscription{Name: subR})
	for _, full := range []bool{false, true} {
		name := map[bool]string{false: subS, true: subR}[full]
		first := &pb.StreamingPullRequest{Subscription: name, StreamAckDeadlineSeconds: 10, MaxOutstandingMessages: 1}
		stream := openStream(t, rawClient(t, s), first)
		publish(t, c, "hello", nil)
		receive(t, stream)
		if !full {
			if err := c.SubscriptionAdminClient.DeleteSubscription(t.Context(), &pb.DeleteSubscriptionRequest{Subscription: name}); err != nil {
				t.Fatal(err)
			}
		} else if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := stream.Recv()
		if want := map[bool]codes.Code{false: codes.NotFound, true: codes.Unavailable}[full]; status.Code(err) != want {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
}
