package harden

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	securitycenter "cloud.google.com/go/securitycenter/apiv2"
	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"tiercel.dev/internal/budget"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/push"
	"tiercel.dev/internal/scc"
	"tiercel.dev/internal/schedule"
	"tiercel.dev/internal/snapshot"
	localscc "tiercel.dev/local/scc"
	"tiercel.dev/local/storage"
)

const sccSource = "organizations/1/sources/2"

var shop = posture.Resource{Project: "p", Location: "l", Cluster: "shop"}

// world is one Cloud Storage and one Security Command Center, spoken to by the clients that run in the cloud; what is read of the
// cluster, and what checks come to, a test says.
type world struct {
	t      *testing.T
	scc    *localscc.Server
	client *securitycenter.Client
	bucket *objects.Bucket
	budget budget.Config // of each worker
	writes int

	mu      sync.Mutex
	now     time.Time
	results map[string]posture.Verdict // by check, with "/" and a pool's name behind it
	gaps    []posture.Gap
	err     error // what reading the cluster answers
	change  func(*posture.Cluster)
	judged  int
}

func newWorld(t *testing.T, cfg localscc.Config) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 1, 5, 6, 1, 0, 0, time.UTC), results: map[string]posture.Verdict{}}
	fail := cfg.Fail
	cfg.Now, cfg.Fail = w.clock, func(f *sccpb.Finding) (error, bool) {
		w.mu.Lock()
		w.writes++
		w.mu.Unlock()
		if fail != nil {
			return fail(f)
		}
		return nil, false
	}
	w.scc = localscc.New(cfg)
	if err := w.scc.AddSource(sccSource, "Tiercel"); err != nil {
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
	if w.bucket, err = objects.NewBucket(t.Context(), "b", option.WithEndpoint(h.URL+"/storage/v1/"), option.WithoutAuthentication()); err != nil {
		t.Fatal(err)
	}
	w.budget = budget.Config{Store: w.bucket, Log: slog.New(slog.DiscardHandler)}
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// read is what the APIs say of the cluster.
func (w *world) read(_ context.Context, r posture.Resource, now time.Time) (*snapshot.Snapshot, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return nil, w.err
	}
	return &snapshot.Snapshot{Time: now, Resource: r, Cluster: &pb.Cluster{Name: r.Cluster}, Gaps: w.gaps}, nil
}

// Judge has checks come to what the test says; of a cluster that could not be read, to UNKNOWN.
func (w *world) Judge(_ context.Context, s *snapshot.Snapshot) (*posture.Cluster, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.judged++
	record := &posture.Cluster{Time: s.Time, Resource: s.Resource, Gaps: s.Gaps}
	for name, verdict := range w.results {
		check, pool, _ := strings.Cut(name, "/")
		r := posture.Result{Check: check, Resource: s.Resource, Verdict: verdict, Severity: posture.High}
		r.Resource.Pool = pool
		if s.Cluster == nil {
			r.Verdict = posture.Unknown
		}
		if verdict == posture.Excepted {
			r.Exception = &posture.Exception{Reason: "a test cluster", Owner: "team-a", Until: "2026-12-31"}
		}
		r.ID = posture.ID(check, r.Resource)
		record.Results = append(record.Results, r)
	}
	slices.SortFunc(record.Results, func(a, b posture.Result) int { return strings.Compare(a.ID, b.ID) })
	if w.change != nil {
		w.change(record)
	}
	return record, nil
}

// Check knows every check but one.
func (w *world) Check(_ context.Context, id string) (posture.Check, bool, error) {
	return posture.Check{ID: id, Title: id + " is so", Category: "CATEGORY_" + id, Severity: posture.High}, id != "RETIRED", nil
}

// worker is one instance of the function.
func (w *world) worker(change func(*Config)) *Worker {
	cfg := Config{
		Store: w.bucket, Read: w.read, Judge: w, Findings: scc.NewWriter(w.client, sccSource), Now: w.clock, Log: slog.New(slog.DiscardHandler),
		Budget: budget.New(w.budget),
	}
	if change != nil {
		change(&cfg)
	}
	return New(cfg)
}

// job is that of the n-th day.
func job(n int) push.Message {
	data, _, err := schedule.Job{Work: schedule.Harden, Run: day(n), Resource: shop}.Message()
	if err != nil {
		panic(err)
	}
	return push.Message{ID: fmt.Sprint(n), Data: data}
}

func day(n int) schedule.Run { return schedule.RunAt(time.Date(2026, 1, 4+n, 6, 0, 0, 0, time.UTC)) }

// on has it be the n-th day's run.
func (w *world) on(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = day(n).Time().Add(time.Minute)
}

// run does the n-th day's job with checks that come to this.
func (w *world) run(n int, results map[string]posture.Verdict) {
	w.t.Helper()
	w.on(n)
	w.results = results
	if err := w.worker(nil).Handle(w.t.Context(), job(n)); err != nil {
		w.t.Fatal(err)
	}
}

// findings are what each is about and its state.
func (w *world) findings() string {
	var all []string
	for _, f := range w.scc.Findings() {
		name := strings.TrimPrefix(f.Category, "CATEGORY_")
		if _, pool, ok := strings.Cut(f.ResourceName, "/nodePools/"); ok {
			name += "/" + pool
		}
		all = append(all, name+" "+f.State.String())
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func (w *world) expect(what, findings string, writes int) {
	w.t.Helper()
	if got := w.findings(); got != findings || w.writes != writes && writes >= 0 {
		w.t.Errorf("%s: findings %q after %d writes, want %q after %d", what, got, w.writes, findings, writes)
	}
	w.writes = 0
}
