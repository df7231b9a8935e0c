package enrich_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/alert"
	"tiercel.dev/functions/enrich"
)

// handled is what becomes of an alert.
func (w *world) handled(t testing.TB, e *enrich.Enricher, a *alert.Alert) *alert.Enrichment {
	t.Helper()
	if err := e.Handle(t.Context(), message(a)); err != nil {
		t.Fatal(err)
	}
	return w.last(t).Enrichment
}

func (k *fakeKube) refuse(path string, status int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.refused[path] = status
}

// expect checks why an alert is not verified, and what is missing.
func expect(t *testing.T, what string, got *alert.Enrichment, reason string, missing ...string) {
	t.Helper()
	if want := reason == ""; (got.Verification == alert.Verified) != want || !strings.Contains(got.VerificationReason, reason) {
		t.Errorf("%s: %v: %s, want %q", what, got.Verification, got.VerificationReason, reason)
	}
	if len(got.Missing) != len(missing) {
		t.Errorf("%s: missing %q, want %q", what, got.Missing, missing)
		return
	}
	for i := range missing {
		if !strings.Contains(got.Missing[i], missing[i]) {
			t.Errorf("%s: missing %q, want %q", what, got.Missing[i], missing[i])
		}
	}
}

const (
	nodePath = "/api/v1/nodes/n1"
	podPath  = "/api/v1/namespaces/shop/pods/web-1"
)

// What a sender made up is published as such.
func TestForged(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*alert.Alert)
		reason string
		kept   bool // facts of the cluster, which is real
	}{
		{"another node", func(a *alert.Alert) { a.Node.Name = "n2" }, "cluster c1 has no node n2", true},
		{"another cluster", func(a *alert.Alert) { a.Cluster.Name = "c2" }, "no such cluster: projects/p1/locations/europe-west1/clusters/c2", false},
		{"another location", func(a *alert.Alert) { a.Cluster.Location = "europe-west2" }, "no such cluster", false},
		{"somebody's own project", func(a *alert.Alert) { a.Cluster.Project = "p2" }, "project p2 is none of those that sensors run in", false},
		{"no cluster", func(a *alert.Alert) { a.Cluster = nil }, "the alert names no project", false},
		{"no node", func(a *alert.Alert) { a.Node = nil }, "the alert names no node", true},
		{"a path for a node", func(a *alert.Alert) { a.Node.Name = "../pods" }, `no node has the name "../pods"`, true},
		{"a path for a project", func(a *alert.Alert) { a.Cluster.Project = "p1/locations/x" }, "no project has the name", false},
		{"a node that the pod does not run on", func(a *alert.Alert) { a.Node.Name = "n3" }, "pod shop/web-1 runs on node n1", true},
	} {
		w := newWorld(t)
		w.kube.node("n3")
		a := acted(1)
		tt.change(a)
		got := w.handled(t, w.enricher(nil), a)
		if got.Verification != alert.Unverified || !strings.Contains(got.VerificationReason, tt.reason) {
			t.Errorf("%s: %v: %s", tt.name, got.Verification, got.VerificationReason)
		}
		if kept := got.ClusterUid != ""; kept != tt.kept {
			t.Errorf("%s: cluster %q", tt.name, got.ClusterUid)
		}
		if !strings.HasPrefix(got.NextSteps, "1. Not verified: "+tt.reason[:10]) {
			t.Errorf("%s: %s", tt.name, got.NextSteps)
		}
	}
}

// A node of the cluster's whose machine stands in another project has been made up there.
func TestForeignMachine(t *testing.T) {
	w := newWorld(t)
	w.kube.node("n1")
	w.kube.change(nodePath, "gce://p1/", "gce://p9/")
	expect(t, "foreign machine", w.handled(t, w.enricher(nil), acted(1)), "node n1 is the machine //compute.googleapis.com/projects/p9/")
}

func TestGKEFails(t *testing.T) {
	other := &pb.ListClustersResponse{Clusters: []*pb.Cluster{{Name: "other", Location: "us-east1"}}}
	for _, tt := range []struct {
		name    string
		answer  *pb.ListClustersResponse
		err     error
		reason  string
		missing []string
	}{
		{"refuses", nil, status.Error(codes.PermissionDenied, "no right"), "GKE could not tell: list clusters of p1: PermissionDenied: no right", []string{"cluster: list clusters of p1"}},
		{"has a bad day", nil, status.Error(codes.Internal, "oops\n\x1b[31m"), `Internal: oops\n\x1b[31m`, []string{`oops\n\x1b[31m`}},
		{"leaves out the region", &pb.ListClustersResponse{Clusters: other.Clusters, MissingZones: []string{"europe-west1"}}, nil, "the answer leaves out europe-west1", []string{"cluster: list"}},
		{"leaves out a zone", &pb.ListClustersResponse{Clusters: other.Clusters, MissingZones: []string{"us-east1-b", "europe-west1-c"}}, nil, "the answer leaves out europe-west1-c", []string{"cluster: list"}},
		{"leaves out another", &pb.ListClustersResponse{Clusters: other.Clusters, MissingZones: []string{"europe-west12-a"}}, nil, "no such cluster", nil},
		{"knows none", other, nil, "no such cluster", nil},
	} {
		w := newWorld(t)
		w.gke.answer, w.gke.err = tt.answer, tt.err
		expect(t, tt.name, w.handled(t, w.enricher(nil), acted(1)), tt.reason, tt.missing...)
	}
}

// Half an answer is enough for a cluster that is in it, but is not kept for long.
func TestGKEAnswersHalf(t *testing.T) {
	w := newWorld(t)
	w.gke.answer.MissingZones = []string{"europe-west1-c"}
	e := w.enricher(nil)
	expect(t, "half an answer", w.handled(t, e, acted(1)), "")
	w.later(31 * time.Second)
	expect(t, "half a minute later", w.handled(t, e, acted(2)), "")
	if w.gke.calls != 2 {
		t.Errorf("%d calls", w.gke.calls)
	}
}

// An alert waits for GKE a while and goes on without; the answer still comes to those after it.
func TestGKEIsSlow(t *testing.T) {
	w := newWorld(t)
	w.gke.wait = make(chan struct{})
	e := w.enricher(nil)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := e.Handle(ctx, message(acted(1))); err != nil {
		t.Fatal(err)
	}
	expect(t, "slow", w.last(t).Enrichment, "GKE could not tell: list clusters of p1: context deadline exceeded", "cluster: list")
	close(w.gke.wait)
	expect(t, "after it", w.handled(t, e, acted(2)), "")
	if w.gke.calls != 1 {
		t.Errorf("%d calls", w.gke.calls)
	}
}

func TestKubernetesFails(t *testing.T) {
	owners := "/apis/apps/v1/namespaces/shop/replicasets/web-5d"
	services := "/api/v1/namespaces/shop/services"
	for _, tt := range []struct {
		name    string
		change  func(*fakeKube)
		reason  string
		missing []string
	}{
		{"forbids the node", func(k *fakeKube) { k.refuse(nodePath, 403) }, "the cluster could not tell: get nodes/n1: forbidden", []string{"node: get nodes/n1: forbidden"}},
		{"forbids pods", func(k *fakeKube) { k.refuse(podPath, 403) }, "", []string{"owners: get pods/shop/web-1: forbidden", "services: get pods/shop/web-1: forbidden"}},
		{"has no such pod any more", func(k *fakeKube) { k.refuse(podPath, 404) }, "", []string{"owners: get pods/shop/web-1: not found", "services: "}},
		{"has another pod of the name", func(k *fakeKube) { k.change(podPath, "uid-1", "uid-2") }, "", []string{"owners: get pods/shop/web-1: not found: the pod of that name is another", "services: "}},
		{"forbids replica sets", func(k *fakeKube) { k.refuse(owners, 403) }, "", []string{"owners: get replicasets/shop/web-5d: forbidden"}},
		{"has another replica set of the name", func(k *fakeKube) { k.change(owners, `"uid":"rs"`, `"uid":"rs2"`) }, "", []string{"owners: get replicasets/shop/web-5d: not found: the one of that name is another"}},
		{"forbids services", func(k *fakeKube) { k.refuse(services, 403) }, "", []string{"services: list services/shop: forbidden"}},
		{"has enough", func(k *fakeKube) { k.refuse(podPath, 500) }, "", []string{"owners: get pods/shop/web-1: ", "services: "}},
		{"redirects", func(k *fakeKube) { k.refuse(podPath, http.StatusFound) }, "", []string{"owners: get pods/shop/web-1: ", "services: "}},
		{"knows us not", func(k *fakeKube) { k.token = "another" }, "could not tell: get nodes/n1: unauthorized", []string{"node: ", "owners: ", "services: "}},
		{"is not there", func(k *fakeKube) { k.server.Close() }, "could not tell: get nodes/n1: connect to 127.0.0.1: ", []string{"node: ", "owners: ", "services: "}},
	} {
		w := newWorld(t)
		tt.change(w.kube)
		expect(t, tt.name, w.handled(t, w.enricher(nil), acted(1)), tt.reason, tt.missing...)
	}
}

// A cluster that cannot be asked: the name of a node that fits one of its groups tells the pool, and does not verify it.
func TestNodeByName(t *testing.T) {
	w := newWorld(t)
	w.gke.answer.Clusters[0].Endpoint = ""
	a := acted(1)
	a.Node.Name = "gke-c1-pool-1-5e1f-x7ab"
	got := w.handled(t, w.enricher(nil), a)
	expect(t, "without an endpoint", got, "could not tell: cluster c1: the cluster has no endpoint", "node: ", "owners: ", "services: ")
	if got.NodePool != "pool-1" || got.NodeResource != "//compute.googleapis.com/projects/p1/zones/europe-west1-b/instances/gke-c1-pool-1-5e1f-x7ab" {
		t.Errorf("%s, %s", got.NodePool, got.NodeResource)
	}
}

// A slow cluster costs an alert no more than its deadline, and what was found until then stays.
func TestKubernetesIsSlow(t *testing.T) {
	const services = "/api/v1/namespaces/shop/services"
	w := newWorld(t)
	e := w.enricher(nil)
	w.kube.refuse(services, 403)
	w.handled(t, e, acted(1))
	w.later(20 * time.Second)
	w.kube.refuse(services, 0)
	w.kube.hang[services] = true
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := e.Handle(ctx, message(acted(2))); err != nil {
		t.Fatal(err)
	}
	got := w.last(t).Enrichment
	expect(t, "slow", got, "", "services: list services/shop: context deadline exceeded")
	if len(got.Owners) != 2 {
		t.Errorf("%v", got.Owners)
	}
}

func TestHostAlert(t *testing.T) {
	w := newWorld(t)
	a := acted(1)
	a.Pod, a.Container = nil, nil
	expect(t, "host", w.handled(t, w.enricher(nil), a), "")
}

// A heartbeat is verified, and asks of its pod nothing: it has none.
func TestHeartbeat(t *testing.T) {
	w := newWorld(t)
	a := &alert.Alert{Schema: alert.Schema, Kind: alert.KindHeartbeat, SensorId: "s", BootId: "b", AlertId: alert.ID("s", "b", 1), Time: alert.Time(1),
		Cluster: acted(1).Cluster, Node: &alert.Node{Name: "n1"}, Heartbeat: &alert.Heartbeat{StartTime: alert.Time(1), IntervalSeconds: 60}}
	got := w.handled(t, w.enricher(nil), a)
	expect(t, "heartbeat", got, "")
	if m := w.published[0].attributes; m["kind"] != "heartbeat" || m["node"] != "n1" || m["cluster"] != "c1" || got.NodePool != "pool-1" || got.NextSteps != "" || len(got.Links) > 0 {
		t.Errorf("%v, %v", m, got)
	}
	for seq := range 20 {
		a.Time = alert.Time(int64(seq + 1))
		w.handled(t, w.enricher(nil), a)
	}
	if n := len(w.kube.asked); n != 1 || w.gke.calls != 1 {
		t.Errorf("21 heartbeats asked the cluster %d times, and GKE %d", n, w.gke.calls)
	}
}

// Many at once ask once.
func TestManyAtOnce(t *testing.T) {
	w := newWorld(t)
	e, list, _ := judged(w, "policies:\n"+policy("other", `rule == "other"`, "mute: true"))
	var all sync.WaitGroup
	for seq := range uint64(100) {
		all.Go(func() {
			if err := e.Handle(t.Context(), message(acted(seq+1))); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if w.gke.calls != 1 || len(w.kube.asked) != 5 || len(w.published) != 100 {
		t.Errorf("%d calls to GKE, %d to the cluster: %v; %d published", w.gke.calls, len(w.kube.asked), w.kube.asked, len(w.published))
	}
	for _, p := range w.published {
		a, err := alert.Unmarshal(p.data)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, a.AlertId, a.Enrichment, "")
	}
	if list.reads != 1 {
		t.Errorf("the where list was read %d times", list.reads)
	}
}

// Answers grow old; a cluster that is not in the list may be new, but is asked for again only now and then.
func TestAnswersGrowOld(t *testing.T) {
	w := newWorld(t)
	e := w.enricher(nil)
	w.handled(t, e, acted(1))
	w.later(6 * time.Minute)
	w.handled(t, e, acted(2))
	if w.gke.calls != 2 {
		t.Errorf("%d calls", w.gke.calls)
	}
	forged := acted(3)
	for i := range 50 {
		forged.Cluster.Name = fmt.Sprint("made-up-", i)
		w.handled(t, e, forged)
	}
	if w.gke.calls != 2 {
		t.Errorf("%d calls after a flood of made-up clusters", w.gke.calls)
	}
	w.later(time.Minute)
	w.gke.answer.Clusters = append(w.gke.answer.Clusters, &pb.Cluster{Name: "made-up-49", Location: "europe-west1", Id: "new"})
	if got := w.handled(t, e, forged); got.ClusterUid != "new" || w.gke.calls != 3 {
		t.Errorf("a new cluster: %v, %d calls", got.VerificationReason, w.gke.calls)
	}
}
