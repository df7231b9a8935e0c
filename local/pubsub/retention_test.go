package pubsub

import (
	"log/slog"
	"testing"
	"time"

	gcp "cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func TestRetention(t *testing.T) {
	s, c := serve(t, Config{Log: slog.New(slog.DiscardHandler)})
	subscribe(t, c, &pb.Subscription{Name: subS, MessageRetentionDuration: durationpb.New(10 * time.Minute)})
	subscribe(t, c, &pb.Subscription{Name: subR})
	for range 3 {
		publish(t, c, "hello", nil)
	}
	held := pull(t, s, subS, 1)[0]
	s.mu.Lock()
	s.subs[subS].expire(time.Now().Add(11 * time.Minute))
	s.mu.Unlock()
	ackOne(t, s, subS, held.AckId)
	if st := stats(s); st[subS].Lapsed != 3 || st[subS].Backlog() != 0 || st[subS].Acked != 0 || st[subR].Backlog() != 3 {
		t.Errorf("%+v", st)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.clock.heap) != 0 || s.bytes == 0 {
		t.Errorf("%d appointments are left, %d bytes", len(s.clock.heap), s.bytes)
	}
}

func TestSeek(t *testing.T) {
	for _, retain := range []bool{false, true} {
		s, c := serve(t, Config{})
		subscribe(t, c, &pb.Subscription{Name: subS, RetainAckedMessages: retain})
		publish(t, c, "old", nil)
		publish(t, c, "new", nil)
		got := pull(t, s, subS, 2)
		ackOne(t, s, subS, got[0].AckId)
		ackOne(t, s, subS, got[1].AckId)
		publish(t, c, "waiting", nil)
		seek(t, c, got[1].Message.PublishTime.AsTime())
		st := stats(s)[subS]
		want := map[bool]int{true: 2, false: 1}[retain]
		if st.Ready != want || st.Retained != want-1 {
			t.Errorf("retain %v: back in time: %+v", retain, st)
		}
		seek(t, c, time.Now().Add(time.Hour))
		if st = stats(s)[subS]; st.Backlog() != 0 || st.Retained != map[bool]int{true: 3, false: 0}[retain] || st.Bytes != 0 {
			t.Errorf("retain %v: to the end: %+v", retain, st)
		}
		publish(t, c, "later", nil)
		if got := pull(t, s, subS, 1)[0].Message; string(got.Data) != "later" {
			t.Errorf("retain %v: after the seek came %s", retain, got.Data)
		}
	}
}

func seek(t *testing.T, c *gcp.Client, to time.Time) {
	t.Helper()
	r := &pb.SeekRequest{Subscription: subS, Target: &pb.SeekRequest_Time{Time: timestamppb.New(to)}}
	if _, err := c.SubscriptionAdminClient.Seek(t.Context(), r); err != nil {
		t.Fatal(err)
	}
}

// A seek wakes who waits.
func TestSeekWakes(t *testing.T) {
	s, c := serve(t, Config{})
	subscribe(t, c, &pb.Subscription{Name: subS, RetainAckedMessages: true})
	publish(t, c, "hello", nil)
	first := pull(t, s, subS, 1)[0]
	ackOne(t, s, subS, first.AckId)
	got := make(chan *pb.ReceivedMessage)
	go func() { got <- pull(t, s, subS, 1)[0] }()
	seek(t, c, first.Message.PublishTime.AsTime())
	if m := <-got; m.Message.MessageId != first.Message.MessageId {
		t.Errorf("got %v", m)
	}
}

func TestSnapshotsAreRefused(t *testing.T) {
	s, c := serve(t, Config{})
	subscribe(t, c, &pb.Subscription{Name: subS})
	_, err1 := s.CreateSnapshot(t.Context(), &pb.CreateSnapshotRequest{Subscription: subS})
	_, err2 := s.Seek(t.Context(), &pb.SeekRequest{Subscription: subS, Target: &pb.SeekRequest_Snapshot{Snapshot: "projects/p/snapshots/sss"}})
	if status.Code(err1) != codes.Unimplemented || status.Code(err2) != codes.Unimplemented {
		t.Errorf("%v, %v", err1, err2)
	}
}
