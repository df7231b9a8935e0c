package enrich_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	gcp "cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"tiercel.dev/alert"
	"tiercel.dev/functions/enrich"
	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/push"
	"tiercel.dev/internal/topic"
	"tiercel.dev/local/pubsub"
)

func TestPoison(t *testing.T) {
	newer := strings.Replace(string(message(acted(1)).Data), fmt.Sprintf(`"schema":%d`, alert.Schema), `"schema":9`, 1)
	for _, tt := range []struct{ name, data, reason string }{
		{"nothing", "", "not an alert: empty"},
		{"no alert", "hello", "not an alert"},
		{"no sensor's", `{"schema":1,"kind":"ALERT"}`, "invalid alert: alert_id"},
		{"a kind to come", strings.Replace(newer, `"kind":"ALERT"`, `"kind":"POSTURE"`, 1), fmt.Sprintf("written for version 9 of the contract, and this is %d: invalid alert: kind", alert.Schema)},
		{"a form to come", strings.Replace(newer, `"node":{`, `"node":[`, 1), "not an alert"},
		{"a rule of Tiercel's own", strings.ReplaceAll(string(message(acted(1)).Data), acted(1).GetRule().GetName(), "tiercel_rotation_foreign"), "and not by way of the sensors"},
		{"too large", `{"output":"` + strings.Repeat("x", 10_000_000) + `"}`, "10000013 bytes, more than 262144"},
	} {
		w := newWorld(t)
		err := w.enricher(nil).Handle(t.Context(), push.Message{ID: "7", Data: []byte(tt.data)})
		if !errors.Is(err, fault.ErrPoison) || !strings.HasPrefix(err.Error(), "message 7: ") || !strings.Contains(err.Error(), tt.reason) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if len(w.published) != 0 || w.gke.calls != 0 {
			t.Errorf("%s: %d published, GKE asked %d times", tt.name, len(w.published), w.gke.calls)
		}
	}
}

// Alerts of every version of the contract go on, with all that their rules say of themselves.
func TestEveryVersion(t *testing.T) {
	paths, err := filepath.Glob("../../alert/testdata/v*/[sf][ha]*.*")
	if err != nil || len(paths) < 6 {
		t.Fatalf("%q, %v", paths, err)
	}
	for _, path := range paths {
		w := newWorld(t)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.enricher(nil).Handle(t.Context(), push.Message{ID: "7", Data: data}); err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		was, err := alert.Unmarshal(data)
		if got := w.last(t); err != nil || got.GetSchema() != was.GetSchema() || !proto.Equal(got.GetRule(), was.GetRule()) || got.GetEnrichment() == nil {
			t.Errorf("%s: %v, %v", path, got, err)
		}
	}
}

// What a newer sensor says in the binary form goes on to those who understand it.
func TestNewerVersion(t *testing.T) {
	w := newWorld(t)
	a := acted(1)
	a.Schema = alert.Schema + 1
	data, err := alert.Marshal(a, alert.EncodingBinary)
	if err != nil {
		t.Fatal(err)
	}
	more := protowire.AppendString(protowire.AppendTag(nil, 61, protowire.BytesType), "to come")
	if err := w.enricher(nil).Handle(t.Context(), push.Message{ID: "7", Data: append(data, more...)}); err != nil {
		t.Fatal(err)
	}
	got := w.published[0].data
	if alert.EncodingOf(got) != alert.EncodingBinary || !bytes.Contains(got, more) {
		t.Errorf("%q", got)
	}
	expect(t, "newer", w.last(t).Enrichment, "")
}

// A delivery that comes twice is published twice, as the same alert.
func TestTwice(t *testing.T) {
	w := newWorld(t)
	e := w.enricher(nil)
	for range 2 {
		if err := e.Handle(t.Context(), message(acted(1))); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.published) != 2 || !bytes.Equal(w.published[0].data, w.published[1].data) {
		t.Errorf("%d published", len(w.published))
	}
}

// The largest message that a sensor sends is still one when it is enriched.
func TestLargest(t *testing.T) {
	w := newWorld(t)
	a := acted(1)
	for range 200 {
		a.Fields = append(a.Fields, alert.NewField("proc.cmdline", strings.Repeat("\x01", 7000)))
	}
	alert.Fit(a)
	m := message(a)
	if len(m.Data) < alert.MaxSize/2 {
		t.Fatalf("%d bytes", len(m.Data))
	}
	if err := w.enricher(nil).Handle(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	if n := len(w.published[0].data); n > alert.MaxSize {
		t.Errorf("%d bytes", n)
	}
	expect(t, "largest", w.last(t).Enrichment, "")
}

// served is the function behind its subscription, with the topics of a Pub/Sub.
type served struct {
	handler http.Handler
	client  *gcp.Client
}

const (
	alerts     = "projects/p/topics/tiercel-alerts"
	quarantine = "projects/p/topics/tiercel-quarantine"
)

func serve(t *testing.T, w *world, topics ...string) served {
	t.Helper()
	address, stop, err := pubsub.Serve(pubsub.New(pubsub.Config{Log: slog.New(slog.DiscardHandler)}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	client, err := gcp.NewClient(t.Context(), "p", option.WithEndpoint(address), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	for _, name := range topics {
		if _, err := client.TopicAdminClient.CreateTopic(t.Context(), &pb.Topic{Name: name}); err != nil {
			t.Fatal(err)
		}
		sub := &pb.Subscription{Name: strings.Replace(name, "topics", "subscriptions", 1), Topic: name, AckDeadlineSeconds: 60}
		if _, err := client.SubscriptionAdminClient.CreateSubscription(t.Context(), sub); err != nil {
			t.Fatal(err)
		}
	}
	e := w.enricher(func(cfg *enrich.Config) { cfg.Publish = topic.New(client, alerts).Publish })
	return served{push.Handler(push.Config{
		Step: e.Handle, Quarantine: topic.New(client, quarantine).Quarantine, Timeout: time.Minute, Log: slog.New(slog.DiscardHandler),
	}), client}
}

// push delivers data in the form of a subscription of one's own, or as a CloudEvent.
func (s served) push(t *testing.T, data []byte, event bool) int {
	t.Helper()
	body, err := json.Marshal(map[string]any{"subscription": "projects/p/subscriptions/enrich", "message": map[string]any{
		"messageId": "7", "data": base64.StdEncoding.EncodeToString(data), "attributes": map[string]string{"muted": "true", "googclient_x": "y"},
	}})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if event {
		for key, value := range map[string]string{"id": "7", "source": "//pubsub.googleapis.com/projects/p/topics/t",
			"type": "google.cloud.pubsub.topic.v1.messagePublished", "specversion": "1.0"} {
			r.Header.Set("ce-"+key, value)
		}
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	return w.Code
}

func (s served) pull(t *testing.T, topic string) []*pb.PubsubMessage {
	t.Helper()
	answer, err := s.client.SubscriptionAdminClient.Pull(t.Context(), &pb.PullRequest{
		Subscription: strings.Replace(topic, "topics", "subscriptions", 1), MaxMessages: 10,
	})
	if err != nil {
		t.Fatal(err)
	}
	var all []*pb.PubsubMessage
	for _, m := range answer.ReceivedMessages {
		all = append(all, m.Message)
	}
	return all
}

func TestBothForms(t *testing.T) {
	s := serve(t, newWorld(t), alerts)
	for _, event := range []bool{false, true} {
		if code := s.push(t, message(acted(1)).Data, event); code != http.StatusNoContent {
			t.Fatalf("%d", code)
		}
		got := s.pull(t, alerts)
		if len(got) != 1 || got[0].Attributes["alert_id"] != acted(1).AlertId {
			t.Fatalf("%v", got)
		}
		a, err := alert.Unmarshal(got[0].Data)
		if err != nil || a.Enrichment.Verification != alert.Verified {
			t.Errorf("%v, %v", a, err)
		}
		// A sender's attributes are no more to be believed than what else it says.
		if got[0].Attributes["muted"] != "" {
			t.Errorf("%v", got[0].Attributes)
		}
	}
}

// A message that is not published is not acknowledged.
func TestPublishFails(t *testing.T) {
	s := serve(t, newWorld(t)) // there is no topic
	if code := s.push(t, message(acted(1)).Data, false); code != http.StatusServiceUnavailable {
		t.Errorf("%d", code)
	}
	for _, tt := range []struct {
		err    error
		status int
	}{
		{errors.New("unavailable"), http.StatusServiceUnavailable}, {fault.Quota(errors.New("enough")), http.StatusTooManyRequests},
	} {
		w := newWorld(t)
		w.refuse = tt.err
		h := push.Handler(push.Config{Step: w.enricher(nil).Handle, Timeout: time.Minute, Log: slog.New(slog.DiscardHandler)})
		if code := (served{handler: h}).push(t, message(acted(1)).Data, false); code != tt.status {
			t.Errorf("%v: %d", tt.err, code)
		}
	}
}

// What is no alert is acknowledged once it is kept, the largest that Pub/Sub can carry too.
func TestQuarantine(t *testing.T) {
	s := serve(t, newWorld(t), alerts, quarantine)
	largest := []byte(strings.Repeat("x", 9_999_000))
	for _, data := range [][]byte{[]byte("hello"), largest} {
		if code := s.push(t, data, false); code != http.StatusNoContent {
			t.Fatalf("%d bytes: %d", len(data), code)
		}
		got := s.pull(t, quarantine)
		if len(got) != 1 || got[0].Attributes[topic.AttrReason] == "" || !bytes.HasPrefix(data, got[0].Data) {
			t.Fatalf("%d bytes: %d messages", len(data), len(got))
		}
		cut := got[0].Attributes[topic.AttrCutFrom]
		if whole := len(got[0].Data) == len(data); whole != (cut == "") || !whole && cut != fmt.Sprint(len(data)) {
			t.Errorf("%d of %d bytes kept, and cut from %q", len(got[0].Data), len(data), cut)
		}
	}
}
