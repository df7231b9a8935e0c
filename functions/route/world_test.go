package route_test

import (
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	securitycenter "cloud.google.com/go/securitycenter/apiv2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"tiercel.dev/alert"
	"tiercel.dev/functions/route"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/push"
	"tiercel.dev/internal/scc"
	localscc "tiercel.dev/local/scc"
	"tiercel.dev/local/storage"
)

const source = "organizations/1/sources/2"

// world is one Cloud Storage and one Security Command Center, spoken to by the clients that run in the cloud.
type world struct {
	t      *testing.T
	scc    *localscc.Server
	client *securitycenter.Client
	bucket *objects.Bucket

	mu  sync.Mutex
	now time.Time
}

func newWorld(t *testing.T, cfg localscc.Config) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	cfg.Now = w.clock
	w.scc = localscc.New(cfg)
	if err := w.scc.AddSource(source, "Tiercel"); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer()
	w.scc.Register(g)
	go g.Serve(l)
	t.Cleanup(g.Stop)
	w.client, err = securitycenter.NewClient(t.Context(), option.WithEndpoint(l.Addr().String()), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.client.Close() })
	h := httptest.NewServer(storage.New())
	t.Cleanup(h.Close)
	w.bucket, err = objects.NewBucket(t.Context(), "ledger", option.WithEndpoint(h.URL+"/storage/v1/"), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) later(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// router is one instance of the function. change may put things between it and the world.
func (w *world) router(change func(*route.Config)) *route.Router {
	cfg := route.Config{Store: w.bucket, Findings: scc.NewWriter(w.client, source), Now: w.clock, Log: slog.New(slog.DiscardHandler)}
	if change != nil {
		change(&cfg)
	}
	return route.New(cfg)
}

// act is the alert of a sensor's seq-th, of one of several things that happen.
func act(sensor string, seq uint64, thing string, severity alert.Severity) push.Message {
	return message(acted(sensor, seq, thing, severity))
}

func acted(sensor string, seq uint64, thing string, severity alert.Severity) *alert.Alert {
	a := &alert.Alert{
		Schema: alert.Schema, Kind: alert.KindAlert, SensorId: sensor, BootId: "b", Seq: seq, Severity: severity,
		AlertId: alert.ID(sensor, "b", seq), Time: alert.Time(time.Date(2026, 1, 2, 3, 0, 0, int(seq), time.UTC).UnixNano()),
		Rule:    &alert.Rule{Name: "r", Title: "A rule", Attack: []string{"T1059.004"}},
		Cluster: &alert.Cluster{Project: "p", Location: "l", Name: "c"}, Process: &alert.Process{Pid: 1, Name: "sh"},
	}
	a.Identity = alert.Identity(a, alert.NewField("thing", thing))
	return a
}

func message(a *alert.Alert) push.Message {
	data, err := alert.Marshal(a, alert.EncodingJSON)
	if err != nil {
		panic(err)
	}
	return push.Message{ID: a.AlertId, Data: data}
}

// says are the counts of all findings.
func (w *world) says() (counts []float64) {
	for _, f := range w.scc.Findings() {
		counts = append(counts, f.SourceProperties["count"].GetNumberValue())
	}
	return counts
}

func (w *world) flush(r *route.Router) {
	w.t.Helper()
	w.later(2 * time.Minute)
	if err := r.Flush(w.t.Context()); err != nil {
		w.t.Error(err)
	}
}

func (w *world) expect(what string, want ...float64) {
	w.t.Helper()
	if got := w.says(); fmt.Sprint(got) != fmt.Sprint(want) {
		w.t.Errorf("%s: findings count %v, want %v", what, got, want)
	}
}
