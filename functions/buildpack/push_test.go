package buildpack

import (
	"bufio"
	"bytes"
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"slices"
	"testing"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"tiercel.dev/alert"
	"tiercel.dev/functions"
	"tiercel.dev/internal/topic"
	"tiercel.dev/local/pubsub"
)

// The recordings are deliveries as Pub/Sub pushes them: of an alert, as a CloudEvent; of the next of the same thing, as a
// subscription of one's own sends it; and of what is no alert. With UPDATE set they are recorded anew.
var recordings = []string{"testdata/alert.cloudevent.http", "testdata/repeat.plain.http", "testdata/nonsense.plain.http"}

// TestFindings serves each entry point as deployed, gives it recorded deliveries, and looks for what they become.
func TestFindings(t *testing.T) {
	if os.Getenv("UPDATE") != "" {
		record(t)
	}
	g := newGoogle(t)
	binary := build(t)
	route, flush := serve(t, binary, functions.RouteAlert, g.env...), serve(t, binary, functions.FlushFindings, g.env...)
	enrich := serve(t, binary, functions.EnrichAlert, g.env...)

	deliver(t, enrich, recordings[0])
	if a := g.pullAlert(t); a.GetEnrichment().GetVerification() != alert.Unverified || a.GetRule().GetName() != "terminal_shell_in_container" {
		t.Errorf("of a project without clusters: %v", a)
	}
	for range 2 { // a delivery that comes twice counts once
		deliver(t, route, recordings[0])
		g.wantFinding(t, 1)
	}
	deliver(t, route, recordings[1])
	call(t, flush)
	g.wantFinding(t, 2)

	deliver(t, route, recordings[2])
	got, err := g.pubsub.Pull(t.Context(), &pb.PullRequest{Subscription: quarantine, MaxMessages: 10})
	if err != nil || len(got.ReceivedMessages) != 1 || got.ReceivedMessages[0].Message.Attributes[topic.AttrReason] == "" {
		t.Errorf("in quarantine: %v, %v", got, err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	want := []string{"container.googleapis.com", "oauth2.googleapis.com", "pubsub.googleapis.com", "securitycenter.googleapis.com", "storage.googleapis.com"}
	for _, host := range want {
		if !g.hosts[host] {
			t.Errorf("%s was not asked; asked were %v", host, slices.Sorted(maps.Keys(g.hosts)))
		}
	}
	if g.unsigned > 0 {
		t.Errorf("%d requests had no token", g.unsigned)
	}
}

// pullAlert takes the one alert that was published.
func (g *google) pullAlert(t *testing.T) *alert.Alert {
	t.Helper()
	got, err := g.pubsub.Pull(t.Context(), &pb.PullRequest{Subscription: alerts, MaxMessages: 10})
	if err != nil || len(got.ReceivedMessages) != 1 {
		t.Fatalf("published: %v, %v", got, err)
	}
	a, err := alert.Unmarshal(got.ReceivedMessages[0].Message.Data)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (g *google) wantFinding(t *testing.T, events float64) {
	t.Helper()
	found := g.scc.Findings()
	if len(found) != 1 || found[0].Category != "Execution: Terminal shell in container" || found[0].SourceProperties["count"].GetNumberValue() != events {
		t.Fatalf("findings: %v", found)
	}
}

// deliver sends a recorded request.
func deliver(t *testing.T, address, recording string) {
	t.Helper()
	raw, err := os.ReadFile(recording)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		t.Fatalf("%s: %v", recording, err)
	}
	r.RequestURI, r.URL.Scheme, r.URL.Host = "", "http", address
	answered(t, recording, r)
}

// call is Cloud Scheduler's.
func call(t *testing.T, address string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	answered(t, "schedule", r)
}

func answered(t *testing.T, what string, r *http.Request) {
	t.Helper()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent {
		t.Fatalf("%s: %s", what, answer.Status)
	}
}

// record has Pub/Sub push three messages, and keeps the requests.
func record(t *testing.T) {
	t.Helper()
	pushed := make(chan []byte, 1)
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		dump, err := httputil.DumpRequest(r, true)
		if err != nil {
			t.Error(err)
		}
		pushed <- dump
		w.WriteHeader(http.StatusNoContent)
	}))
	defer receiver.Close()
	server := pubsub.New(pubsub.Config{})
	defer server.Close()
	const name = "projects/prod/topics/tiercel-alerts"
	if _, err := server.CreateTopic(t.Context(), &pb.Topic{Name: name}); err != nil {
		t.Fatal(err)
	}
	first := sample(t)
	second := sample(t)
	second.Seq++
	second.AlertId = alert.ID(second.SensorId, second.BootId, second.Seq)
	for i, m := range []*pb.PubsubMessage{message(t, first), message(t, second), {Data: []byte("nonsense")}} {
		spec := &pb.Subscription{
			Name: "projects/prod/subscriptions/tiercel-route", Topic: name, PushConfig: &pb.PushConfig{PushEndpoint: receiver.URL},
			DeadLetterPolicy: &pb.DeadLetterPolicy{DeadLetterTopic: name},
		}
		if i == 0 {
			spec.PushConfig.Attributes = map[string]string{pubsub.FormAttribute: pubsub.FormCloudEvent}
		}
		if _, err := server.CreateSubscription(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
		if _, err := server.Publish(t.Context(), &pb.PublishRequest{Topic: name, Messages: []*pb.PubsubMessage{m}}); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(recordings[i], <-pushed, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := server.DeleteSubscription(t.Context(), &pb.DeleteSubscriptionRequest{Subscription: spec.Name}); err != nil {
			t.Fatal(err)
		}
	}
}

// sample is the alert of testdata/push.json, without repeats.
func sample(t *testing.T) *alert.Alert {
	t.Helper()
	text, err := os.ReadFile("testdata/push.json")
	if err != nil {
		t.Fatal(err)
	}
	var push struct{ Message struct{ Data []byte } }
	if err := json.Unmarshal(text, &push); err != nil {
		t.Fatal(err)
	}
	a, err := alert.Unmarshal(push.Message.Data)
	if err != nil {
		t.Fatal(err)
	}
	a.Suppressed = nil
	return a
}

func message(t *testing.T, a *alert.Alert) *pb.PubsubMessage {
	t.Helper()
	data, err := alert.Marshal(a, alert.EncodingBinary)
	if err != nil {
		t.Fatal(err)
	}
	return &pb.PubsubMessage{Data: data, Attributes: alert.Attributes(a)}
}
