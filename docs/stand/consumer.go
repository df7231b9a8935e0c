package stand

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/durationpb"

	"tiercel.dev/alert"
	"tiercel.dev/local/pubsub"
)

// A Line is what the examples that are pushed to write of an alert.
type Line struct{ Once, Thing, Severity, Title, Text string }

// A Buffer is written to by several at once.
type Buffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *Buffer) Write(text []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(text)
}

// String is what was written so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// TryPushed holds a running example to what the page says of it: it takes alerts with a wrapper and without, each as often as it
// came and under the same key, leaves out what is muted, refuses what is no alert, and lets nobody in but Pub/Sub. out gives what
// it has written so far.
func TryPushed(t *testing.T, google *Google, endpoint string, out func() string) {
	t.Helper()
	s := New(t, pubsub.Config{Hurry: 10_000, Token: google.Token})
	for name, bare := range map[string]bool{"wrapped": false, "bare": true} {
		s.Subscribe(&pb.Subscription{
			Name: "projects/p/subscriptions/" + name, Topic: Topic, Filter: `attributes.kind = "alert"`, PushConfig: Push(endpoint, bare),
			RetryPolicy:      &pb.RetryPolicy{MinimumBackoff: durationpb.New(0)},
			DeadLetterPolicy: &pb.DeadLetterPolicy{DeadLetterTopic: DeadTopic, MaxDeliveryAttempts: 5},
		})
	}
	first := Sample(t, "shell")
	muted := Repeat(first)
	muted.Enrichment = &alert.Enrichment{Policy: &alert.Policy{Name: "expected", Muted: true}}
	hostile := Repeat(Sample(t, "hostile"))
	hostile.BootId = "another"
	hostile.AlertId = alert.ID(hostile.SensorId, hostile.BootId, hostile.Seq)
	for _, a := range []*alert.Alert{first, first, muted, hostile, Sample(t, "heartbeat")} {
		s.Publish(a)
	}
	s.Raw([]byte("{\"schema\":2}"), map[string]string{"kind": "alert"})
	for _, name := range []string{"wrapped", "bare"} {
		s.Until(name+": all to be taken", "projects/p/subscriptions/"+name, func(st pubsub.SubscriptionStats) bool {
			return st.Backlog() == 0 && st.Acked+st.DeadLettered == 5
		})
	}
	want := []string{first.GetAlertId(), first.GetAlertId(), first.GetAlertId(), first.GetAlertId(), hostile.GetAlertId(), hostile.GetAlertId()}
	var got []string
	for _, one := range lines(t, out()) {
		if got = append(got, one.Once); one.Once == first.GetAlertId() && (one.Severity != "HIGH" || one.Title != first.GetRule().GetTitle() || one.Text != first.GetOutput() ||
			one.Thing != first.GetCluster().GetName()+"/"+first.GetIdentity()) {
			t.Errorf("%+v", one)
		}
	}
	slices.Sort(want)
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("written %q, want %q", got, want)
	}
	for name, authorization := range google.Strangers(t) {
		if status := Call(t.Context(), t, endpoint, authorization); status != http.StatusForbidden {
			t.Errorf("%s: status %d", name, status)
		}
	}
}

func lines(t *testing.T, out string) (all []Line) {
	t.Helper()
	for text := range strings.Lines(out) {
		var one Line
		if err := json.Unmarshal([]byte(text), &one); err != nil || strings.ContainsAny(text, "\x1b\r\u202e\u009b") {
			t.Fatalf("%q: %v", text, err)
		}
		all = append(all, one)
	}
	return all
}
