package local

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/alert"
	"tiercel.dev/functions"
	"tiercel.dev/internal/topic"
)

const patience = 30 * time.Second

// shell is an alert as a sensor sends it.
func shell(seq uint64, severity alert.Severity) *alert.Alert {
	a := &alert.Alert{
		Schema: alert.Schema, Kind: alert.KindAlert, SensorId: "n1", BootId: "b", Seq: seq, AlertId: alert.ID("n1", "b", seq),
		Time: alert.Time(time.Now().UnixNano()), Severity: severity, Output: "a shell",
		Rule:    &alert.Rule{Name: "terminal_shell_in_container", Title: "Terminal shell in container", Attack: []string{"T1059.004"}},
		Process: &alert.Process{Pid: 7, Name: "bash"}, Cluster: &alert.Cluster{Project: "p", Location: "l", Name: "c"},
	}
	a.Identity = alert.Identity(a)
	return a
}

type run struct {
	t      *testing.T
	cloud  *Cloud
	client *pubsub.Client
	alerts *topic.Topic

	mu     sync.Mutex
	writes []*sccpb.Finding
}

func start(t *testing.T) *run {
	t.Helper()
	r := open(t, "")
	t.Cleanup(r.close)
	return r
}

// open starts a cloud, in a folder if one is given.
func open(t *testing.T, dir string) *run {
	t.Helper()
	r := &run{t: t}
	var err error
	r.cloud, err = Start(Config{Dir: dir, Log: slog.New(slog.DiscardHandler), Changed: func(f *sccpb.Finding) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.writes = append(r.writes, f)
	}})
	if err != nil {
		t.Fatal(err)
	}
	if r.client, err = pubsub.NewClient(t.Context(), Project, r.cloud.Options()...); err != nil {
		t.Fatal(err)
	}
	r.alerts = topic.New(r.client, RawTopic)
	return r
}

func (r *run) close() {
	r.alerts.Stop()
	if err := errors.Join(r.client.Close(), r.cloud.Close()); err != nil {
		r.t.Error(err)
	}
}

func (r *run) publish(a *alert.Alert) {
	r.t.Helper()
	data, err := alert.Marshal(a, alert.EncodingJSON)
	if err == nil {
		err = r.alerts.Publish(r.t.Context(), data, alert.Attributes(a))
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *run) until(what string, done func() bool) {
	r.t.Helper()
	for end := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("waited in vain for %s: %+v", what, r.cloud.Subscriptions())
		}
	}
}

func TestAnAlertBecomesAFinding(t *testing.T) {
	r := start(t)
	r.publish(shell(1, alert.High))
	r.publish(shell(2, alert.High))
	r.publish(shell(2, alert.High)) // delivered again by the sensor, whose acknowledgement was lost
	r.until("the alerts to be handled", r.cloud.Settled)
	if err := r.cloud.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	all := r.cloud.Findings()
	if len(all) != 1 || all[0].Category != "Execution: Terminal shell in container" || all[0].ParentDisplayName != "Tiercel" ||
		!strings.HasPrefix(all[0].Name, Source+"/findings/") {
		t.Fatalf("%v", all)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.writes) == 0 || r.writes[0].SourceProperties["count"].GetNumberValue() < 1 {
		t.Errorf("%v", r.writes)
	}
}

// What is no alert stands in the quarantine topic with the reason, and is not tried again.
func TestPoisonIsPutAside(t *testing.T) {
	r := start(t)
	// What the topic's schema refuses does not come so far.
	if err := r.alerts.Publish(t.Context(), []byte("hello"), map[string]string{"kind": "alert"}); status.Code(err) != codes.InvalidArgument {
		t.Fatal(err)
	}
	if err := r.alerts.Publish(t.Context(), []byte(`{"seq":"1"}`), map[string]string{"kind": "alert"}); err != nil {
		t.Fatal(err)
	}
	r.until("the message to be handled", r.cloud.Settled)
	got, err := r.cloud.pubsub.Pull(t.Context(), &pb.PullRequest{Subscription: "projects/local/subscriptions/tiercel-quarantine", MaxMessages: 10})
	if err != nil || len(got.ReceivedMessages) != 1 {
		t.Fatalf("%v, %v", got, err)
	}
	m := got.ReceivedMessages[0].Message
	if string(m.Data) != `{"seq":"1"}` || !strings.Contains(m.Attributes[topic.AttrReason], "sensor_id is missing") || m.Attributes[topic.AttrMessageID] == "" ||
		m.Attributes[topic.AttrSubscription] != "projects/local/subscriptions/tiercel-enrich" || m.Attributes["kind"] != "alert" {
		t.Errorf("%v", m)
	}
	for _, s := range r.cloud.Subscriptions() {
		if s.DeadLettered != 0 || s.Nacked != 0 {
			t.Errorf("%+v", s)
		}
	}
}

// Who brings no token of the account that subscriptions and the schedule have is refused before a function sees it, and what
// is no push or schedule's call is no success.
func TestFunctionsRefuseOthers(t *testing.T) {
	r := start(t)
	for _, function := range []string{functions.EnrichAlert, functions.RouteAlert, functions.FlushFindings, functions.RecordHeartbeat, functions.CheckFleet} {
		token, err := r.cloud.accounts.Token(invoker, functionsURL+"/"+function)
		if err != nil {
			t.Fatal(err)
		}
		for header, want := range map[string]int{
			"": http.StatusForbidden, "Bearer guess": http.StatusUnauthorized, "Bearer " + token: http.StatusMethodNotAllowed,
		} {
			call, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.cloud.calls+"/"+function, nil)
			if err != nil {
				t.Fatal(err)
			}
			call.Header.Set("Authorization", header)
			answer, err := http.DefaultClient.Do(call)
			if err != nil {
				t.Fatal(err)
			}
			answer.Body.Close()
			if answer.StatusCode != want {
				t.Errorf("%s with %.10q: %d, want %d", function, header, answer.StatusCode, want)
			}
		}
	}
}
