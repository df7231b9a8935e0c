package pubsub

import (
	"testing"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// A peek shows the newest first, and neither delivers nor shows what was acknowledged.
func TestPeek(t *testing.T) {
	s, client := serve(t, Config{})
	subscribe(t, client, &pb.Subscription{Name: subS, AckDeadlineSeconds: 60, RetainAckedMessages: true})
	for _, text := range []string{"one", "two", "three"} {
		publish(t, client, text, nil)
	}
	first := pull(t, s, subS, 1)
	if _, err := s.Acknowledge(t.Context(), &pb.AcknowledgeRequest{Subscription: subS, AckIds: []string{first[0].AckId}}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		got := s.Peek(subS, 10)
		if len(got) != 2 || string(got[0].Data) != "three" || string(got[1].Data) != "two" {
			t.Fatalf("%v", got)
		}
	}
	if got := s.Peek(subS, 1); len(got) != 1 || string(got[0].Data) != "three" {
		t.Errorf("one: %v", got)
	}
	if got := s.Peek(subR, 1); got != nil {
		t.Errorf("of a subscription that is not there: %v", got)
	}
	if st := s.Stats()[0]; st.Ready != 2 || st.Delivered != 1 {
		t.Errorf("%+v", st)
	}
}
