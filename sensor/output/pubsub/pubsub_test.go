package pubsub

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	gcp "cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"tiercel.dev/alert"
	"tiercel.dev/sensor/output/spool"
)

const topic = "projects/p/topics/alerts"

// service is a Pub/Sub in this process whose Publish fails as a test wants.
type service struct {
	*pstest.Server
	mu   sync.Mutex
	fail func(*pubsubpb.PublishRequest) error
}

func (s *service) React(req any) (bool, any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		if err := s.fail(req.(*pubsubpb.PublishRequest)); err != nil {
			return true, nil, err
		}
	}
	return false, nil, nil
}

func (s *service) setFail(f func(*pubsubpb.PublishRequest) error) {
	s.mu.Lock()
	s.fail = f
	s.mu.Unlock()
}

func newService(t *testing.T, createTopic bool) (*service, []option.ClientOption) {
	t.Helper()
	s := new(service)
	s.Server = pstest.NewServer(pstest.ServerReactorOption{FuncName: "Publish", Reactor: s})
	t.Cleanup(func() { s.Close() })
	opts := endpoint(s.Addr)
	if createTopic {
		s.createTopic(t, opts)
	}
	return s, opts
}

func endpoint(addr string) []option.ClientOption {
	return []option.ClientOption{
		option.WithEndpoint(addr), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
}

func (s *service) createTopic(t *testing.T, opts []option.ClientOption) {
	t.Helper()
	c, err := gcp.NewClient(t.Context(), "p", opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.TopicAdminClient.CreateTopic(t.Context(), &pubsubpb.Topic{Name: topic}); err != nil {
		t.Fatal(err)
	}
}

// arrived returns the numbers of the alerts that the service holds, and how often each.
func (s *service) arrived(t *testing.T) map[uint64]int {
	t.Helper()
	got := map[uint64]int{}
	for _, m := range s.Messages() {
		a, err := alert.Unmarshal(m.Data)
		if err != nil {
			t.Fatal(err)
		}
		if a.GetKind() == alert.KindAlert {
			got[a.GetSeq()]++
		}
	}
	return got
}

func testConfig(t *testing.T, opts []option.ClientOption) Config {
	return Config{
		Topic: topic, Options: opts, Spool: spool.Config{Dir: t.TempDir()},
		BackoffMin: time.Millisecond, BackoffMax: 5 * time.Millisecond, Timeout: 5 * time.Second,
	}
}

func openOutput(t *testing.T, cfg Config) *Output {
	t.Helper()
	o, err := Open(cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeOutput(t, o) })
	return o
}

func closeOutput(t *testing.T, o *Output) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := o.Close(ctx); err != nil {
		t.Errorf("close: %v", err)
	}
}

func publish(o *Output, severity alert.Severity, text string) uint64 {
	a := &alert.Alert{Schema: alert.Schema, Kind: alert.KindAlert, SensorId: "s", Severity: severity, Output: text,
		Rule: &alert.Rule{Name: "r"}, Time: alert.Time(time.Now().UnixNano())}
	a.BootId, a.Seq = o.Next()
	a.AlertId = alert.ID(a.SensorId, a.BootId, a.Seq)
	o.Publish(a)
	return a.Seq
}

// eventually waits for cond without saying how long it may take, within the test's own limit.
func eventually(t *testing.T, what string, cond func() bool) {
	t.Helper()
	for range 6000 {
		if cond() {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatalf("not seen: %s", what)
}

func TestPublish(t *testing.T) {
	s, opts := newService(t, true)
	o := openOutput(t, testConfig(t, opts))
	for i := range 1500 {
		publish(o, alert.Low+alert.Severity(i%4), "text")
	}
	eventually(t, "1500 alerts sent", func() bool { return o.Stats().Sent == 1500 })
	if got := s.arrived(t); len(got) != 1500 {
		t.Errorf("%d alerts arrived", len(got))
	}
	m := s.Messages()[0]
	if m.Attributes["rule"] != "r" || m.Attributes["kind"] != "alert" || m.OrderingKey != "" {
		t.Errorf("attributes %v, ordering key %q", m.Attributes, m.OrderingKey)
	}
	if !strings.HasPrefix(string(m.Data), "{") {
		t.Errorf("not JSON: %q", m.Data)
	}
}

func TestOutage(t *testing.T) {
	s, opts := newService(t, true)
	s.setFail(func(*pubsubpb.PublishRequest) error { return status.Error(codes.Unavailable, "down") })
	cfg := testConfig(t, opts)
	cfg.Timeout = 200 * time.Millisecond
	o := openOutput(t, cfg)
	for range 50 {
		publish(o, alert.High, "text")
	}
	eventually(t, "trouble", func() bool { return o.Stats().State == StateUnreachable })
	if st := o.Stats(); st.Errors["Unavailable"]+st.Errors["timeout"] == 0 || st.Oldest.IsZero() {
		t.Errorf("errors %v, the oldest of %v", st.Errors, st.Oldest)
	}
	closeOutput(t, o)

	s.setFail(nil)
	o = openOutput(t, cfg)
	eventually(t, "all sent", func() bool { st := o.Stats(); return st.Sent >= 50 && st.State == StateOK && st.Oldest.IsZero() })
	if got := s.arrived(t); len(got) != 50 {
		t.Errorf("%d alerts arrived: %v", len(got), got)
	}
	if lost := o.Stats().Spool.Lost; len(lost) > 0 {
		t.Errorf("lost: %v", lost)
	}
}

// A request with one bad message is refused as a whole: the others must arrive, and what comes later too.
func TestPoison(t *testing.T) {
	s, opts := newService(t, true)
	s.setFail(func(r *pubsubpb.PublishRequest) error {
		for _, m := range r.Messages {
			if strings.Contains(string(m.Data), "poison") {
				return status.Error(codes.InvalidArgument, "does not match the schema")
			}
		}
		return nil
	})
	cfg := testConfig(t, opts)
	o := openOutput(t, cfg)
	var bad uint64
	for i := range 40 {
		text := "text"
		if i == 17 {
			text = "poison"
		}
		if seq := publish(o, alert.High, text); text == "poison" {
			bad = seq
		}
	}
	eventually(t, "the others", func() bool { return o.Stats().Sent == 39 })
	got := s.arrived(t)
	if len(got) != 39 || got[bad] != 0 {
		t.Errorf("arrived: %v", got)
	}
	st := o.Stats()
	want := spool.Lost{Reason: spool.LostDiscarded, Class: int(alert.High), Count: 1}
	if st.Quarantined != 1 || len(st.Spool.Lost) != 1 || st.Spool.Lost[0] != want || st.State != StateOK {
		t.Errorf("stats: %+v", st)
	}
	b, err := os.ReadFile(o.cfg.Quarantine)
	if err != nil || !strings.Contains(string(b), "does not match the schema") || !strings.Contains(string(b), fmt.Sprintf(`"seq":%d`, bad)) {
		t.Errorf("quarantine: %s, %v", b, err)
	}
}

// What is wrong with topic, rights or credentials is said with what to do, and ends when that is done.
func TestMisconfigured(t *testing.T) {
	for _, tt := range []struct {
		code codes.Code
		want string
	}{
		{codes.NotFound, "create the topic " + topic},
		{codes.PermissionDenied, "roles/pubsub.publisher"},
		{codes.Unauthenticated, "Workload Identity"},
		{codes.FailedPrecondition, "encryption key"},
	} {
		t.Run(tt.code.String(), func(t *testing.T) {
			s, opts := newService(t, true)
			s.setFail(func(*pubsubpb.PublishRequest) error { return status.Error(tt.code, "no") })
			o := openOutput(t, testConfig(t, opts))
			publish(o, alert.Low, "text")
			eventually(t, "trouble", func() bool { return o.Stats().State == StateMisconfigured })
			if st := o.Stats(); !strings.Contains(st.LastError, tt.want) || st.Errors[tt.code.String()] == 0 {
				t.Errorf("%q does not say %q", st.LastError, tt.want)
			}
			s.setFail(nil)
			eventually(t, "sent", func() bool { return o.Stats().Sent == 1 })
			if st := o.Stats(); st.State != StateOK || st.Quarantined != 0 {
				t.Errorf("stats: %+v", st)
			}
		})
	}
}

func TestMissingTopic(t *testing.T) {
	s, opts := newService(t, false)
	o := openOutput(t, testConfig(t, opts))
	publish(o, alert.Low, "text")
	eventually(t, "trouble", func() bool { return o.Stats().State == StateMisconfigured })
	s.createTopic(t, opts)
	eventually(t, "sent", func() bool { return o.Stats().Sent == 1 })
}

func TestHeartbeats(t *testing.T) {
	s, opts := newService(t, true)
	o := openOutput(t, testConfig(t, opts))
	o.Publish(&alert.Alert{Schema: alert.Schema, Kind: alert.KindHeartbeat, SensorId: "s", Heartbeat: &alert.Heartbeat{Alerts: 7}})
	eventually(t, "heartbeat", func() bool { return o.Stats().Heartbeats == 1 })
	if m := s.Messages(); len(m) != 1 || m[0].Attributes["kind"] != "heartbeat" {
		t.Errorf("messages: %v", m)
	}
	// Without a service only the newest waits.
	s.setFail(func(*pubsubpb.PublishRequest) error { return status.Error(codes.PermissionDenied, "down") })
	for range 10 {
		o.Publish(&alert.Alert{Kind: alert.KindHeartbeat, Heartbeat: &alert.Heartbeat{}})
	}
	eventually(t, "all missed", func() bool { return o.Stats().Missed == 10 })
	if st := o.Stats().Spool; st.OnDisk+st.InMemory != 0 {
		t.Errorf("heartbeats in the spool: %+v", st)
	}
}

func TestClassify(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want verdict
	}{
		{nil, sent},
		{context.DeadlineExceeded, transient},
		{fmt.Errorf("oauth2: %w", context.Canceled), transient},
		{status.Error(codes.ResourceExhausted, ""), transient},
		{status.Error(codes.InvalidArgument, ""), refused},
		{gcp.ErrOversizedMessage, tooLarge},
		{gcp.ErrFlowControllerMaxOutstandingBytes, transient},
		{fmt.Errorf("wrapped: %w", status.Error(codes.NotFound, "")), noTopic},
	} {
		if got := classify(tt.err); got != tt.want {
			t.Errorf("classify(%v) = %d, want %d", tt.err, got, tt.want)
		}
	}
}

func TestValidate(t *testing.T) {
	ok := Config{Topic: topic, Spool: spool.Config{Dir: "x"}}
	if err := ok.Validate(); err != nil {
		t.Error(err)
	}
	for field, c := range map[string]Config{
		"Topic":       {Topic: "alerts", Spool: ok.Spool},
		"Spool":       {Topic: topic},
		"MaxMessages": {Topic: topic, Spool: ok.Spool, MaxMessages: 2000},
		"MaxBytes":    {Topic: topic, Spool: ok.Spool, MaxBytes: 100},
		"BackoffMin":  {Topic: topic, Spool: ok.Spool, BackoffMin: time.Hour},
	} {
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), field) {
			t.Errorf("%s: %v", field, err)
		}
	}
}
