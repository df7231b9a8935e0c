package local

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"tiercel.dev/alert"
)

// What was put aside can be looked at, and is there still.
func TestPutAside(t *testing.T) {
	r := start(t)
	if err := r.alerts.Publish(t.Context(), []byte(`{"seq":"1"}`), map[string]string{"kind": "alert"}); err != nil {
		t.Fatal(err)
	}
	r.until("the message to be handled", r.cloud.Settled)
	_, err := r.cloud.pubsub.Publish(t.Context(), &pb.PublishRequest{Topic: deadTopic, Messages: []*pb.PubsubMessage{{Data: []byte("late"), Attributes: map[string]string{
		"CloudPubSubDeadLetterSourceSubscription": "tiercel-enrich", "CloudPubSubDeadLetterSourceSubscriptionProject": Project,
		"CloudPubSubDeadLetterSourceDeliveryCount": "10",
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		all := r.cloud.PutAside(10)
		if len(all) != 2 {
			t.Fatalf("%+v", all)
		}
		q, d := all[0], all[1]
		if q.DeadLetter || string(q.Data) != `{"seq":"1"}` || !strings.Contains(q.Reason, "sensor_id is missing") || q.Published.IsZero() ||
			q.Subscription != "projects/local/subscriptions/tiercel-enrich" {
			t.Errorf("quarantined: %+v", q)
		}
		if !d.DeadLetter || string(d.Data) != "late" || d.Attempts != "10" || d.Reason != deadReason || d.Subscription != q.Subscription {
			t.Errorf("dead: %+v", d)
		}
	}
	if quarantined, dead := r.cloud.Aside(); quarantined != 1 || dead != 1 {
		t.Errorf("counts %d and %d", quarantined, dead)
	}
	if got := r.cloud.PutAside(0); len(got) != 0 {
		t.Errorf("none is asked for: %+v", got)
	}
}

// Who follows gets what is published, poison aside, and holds up nobody's end.
func TestFollow(t *testing.T) {
	r := start(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	var got atomic.Pointer[alert.Alert]
	go func() { done <- r.cloud.Follow(ctx, func(a *alert.Alert) { got.Store(a) }) }()
	r.until("a subscription", func() bool {
		for _, s := range r.cloud.Subscriptions() {
			if strings.HasSuffix(s.Name, "/tiercel-up") {
				return true
			}
		}
		return false
	})
	if err := r.alerts.Publish(t.Context(), []byte(`{"seq":"1"}`), map[string]string{"kind": "alert"}); err != nil {
		t.Fatal(err)
	}
	r.publish(shell(7, alert.High))
	r.until("the alert", func() bool { return got.Load().GetSeq() == 7 && got.Load().GetEnrichment() != nil })
	r.until("the alerts to be handled", r.cloud.Settled)
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
