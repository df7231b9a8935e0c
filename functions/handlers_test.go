package functions

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	pubsubpb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/option"

	"tiercel.dev/functions/report"
	"tiercel.dev/functions/report/sample"
	"tiercel.dev/functions/upgrade"
	infra "tiercel.dev/internal/deployed"
	"tiercel.dev/internal/mail"
	"tiercel.dev/internal/objects"
	"tiercel.dev/local/caller"
	"tiercel.dev/local/gke"
	"tiercel.dev/local/loopback"
	"tiercel.dev/local/pubsub"
	"tiercel.dev/local/storage"
)

// deployed are the functions as a deployment has them, over a cluster of the sample fleet.
type deployed struct {
	*sky
	broker   *pubsub.Server
	bucket   *objects.Bucket
	handlers map[string]http.Handler
	now      time.Time
	sent     []mail.Message
	refuse   error
}

func (d *deployed) Send(_ context.Context, m mail.Message) error {
	if d.refuse == nil {
		d.sent = append(d.sent, m)
	}
	return d.refuse
}

const noticeType = "type.googleapis.com/google.container.v1beta1."

const putAside = "projects/acme/subscriptions/aside"

func deploy(t *testing.T) *deployed {
	t.Helper()
	d := &deployed{sky: newSky(t, 0, nil), broker: pubsub.New(pubsub.Config{Log: slog.New(slog.DiscardHandler)}), now: time.Now()}
	t.Cleanup(func() { d.broker.Close() })
	s := Settings{
		Project: "acme", AlertsTopic: "projects/acme/topics/alerts", QuarantineTopic: "projects/acme/topics/aside", Bucket: "records", Source: sourceOff,
		MaxInstances: 1, ClusterProjects: []string{"acme"}, Scopes: []string{"projects/acme"},
	}
	for _, topic := range []string{s.AlertsTopic, s.QuarantineTopic} {
		if _, err := d.broker.CreateTopic(t.Context(), &pubsubpb.Topic{Name: topic}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.broker.CreateSubscription(t.Context(), &pubsubpb.Subscription{Name: putAside, Topic: s.QuarantineTopic, AckDeadlineSeconds: 60}); err != nil {
		t.Fatal(err)
	}
	store := storage.New()
	store.Guard(storage.Granted(infra.Infra("acme")))
	records := httptest.NewServer(store)
	t.Cleanup(records.Close)
	e := d.reach
	people := []option.ClientOption{option.WithEndpoint(records.URL + "/storage/v1/"), option.WithoutAuthentication()}
	e.Storage = append(people, option.WithHTTPClient(&http.Client{Transport: caller.Carrier{}}))
	e.PubSub, e.Mail, e.Now = loopback.Serve(t, d.broker), d, func() time.Time { return d.now }
	var err error
	if d.bucket, err = objects.NewBucket(t.Context(), s.Bucket, people...); err != nil {
		t.Fatal(err)
	}
	d.handlers = Handlers(func() (Settings, error) { return s, nil }, e, slog.New(slog.DiscardHandler))
	for _, f := range infra.Infra("acme").Functions {
		d.handlers[f.EntryPoint] = caller.Handle(d.handlers[f.EntryPoint], f.Account)
	}
	return d
}

// call returns the answer's status.
func (d *deployed) call(t *testing.T, function, body string) int {
	t.Helper()
	w := httptest.NewRecorder()
	d.handlers[function].ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body)))
	return w.Code
}

func pushed(t *testing.T, data string, attributes map[string]string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"subscription": "projects/acme/subscriptions/s", "message": map[string]any{
		"messageId": "7", "publishTime": "2026-11-28T14:00:00Z", "data": base64.StdEncoding.EncodeToString([]byte(data)), "attributes": attributes,
	}})
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// What is no push is refused; a message that nothing will ever come of is taken, and stands in quarantine as it was.
func TestPoisonIsPutAside(t *testing.T) {
	d := deploy(t)
	for _, function := range []string{EnrichAlert, RecordHeartbeat, CheckHardening, CheckUpgrades, TakeClusterNotice, ProposeRotation} {
		for _, body := range []string{"", "{", "[]", `{"message": 7}`} {
			if status := d.call(t, function, body); status != http.StatusBadRequest {
				t.Errorf("%s: %q is answered with %d", function, body, status)
			}
		}
		const poison = "neither an alert nor work \x1b[2J"
		if status := d.call(t, function, pushed(t, poison, map[string]string{"type_url": noticeType + "UpgradeEvent"})); status != http.StatusNoContent {
			t.Errorf("%s: poison is answered with %d", function, status)
		}
		got, err := d.broker.Pull(t.Context(), &pubsubpb.PullRequest{Subscription: putAside, MaxMessages: 10})
		if err != nil || len(got.ReceivedMessages) != 1 || !bytes.Equal(got.ReceivedMessages[0].Message.Data, []byte(poison)) {
			t.Errorf("%s: in quarantine are %v, %v", function, got.GetReceivedMessages(), err)
			continue
		}
		if _, err := d.broker.Acknowledge(t.Context(), &pubsubpb.AcknowledgeRequest{Subscription: putAside, AckIds: []string{got.ReceivedMessages[0].AckId}}); err != nil {
			t.Fatal(err)
		}
	}
}

// A notification that comes twice is one note.
func TestClusterNoticeIsKeptOnce(t *testing.T) {
	d := deploy(t)
	notice := pushed(t, "An upgrade started.", map[string]string{
		"project_id": fmt.Sprint(gke.ProjectNumber("acme")), "cluster_location": d.at.Location, "cluster_name": d.at.Cluster,
		"type_url": noticeType + "UpgradeEvent",
		"payload":  `{"resourceType":"MASTER","operation":"operation-1","operationStartTime":"2026-11-28T13:00:00Z","currentVersion":"1.33.4-gke.1000","targetVersion":"1.33.5-gke.1100"}`,
	})
	d.now = time.Date(2026, 11, 28, 15, 0, 0, 0, time.UTC)
	var kept []byte
	for range 2 {
		if status := d.call(t, TakeClusterNotice, notice); status != http.StatusNoContent {
			t.Fatalf("%d", status)
		}
		o, err := d.bucket.Get(t.Context(), upgrade.NotesName(d.at))
		if err != nil || !bytes.Contains(o.Data, []byte("1.33.5-gke.1100")) || kept != nil && !bytes.Equal(o.Data, kept) {
			t.Errorf("%s, %v", o.Data, err)
		}
		kept = o.Data
	}
}

// A report goes out once however often the schedule calls, one that is asked for wrongly is refused, and one that was not taken by
// the server is not taken for sent.
func TestReportHandlers(t *testing.T) {
	d := deploy(t)
	if err := sample.Put(t.Context(), d.bucket, report.SettingsName, []byte(sample.Settings)); err != nil {
		t.Fatal(err)
	}
	if err := sample.Fill(t.Context(), d.bucket, 0); err != nil {
		t.Fatal(err)
	}
	d.now = sample.Monday(0).Add(time.Hour)
	for _, body := range []string{"{", `{"demand": 7}`, `{"report": "payments"}`} {
		if status := d.call(t, SendReport, body); status != http.StatusBadRequest || len(d.sent) != 0 {
			t.Errorf("%q: %d, %d mails", body, status, len(d.sent))
		}
	}
	d.refuse = fmt.Errorf("421 come again")
	if status := d.call(t, SendReport, ""); status < 500 {
		t.Errorf("not sent, and answered with %d", status)
	}
	d.refuse = nil
	for range 2 {
		d.now = d.now.Add(time.Hour) // what was claimed and not sent is free again
		if status := d.call(t, SendReport, ""); status != http.StatusNoContent || len(d.sent) != 3 {
			t.Errorf("%d, %d mails", status, len(d.sent))
		}
	}
	if status := d.call(t, CheckReport, ""); status != http.StatusNoContent {
		t.Errorf("the watch answers %d", status)
	}
}
