package upgrade

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	container "cloud.google.com/go/container/apiv1"
	pb "cloud.google.com/go/container/apiv1/containerpb"
	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"tiercel.dev/alert"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
	"tiercel.dev/local/clock"
	"tiercel.dev/local/gke"
	"tiercel.dev/local/loopback"
)

// A world is a GKE with one cluster, and what a worker does to it and tells of it.
type world struct {
	t        testing.TB
	gke      *gke.Server
	client   *container.ClusterManagerClient
	clock    *clock.Clock
	store    *memory
	mu       sync.Mutex
	steps    int // calls so far, of all that the worker calls
	crash    int // the step at which the process dies; 0 for never
	alerts   map[string]string
	notices  map[string]posture.Notice
	findings map[string]*sccpb.Finding
	denied   []string // methods that GKE refuses
	fail     error    // what operations end with
}

func newWorld(t testing.TB, c *pb.Cluster) *world {
	t.Helper()
	w := &world{
		t: t, clock: clock.New(now), store: newMemory(), alerts: map[string]string{}, notices: map[string]posture.Notice{}, findings: map[string]*sccpb.Finding{},
	}
	w.store.hook = w.step
	hook := func(_ context.Context, method, _ string) error {
		if slices.Contains(w.denied, method) {
			return status.Error(codes.PermissionDenied, "Required permission.")
		}
		if w.step() != nil {
			return status.Error(codes.Internal, "crashed")
		}
		return nil
	}
	w.gke = gke.New(gke.Config{Now: w.clock.Now, Before: hook, After: hook, Fail: func(*pb.Operation) error { return w.fail }})
	if err := w.gke.PutCluster("acme", c); err != nil {
		t.Fatal(err)
	}
	w.gke.PutServerConfig("projects/acme/locations/europe-west1", healthy().ServerConfig)
	var err error
	w.client, err = container.NewClusterManagerClient(t.Context(), loopback.Serve(t, w.gke)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.client.Close() })
	return w
}

// step counts a call, and fails it if the process is dead.
func (w *world) step() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.steps++; w.crash > 0 && w.steps >= w.crash {
		return errCrash
	}
	return nil
}

// alive has the next process live until a step from now; 0 for ever.
func (w *world) alive(until int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.steps, w.crash = 0, until
}

func (w *world) allow(text string) {
	w.t.Helper()
	if _, err := LoadGrants("policy.yaml", []byte(text)); err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.store.put("policy.yaml", []byte(text), nil, w.store.objects["policy.yaml"].Generation); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) worker() *Worker {
	return NewWorker(Config{
		Store: w.store, GKE: snapshot.GKE{Client: w.client}, Hands: w.client, Policy: "policy.yaml", Findings: w, Now: w.clock.Now,
		Log: slog.New(slog.DiscardHandler),
		Publish: func(_ context.Context, data []byte, _ map[string]string) error {
			if err := w.step(); err != nil {
				return err
			}
			a, err := alert.Unmarshal(data)
			if err != nil {
				return err
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.alerts[a.AlertId] = a.GetRule().GetName()
			return alert.Validate(a)
		},
		Notify: func(_ context.Context, n posture.Notice) error {
			if err := w.step(); err != nil {
				return err
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.notices[n.Key] = n
			return nil
		},
	})
}

// Create makes the world what findings are written to.
func (w *world) Create(_ context.Context, id string, f *sccpb.Finding) error {
	if err := w.step(); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.findings[id] = f
	return nil
}

// active are the rules of the findings that are.
func (w *world) active() (all []string) {
	for _, f := range w.findings {
		if f.State == sccpb.Finding_ACTIVE {
			all = append(all, f.SourceProperties["rule"].GetStringValue())
		}
	}
	slices.Sort(all)
	return all
}

// told are the rules of what was told, each alert once.
func (w *world) told() (all []string) {
	for _, rule := range w.alerts {
		all = append(all, rule)
	}
	slices.Sort(all)
	return all
}

var shop = healthy().Resource

func (w *world) record() *Record {
	w.t.Helper()
	r := new(Record)
	if err := json.Unmarshal(w.store.objects[Name(shop)].Data, r); err != nil {
		w.t.Fatal(err)
	}
	return r
}

// operations are those that GKE has had, as "type target".
func (w *world) operations() (all []*pb.Operation) {
	w.t.Helper()
	w.alive(0)
	answer, err := w.gke.ListOperations(w.t.Context(), &pb.ListOperationsRequest{Parent: "projects/acme/locations/europe-west1"})
	if err != nil {
		w.t.Fatal(err)
	}
	return answer.GetOperations()
}

func (w *world) cluster() *pb.Cluster {
	w.t.Helper()
	w.alive(0)
	c, err := w.gke.GetCluster(w.t.Context(), &pb.GetClusterRequest{Name: shop.ClusterName()})
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

const allowAll = "clusters:\n- match: projects/acme/locations/*/clusters/*\n  allow: [auto-upgrade, auto-repair, pool-upgrade, control-plane-patch]\n"

// laggingWorld is one whose pool has an upgrade to come.
func laggingWorld(t testing.TB) *world {
	w := newWorld(t, lagging().Cluster)
	w.gke.PutUpgradeInfo(shop.ClusterName(), healthy().Upgrade)
	w.gke.PutNodePoolUpgradeInfo(shop.ClusterName()+"/nodePools/default-pool", lagging().PoolUpgrades["default-pool"])
	return w
}

// Without a policy nothing is done.
func TestAdvisesOnly(t *testing.T) {
	w := laggingWorld(t)
	for range 3 {
		if err := w.worker().Handle(t.Context(), shop); err != nil {
			t.Fatal(err)
		}
		w.clock.Advance(time.Hour)
	}
	r := w.record()
	if len(w.operations()) > 0 || r.Doing != nil || len(r.Actions) != 1 || r.Actions[0].Doing != "" || len(w.alerts) > 0 {
		t.Errorf("%v, %+v", w.operations(), r)
	}
	// Whoever reads the record as what it shows needs to know nothing of the rest.
	var shown posture.Upgrade
	if err := json.Unmarshal(w.store.objects["upgrade/acme/europe-west1/shop.json"].Data, &shown); err != nil || shown.Control.Current == "" {
		t.Errorf("%v, %+v", err, shown)
	}
}

// However a worker dies, the pool is upgraded once, and all is told of in the end.
func TestCrashes(t *testing.T) {
	for crash := 1; ; crash++ {
		w := laggingWorld(t)
		w.allow(allowAll)
		w.alive(crash)
		died := w.worker().Handle(t.Context(), shop) != nil || w.steps >= crash
		w.alive(0)
		for range 40 {
			w.clock.Advance(time.Minute)
			if err := w.worker().Handle(t.Context(), shop); err != nil {
				t.Fatalf("after a crash at step %d: %v", crash, err)
			}
		}
		r := w.record()
		if n := len(w.operations()); n != 1 || r.Doing != nil || len(r.Done) != 1 || r.Done[0].Error != "" || r.Done[0].Operation == "" {
			t.Fatalf("after a crash at step %d: %d operations, %+v", crash, n, r)
		}
		if v := w.cluster().NodePools[0].Version; v != "1.33.4-gke.1000" {
			t.Fatalf("after a crash at step %d: pool at %s", crash, v)
		}
		if told := w.told(); !slices.Contains(told, string(Acting)) || len(told) > 2 || len(w.notices) != len(told) || len(w.active()) > 0 {
			t.Fatalf("after a crash at step %d: told %v, %d notices, active %v", crash, told, len(w.notices), w.active())
		}
		if !died {
			if crash < 15 {
				t.Errorf("%d steps", crash)
			}
			return
		}
	}
}

// Whatever dies and whoever works beside, each thing is done once, in a window, and in the end all are done.
func TestFaults(t *testing.T) {
	for seed := range uint64(3) {
		random := rand.New(rand.NewPCG(seed, 7))
		s := lagging()
		s.Cluster.ReleaseChannel = nil // where automatic upgrades can be off
		s.Cluster.NodePools[0].Management = nil
		s.Cluster.NodePools = append(s.Cluster.NodePools, &pb.NodePool{
			Name: "gpu", Version: "1.33.3-gke.1000", InitialNodeCount: 2, Status: pb.NodePool_RUNNING, Management: &pb.NodeManagement{AutoRepair: true},
		})
		window(s).Policy = dailyAt("14:00", "PT6H0M0S").Policy
		w := newWorld(t, s.Cluster)
		info := proto.CloneOf(s.Upgrade)
		info.PatchTargetVersion = proto.String("1.33.5-gke.1100")
		w.gke.PutUpgradeInfo(shop.ClusterName(), info)
		for _, pool := range []string{"default-pool", "gpu"} {
			w.gke.PutNodePoolUpgradeInfo(shop.ClusterName()+"/nodePools/"+pool, &pb.NodePoolUpgradeInfo{PatchTargetVersion: proto.String("1.33.5-gke.1100")})
		}
		w.allow(allowAll)
		for range 150 {
			until := 0
			if random.IntN(2) == 0 {
				until = 1 + random.IntN(30)
			}
			w.alive(until)
			var group sync.WaitGroup
			for range 1 + random.IntN(2) {
				group.Go(func() { w.worker().Handle(t.Context(), shop) }) // whose errors are the crash's, or another's being first
			}
			group.Wait()
			w.clock.Advance(time.Duration(1+random.IntN(600)) * time.Second)
		}
		seen := map[string]bool{}
		for _, o := range w.operations() {
			what := fmt.Sprintf("%s %s", o.OperationType, o.TargetLink[strings.LastIndexByte(o.TargetLink, '/')+1:])
			// Two switches of one pool are two operations.
			if seen[what] && o.OperationType != pb.Operation_SET_NODE_POOL_MANAGEMENT {
				t.Errorf("seed %d: twice: %s", seed, what)
			}
			seen[what] = true
			if begun := at(o.StartTime); begun.Hour() < 14 || begun.Hour() >= 20 {
				t.Errorf("seed %d: %s began at %s", seed, what, o.StartTime)
			}
		}
		c := w.cluster()
		for _, p := range c.NodePools {
			if p.Version != "1.33.5-gke.1100" || !p.Management.GetAutoUpgrade() || !p.Management.GetAutoRepair() {
				t.Errorf("seed %d: %v", seed, p)
			}
		}
		if c.CurrentMasterVersion != "1.33.5-gke.1100" || len(seen) != 5 {
			t.Errorf("seed %d: control plane at %s; %v", seed, c.CurrentMasterVersion, seen)
		}
	}
}

// handle has a worker look once, some time later.
func (w *world) handle(later time.Duration, denied ...string) *Record {
	w.t.Helper()
	w.denied = denied
	w.clock.Advance(later)
	if err := w.worker().Handle(w.t.Context(), shop); err != nil {
		w.t.Fatal(err)
	}
	return w.record()
}

// An operation that fails is told of, and not asked for again until there is another version to go to.
func TestFailure(t *testing.T) {
	w := laggingWorld(t)
	w.allow(allowAll)
	w.fail = errors.New("no machines to be had")
	for range 60 {
		w.handle(time.Hour)
	}
	r := w.record()
	if len(w.operations()) != 1 || len(r.Done) != 1 || !strings.Contains(r.Done[0].Error, "no machines") || !strings.Contains(r.Actions[0].Doing, "a person has to") {
		t.Errorf("%v, %+v", w.operations(), r)
	}
	if d := w.active(); len(d) != 1 || d[0] != string(Failed) {
		t.Errorf("active: %v", d)
	}
	w.fail = nil
	w.gke.PutNodePoolUpgradeInfo(shop.ClusterName()+"/nodePools/default-pool", &pb.NodePoolUpgradeInfo{PatchTargetVersion: proto.String("1.33.3-gke.1500")})
	for range 3 {
		w.handle(time.Hour)
	}
	if v := w.cluster().NodePools[0].Version; v != "1.33.3-gke.1500" || len(w.active()) != 0 {
		t.Errorf("at %s, active %v", v, w.active())
	}
}

// What GKE refuses now it may do at another time.
func TestRefusal(t *testing.T) {
	w := laggingWorld(t)
	w.allow(allowAll)
	r := w.handle(time.Minute, "UpdateNodePool")
	if r.Doing != nil || len(r.Done) > 0 || !strings.Contains(r.Actions[0].Doing, "GKE refused it") || len(r.Gaps) == 0 || r.Gaps[len(r.Gaps)-1].Permission != "container.clusters.update" {
		t.Errorf("without the permission: %+v", r)
	}
	if r = w.handle(time.Minute); r.Doing == nil {
		t.Errorf("with it: %+v", r)
	}
}

// Who may not read is told what is missing; what was told of before stays as it was.
func TestPermissionRemoved(t *testing.T) {
	w := laggingWorld(t)
	info := proto.CloneOf(healthy().Upgrade)
	info.EndOfStandardSupportTimestamp = proto.String("2026-12-10T00:00:00Z")
	w.gke.PutUpgradeInfo(shop.ClusterName(), info)
	w.handle(time.Hour)
	if d := w.active(); len(d) != 1 || d[0] != string(Support) {
		t.Fatalf("active: %v", d)
	}
	for _, method := range []string{"FetchClusterUpgradeInfo", "GetCluster"} {
		r := w.handle(time.Hour, method)
		if len(r.Gaps) == 0 || r.Gaps[0].Call != method || r.Gaps[0].Permission == "" || !r.Lines[0].Unknown || r.Control.Auto != "unknown" {
			t.Errorf("without %s: %+v", method, r)
		}
		if len(w.active()) != 1 || len(w.alerts) != 1 {
			t.Errorf("without %s: %v, %v", method, w.active(), w.alerts)
		}
	}
	info.EndOfStandardSupportTimestamp = proto.String("2027-12-10T00:00:00Z")
	w.gke.PutUpgradeInfo(shop.ClusterName(), info)
	if r := w.handle(time.Hour); len(w.active()) != 0 || len(w.findings) != 1 || r.Lines[0].Ended.IsZero() {
		t.Errorf("over: %v, %+v", w.findings, r.Lines[0])
	}
}

// A cluster that is no more leaves nothing behind, and no finding active.
func TestGone(t *testing.T) {
	w := laggingWorld(t)
	info := proto.CloneOf(healthy().Upgrade)
	info.EndOfStandardSupportTimestamp = proto.String("2026-12-10T00:00:00Z")
	w.gke.PutUpgradeInfo(shop.ClusterName(), info)
	if err := w.worker().Handle(t.Context(), shop); err != nil || len(w.active()) != 1 {
		t.Fatalf("%v, %v", err, w.active())
	}
	w.gke.RemoveCluster(shop.ClusterName())
	for range 2 {
		if err := w.worker().Handle(t.Context(), shop); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.active()) != 0 || len(w.findings) != 1 || len(w.store.objects) != 0 {
		t.Errorf("%v, %v", w.findings, w.store.objects)
	}
}

// From a notification to what people are told, and its end once it is followed; a second delivery tells nothing new.
func TestBulletinIsToldAtOnce(t *testing.T) {
	w := laggingWorld(t)
	worker := w.worker()
	in := &Intake{
		Store: w.store, Look: worker.Handle, Now: w.clock.Now, Log: slog.New(slog.DiscardHandler),
		Find: func(context.Context, string, string, string) (posture.Resource, error) { return shop, nil },
	}
	for range 2 {
		if err := in.Take(t.Context(), message("SecurityBulletinEvent", bulletinPayload)); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.alerts) != 1 || len(w.notices) != 1 || len(w.active()) != 1 {
		t.Fatalf("%v, %v, %v", w.alerts, w.notices, w.active())
	}
	for _, n := range w.notices {
		if !strings.Contains(n.Text, "GCP-2026-061") || len(n.Commands) == 0 || n.Severity != posture.High {
			t.Errorf("%+v", n)
		}
	}
	c := w.cluster()
	c.CurrentMasterVersion = "1.33.5-gke.1100"
	if err := w.gke.PutCluster("acme", c); err != nil {
		t.Fatal(err)
	}
	if err := worker.Handle(t.Context(), shop); err != nil {
		t.Fatal(err)
	}
	if len(w.active()) != 0 || len(w.alerts) != 1 {
		t.Errorf("followed: %v, %v", w.active(), w.alerts)
	}
}
