package route_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	securitycenter "cloud.google.com/go/securitycenter/apiv2"
	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"tiercel.dev/alert"
	"tiercel.dev/functions/route"
	"tiercel.dev/internal/fault"
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
	a := &alert.Alert{
		Schema: alert.Schema, Kind: alert.KindAlert, SensorId: sensor, BootId: "b", Seq: seq, Severity: severity,
		AlertId: alert.ID(sensor, "b", seq), Time: alert.Time(time.Date(2026, 1, 2, 3, 0, int(seq), 0, time.UTC).UnixNano()),
		Rule:    &alert.Rule{Name: "r", Title: "A rule", Attack: []string{"T1059.004"}},
		Cluster: &alert.Cluster{Project: "p", Location: "l", Name: "c"}, Process: &alert.Process{Pid: 1, Name: "sh"},
	}
	a.Identity = alert.Identity(a, alert.NewField("thing", thing))
	data, err := alert.Marshal(a, alert.EncodingJSON)
	if err != nil {
		panic(err)
	}
	return push.Message{ID: fmt.Sprint(sensor, seq), Data: data}
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

func TestFirstIsWrittenAtOnceAndRepeatsLater(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	r := w.router(nil)
	for seq := range uint64(5) {
		if err := r.Handle(t.Context(), act("s", seq+1, "x", alert.High)); err != nil {
			t.Fatal(err)
		}
	}
	w.expect("at once", 1)
	w.flush(r)
	w.expect("after the flush", 5)
	f := w.scc.Findings()[0]
	if f.Category != "Execution: A rule" || f.Severity != pb.Finding_HIGH || !f.EventTime.AsTime().Equal(time.Date(2026, 1, 2, 3, 0, 5, 0, time.UTC)) {
		t.Errorf("%v", f)
	}
}

// The same message five times, at once, to eight instances.
func TestManyDeliveriesCountOnce(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	routers := make([]*route.Router, 8)
	for i := range routers {
		routers[i] = w.router(nil)
	}
	var all sync.WaitGroup
	for _, r := range routers {
		for seq := range uint64(5) {
			for range 5 {
				all.Go(func() {
					if err := r.Handle(t.Context(), act("s", seq+1, "x", alert.High)); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
	all.Wait()
	w.flush(routers[3])
	w.expect("after the flush", 5)
}

func TestOperatorsWordStands(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	r := w.router(nil)
	r.Handle(t.Context(), act("s", 1, "x", alert.High))
	name := w.scc.Findings()[0].Name
	w.scc.SetFindingState(t.Context(), &pb.SetFindingStateRequest{Name: name, State: pb.Finding_INACTIVE})
	w.scc.SetMute(t.Context(), &pb.SetMuteRequest{Name: name, Mute: pb.Finding_MUTED})
	r.Handle(t.Context(), act("s", 2, "x", alert.High))
	w.flush(r)
	f := w.scc.Findings()[0]
	if f.State != pb.Finding_INACTIVE || f.Mute != pb.Finding_MUTED {
		t.Errorf("state %v, mute %v", f.State, f.Mute)
	}
	w.expect("after the flush", 2)
}

var errCut = errors.New("cut off")

// cutStore fails its n-th call, before or after it was carried out: where an instance died, or a network did.
type cutStore struct {
	route.Store
	cut *cut
}

type cut struct {
	at    int
	after bool
	calls int
	mu    sync.Mutex
}

// here reports whether this call is the one, and whether it is to be carried out.
func (c *cut) here() (fails, carriedOut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	// A dead instance makes no more calls.
	if c.calls > c.at {
		return true, false
	}
	return c.calls == c.at, c.after
}

func (s cutStore) Get(ctx context.Context, name string) (objects.Object, error) {
	if fails, _ := s.cut.here(); fails {
		return objects.Object{}, errCut
	}
	return s.Store.Get(ctx, name)
}

func (s cutStore) Put(ctx context.Context, name string, data []byte, meta map[string]string, generation int64) (int64, error) {
	if fails, carriedOut := s.cut.here(); fails {
		if carriedOut {
			s.Store.Put(ctx, name, data, meta, generation)
		}
		return 0, errCut
	}
	return s.Store.Put(ctx, name, data, meta, generation)
}

func (s cutStore) List(ctx context.Context, prefix string) iter.Seq2[objects.Object, error] {
	if fails, _ := s.cut.here(); fails {
		return func(yield func(objects.Object, error) bool) { yield(objects.Object{}, errCut) }
	}
	return s.Store.List(ctx, prefix)
}

type cutFindings struct {
	route.Findings
	cut *cut
}

func (f cutFindings) Create(ctx context.Context, id string, finding *pb.Finding) error {
	if fails, carriedOut := f.cut.here(); fails {
		if carriedOut {
			f.Findings.Create(ctx, id, finding)
		}
		return errCut
	}
	return f.Findings.Create(ctx, id, finding)
}

// TestDeathAnywhere has an instance die before and after each of its calls in turn; another takes the delivery over.
func TestDeathAnywhere(t *testing.T) {
	for _, after := range []bool{false, true} {
		for at := 1; ; at++ {
			c := &cut{at: at, after: after}
			w := newWorld(t, localscc.Config{})
			dying := w.router(func(cfg *route.Config) {
				cfg.Store, cfg.Findings = cutStore{cfg.Store, c}, cutFindings{cfg.Findings, c}
			})
			err := dying.Handle(t.Context(), act("s", 1, "x", alert.High))
			if err == nil && c.calls < at {
				if at < 6 {
					t.Fatalf("an alert took %d calls only", c.calls)
				}
				break // every call had its turn
			}
			heir := w.router(nil)
			if err != nil {
				if err := heir.Handle(t.Context(), act("s", 1, "x", alert.High)); err != nil {
					t.Errorf("call %d: %v", at, err)
				}
			}
			w.flush(heir)
			w.expect(fmt.Sprintf("died at call %d, carried out %v", at, after), 1)
		}
	}
}

func TestServiceFails(t *testing.T) {
	for _, tt := range []struct {
		name       string
		code       codes.Code
		carriedOut bool
		want       error // of the first delivery; nil for one that may pass
	}{
		{"quota", codes.ResourceExhausted, false, fault.ErrQuota},
		{"poison", codes.InvalidArgument, false, fault.ErrPoison},
		{"no right", codes.PermissionDenied, false, nil},
		{"written, and the answer lost", codes.DeadlineExceeded, true, nil},
	} {
		var once sync.Once
		w := newWorld(t, localscc.Config{Fail: func(*pb.Finding) (err error, carriedOut bool) {
			once.Do(func() { err = status.Error(tt.code, "on demand") })
			return err, tt.carriedOut
		}})
		r := w.router(nil)
		m := act("s", 1, "x", alert.High)
		err := r.Handle(t.Context(), m)
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) ||
			tt.want == nil && (errors.Is(err, fault.ErrPoison) || errors.Is(err, fault.ErrQuota)) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if err := r.Handle(t.Context(), m); err != nil {
			t.Errorf("%s: delivered again: %v", tt.name, err)
		}
		w.flush(r)
		w.expect(tt.name, 1)
	}
}

// A flood beyond the service's quota: every alert is in a finding in the end, and the severest are first.
func TestBudget(t *testing.T) {
	w := newWorld(t, localscc.Config{WritesPerMinute: 60})
	r := w.router(func(cfg *route.Config) { cfg.WritesPerMinute = 60 })
	const n = 200
	for i := range uint64(n) {
		severity := alert.Low
		if i%40 == 0 { // fewer than the budget keeps for them
			severity = alert.Critical
		}
		if err := r.Handle(t.Context(), act("s", i+1, fmt.Sprint(i), severity)); err != nil {
			t.Fatal(err)
		}
	}
	critical := 0
	for _, f := range w.scc.Findings() {
		if f.Severity == pb.Finding_CRITICAL {
			critical++
		}
	}
	if critical != n/40 {
		t.Errorf("%d of %d critical findings were written at once", critical, n/40)
	}
	if len(w.scc.Findings()) == n {
		t.Error("the budget held nothing back")
	}
	for range 30 {
		w.flush(r)
	}
	if got := w.says(); len(got) != n || strings.Trim(fmt.Sprint(got), "[]1 ") != "" {
		t.Errorf("%d findings: %v", len(got), got)
	}
}

func TestPoison(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	r := w.router(nil)
	for name, data := range map[string]string{
		"nothing": "", "no alert": "hello", "no identity": `{"schema":1,"kind":"ALERT"}`,
	} {
		if err := r.Handle(t.Context(), push.Message{ID: "7", Data: []byte(data)}); !errors.Is(err, fault.ErrPoison) || !strings.Contains(err.Error(), "message 7: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.expect("after poison")
}

// Without an organization alerts are counted all the same, so that findings are right once there is one.
func TestOff(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	off := w.router(func(cfg *route.Config) { cfg.Findings = nil })
	for seq := range uint64(3) {
		if err := off.Handle(t.Context(), act("s", seq+1, "x", alert.High)); err != nil {
			t.Fatal(err)
		}
	}
	if err := off.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	w.expect("while it is off")
	on := w.router(nil)
	if err := on.Handle(t.Context(), act("s", 4, "x", alert.High)); err != nil {
		t.Fatal(err)
	}
	w.expect("once it is on", 4)
}
