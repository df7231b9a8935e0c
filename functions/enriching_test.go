package functions

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	containerpb "cloud.google.com/go/container/apiv1/containerpb"
	pubsubpb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"golang.org/x/oauth2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"tiercel.dev/alert"
	"tiercel.dev/internal/objects"
	"tiercel.dev/local/pubsub"
	"tiercel.dev/local/storage"
)

// The function as it is deployed: settings and endpoints, and nothing else. Its GKE knows no method.
func TestEnrichAlert(t *testing.T) {
	ctx := t.Context()
	services := grpc.NewServer(pubsub.Options()...)
	broker := pubsub.New(pubsub.Config{Log: slog.New(slog.DiscardHandler)})
	broker.Register(services)
	containerpb.RegisterClusterManagerServer(services, containerpb.UnimplementedClusterManagerServer{})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go services.Serve(l)
	t.Cleanup(services.Stop)
	t.Cleanup(func() { broker.Close() })
	records := httptest.NewServer(storage.New())
	t.Cleanup(records.Close)
	dial := []option.ClientOption{option.WithEndpoint(l.Addr().String()), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials()))}
	toRecords := []option.ClientOption{option.WithEndpoint(records.URL + "/storage/v1/"), option.WithoutAuthentication()}

	const enriched = "projects/p/topics/tiercel-alerts"
	if _, err := broker.CreateTopic(ctx, &pubsubpb.Topic{Name: enriched}); err != nil {
		t.Fatal(err)
	}
	if _, err := broker.CreateSubscription(ctx, &pubsubpb.Subscription{Name: "projects/p/subscriptions/all", Topic: enriched, AckDeadlineSeconds: 60}); err != nil {
		t.Fatal(err)
	}
	bucket, err := objects.NewBucket(ctx, "records", toRecords...)
	if err != nil {
		t.Fatal(err)
	}
	list := "policies:\n- {name: n, where: 'rule == \"r\"', mute: true, reason: x, until: " + time.Now().AddDate(1, 0, 0).Format(time.DateOnly) + "}\n"
	if _, err := bucket.Put(ctx, "where.yaml", []byte(list), nil, 0); err != nil {
		t.Fatal(err)
	}

	settings := func() (Settings, error) {
		return Settings{Project: "p", AlertsTopic: enriched, QuarantineTopic: "projects/p/topics/q", Bucket: "records", Policy: "where.yaml",
			Source: sourceOff, ClusterProjects: []string{"p"}}, nil
	}
	endpoints := Endpoints{PubSub: dial, GKE: dial, Storage: toRecords, Kubernetes: Kubernetes{Token: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "x"})}}
	h := Handlers(settings, endpoints, slog.New(slog.DiscardHandler))[EnrichAlert]

	a := &alert.Alert{Schema: alert.Schema, Kind: alert.KindAlert, SensorId: "s", BootId: "b", Seq: 1, AlertId: alert.ID("s", "b", 1), Time: alert.Time(1),
		Severity: alert.High, Rule: &alert.Rule{Name: "r"}, Cluster: &alert.Cluster{Project: "p", Location: "l", Name: "c"}}
	a.Identity = alert.Identity(a)
	data, err := alert.JSON(a)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(map[string]any{"subscription": "projects/p/subscriptions/raw",
		"message": map[string]any{"messageId": "7", "data": base64.StdEncoding.EncodeToString(data)}})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body)))
	if w.Code != http.StatusNoContent {
		t.Fatalf("%d", w.Code)
	}
	got, err := broker.Pull(ctx, &pubsubpb.PullRequest{Subscription: "projects/p/subscriptions/all", MaxMessages: 10})
	if err != nil || len(got.ReceivedMessages) != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	m := got.ReceivedMessages[0].Message
	out, err := alert.Unmarshal(m.Data)
	if err != nil {
		t.Fatal(err)
	}
	if e := out.Enrichment; e.Verification != alert.Unverified || len(e.Missing) != 1 || !e.Policy.GetMuted() || m.Attributes["muted"] != "true" {
		t.Errorf("%v, %v", e, m.Attributes)
	}
}
