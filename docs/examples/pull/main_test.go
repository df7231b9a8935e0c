package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path"
	"path/filepath"
	"sync"
	"testing"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"tiercel.dev/alert"
	"tiercel.dev/docs/stand"
	"tiercel.dev/local/pubsub"
)

// subscribe makes a subscription of alerts.
func subscribe(s *stand.Stand, name string) {
	s.Subscribe(&pb.Subscription{
		Name: "projects/p/subscriptions/" + name, Topic: stand.Topic, Filter: `attributes.kind = "alert"`,
		RetryPolicy:      &pb.RetryPolicy{MinimumBackoff: durationpb.New(0)},
		DeadLetterPolicy: &pb.DeadLetterPolicy{DeadLetterTopic: stand.DeadTopic, MaxDeliveryAttempts: 5},
	})
}

func tickets(t *testing.T, dir string) (all []ticket) {
	t.Helper()
	files, err := filepath.Glob(dir + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var one ticket
		if err := json.Unmarshal(data, &one); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, one)
	}
	return all
}

// pull runs the program until it has taken five messages, and one message is a dead letter.
func pull(t *testing.T, s *stand.Stand, subscription, dir string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, stand.Project, subscription, "", &desk{dir: dir}) }()
	s.Until("all to be taken", "projects/p/subscriptions/"+subscription, func(st pubsub.SubscriptionStats) bool {
		return st.Backlog() == 0 && st.Acked == 5 && st.DeadLettered == 1
	})
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// What is published twice, repeated, muted, or of another cluster comes to the tickets that it should; what is no alert becomes a
// dead letter and holds nobody up; and after a restart what comes again counts for nothing.
func TestTickets(t *testing.T) {
	s := stand.New(t, pubsub.Config{Hurry: 10_000})
	subscribe(s, "tiercel-to-desk")
	subscribe(s, "replayed")
	first := stand.Sample(t, "shell")
	first.Suppressed = nil
	again := stand.Repeat(first)
	again.Suppressed = &alert.Suppressed{Count: 4, FirstTime: "2026-01-02T03:05:00.000000000Z", LastTime: "2026-01-02T03:06:00.000000000Z"}
	again.Time, again.Output = "2026-01-02T03:05:00.000000000Z", "the last"
	elsewhere := stand.Repeat(again)
	elsewhere.Cluster = &alert.Cluster{Name: "../../elsewhere"}
	muted := stand.Repeat(elsewhere)
	muted.Enrichment = &alert.Enrichment{Policy: &alert.Policy{Name: "expected", Muted: true}}
	for _, a := range []*alert.Alert{again, first, first, elsewhere, muted, stand.Sample(t, "heartbeat")} {
		s.Publish(a)
	}
	s.Raw([]byte(`{"schema":2,"kind":"ALERT"}`), map[string]string{"kind": "alert"}) // the topic's schema takes it
	dir := t.TempDir()
	pull(t, s, "tiercel-to-desk", dir)
	check := func() {
		t.Helper()
		got := tickets(t, dir)
		if len(got) != 2 {
			t.Fatalf("%d tickets: %+v", len(got), got)
		}
		for _, one := range got {
			here := one.Cluster == first.GetCluster().GetName()
			events, alerts := uint64(5), 1
			if here {
				events, alerts = 6, 2
			}
			if one.Events != events || len(one.Alerts) != alerts || one.Severity != "HIGH" || one.Output != "the last" || one.Last != again.Suppressed.LastTime {
				t.Errorf("%+v", one)
			}
			if here && one.First != first.Time {
				t.Errorf("first %s", one.First)
			}
		}
	}
	check()

	// Everything once more, to a program that has been started anew.
	pull(t, s, "replayed", dir)
	check()
}

// The same message at once, and in a process that could not write: one counts.
func TestTakeTwice(t *testing.T) {
	a := stand.Sample(t, "shell")
	a.Suppressed = nil
	data, err := alert.JSON(a)
	if err != nil {
		t.Fatal(err)
	}
	if err := take(&desk{dir: filepath.Join(t.TempDir(), "none")}, data); err == nil {
		t.Error("taken without a folder")
	}
	d := &desk{dir: t.TempDir()}
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			if err := take(d, data); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := tickets(t, d.dir); len(got) != 1 || got[0].Events != 1 {
		t.Errorf("%+v", got)
	}
	if err := take(d, []byte("hello")); !errors.Is(err, errForeign) {
		t.Errorf("%v", err)
	}
}

// For a trial the program makes its own subscription, or takes the one that an earlier trial made; of a topic that is not there it has
// none.
func TestTrial(t *testing.T) {
	s := stand.New(t, pubsub.Config{Hurry: 10_000})
	dir := filepath.Join(t.TempDir(), "tickets") // which is not there yet
	topic := path.Base(stand.Topic)
	for round := range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- run(ctx, stand.Project, "trial", topic, &desk{dir: dir}) }()
		s.Until("the subscription", "projects/p/subscriptions/trial", func(pubsub.SubscriptionStats) bool { return true })
		s.Publish(stand.Sample(t, "shell"))
		s.Until("the alert to be taken", "projects/p/subscriptions/trial", func(st pubsub.SubscriptionStats) bool { return st.Acked == uint64(round+1) })
		cancel()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
	}
	if got := tickets(t, dir); len(got) != 1 {
		t.Errorf("%d tickets", len(got))
	}
	if err := run(t.Context(), stand.Project, "other", "absent", &desk{dir: dir}); status.Code(err) != codes.NotFound {
		t.Errorf("%v", err)
	}
}
