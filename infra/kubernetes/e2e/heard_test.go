package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"tiercel.dev/alert"
	"tiercel.dev/local"
)

// heard are the alerts that subscribers get, each once, in the order in which they came.
type heard struct {
	mu  sync.Mutex
	ids map[string]bool
	all []*alert.Alert
}

// listen subscribes until the test ends.
func listen(t *testing.T, cloud *local.Cloud) *heard {
	t.Helper()
	client, err := pubsub.NewClient(t.Context(), local.Project, cloud.Options()...)
	if err != nil {
		t.Fatal(err)
	}
	name := "projects/" + local.Project + "/subscriptions/e2e"
	if _, err := client.SubscriptionAdminClient.CreateSubscription(t.Context(), &pb.Subscription{Name: name, Topic: local.EnrichedTopic}); err != nil {
		t.Fatal(err)
	}
	h := &heard{ids: make(map[string]bool)}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- client.Subscriber(name).Receive(ctx, h.take) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		client.Close()
	})
	return h
}

func (h *heard) take(_ context.Context, m *pubsub.Message) {
	defer m.Ack()
	a, err := alert.Unmarshal(m.Data)
	if err != nil {
		return // the functions put it aside, and the last step looks there
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ids[a.AlertId] {
		return
	}
	h.ids[a.AlertId] = true
	if a.Kind != alert.KindHeartbeat {
		h.all = append(h.all, a)
	}
}

// alerts are those of a rule for which a test holds.
func (h *heard) alerts(rule string, is func(*alert.Alert) bool) (found []*alert.Alert) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, a := range h.all {
		if a.GetRule().GetName() == rule && is(a) {
			found = append(found, a)
		}
	}
	return found
}

// alert waits for one.
func (h *heard) alert(t *testing.T, rule string, is func(*alert.Alert) bool) *alert.Alert {
	t.Helper()
	var got *alert.Alert
	eventually(t, rule, func() error {
		if all := h.alerts(rule, is); len(all) > 0 {
			got = all[0]
			return nil
		}
		return fmt.Errorf("no such alert; heard %s", h.names())
	})
	return got
}

// names counts what was heard, by rule.
func (h *heard) names() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	count := make(map[string]int)
	for _, a := range h.all {
		count[a.GetRule().GetName()]++
	}
	return fmt.Sprint(count)
}
