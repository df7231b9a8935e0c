package enrich_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	container "cloud.google.com/go/container/apiv1"
	pb "cloud.google.com/go/container/apiv1/containerpb"
	"golang.org/x/oauth2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"tiercel.dev/alert"
	"tiercel.dev/functions/enrich"
	"tiercel.dev/internal/gke"
	"tiercel.dev/internal/kube"
	"tiercel.dev/internal/push"
)

// patience is how long a cluster may take in tests: the machine may be slow.
const patience = time.Minute

// world is a GKE API with one cluster, that cluster's Kubernetes API, and a topic, spoken to by the clients that run in the cloud.
type world struct {
	gke      *fakeGKE
	kube     *fakeKube
	clusters *gke.Clusters
	kubes    *kube.Clusters

	mu        sync.Mutex
	now       time.Time
	published []published
	refuse    error // of the topic
}

type published struct {
	data       []byte
	attributes map[string]string
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{kube: newKube(t), gke: new(fakeGKE), now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	w.gke.answer = &pb.ListClustersResponse{Clusters: []*pb.Cluster{w.kube.cluster()}}
	w.clusters = gke.New(w.gke.client(t), w.clock)
	w.kubes = kube.New(kube.Config{Token: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "secret"}), Timeout: patience, Now: w.clock})
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

func (w *world) publish(_ context.Context, data []byte, attributes map[string]string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refuse != nil {
		return w.refuse
	}
	w.published = append(w.published, published{data, attributes})
	return nil
}

// enricher is one instance of the function.
func (w *world) enricher(change func(*enrich.Config)) *enrich.Enricher {
	cfg := enrich.Config{
		Projects: []string{"p1"}, Clusters: w.clusters, Kube: w.kubes, Publish: w.publish, Now: w.clock, Log: slog.New(slog.DiscardHandler),
	}
	if change != nil {
		change(&cfg)
	}
	return enrich.New(cfg)
}

// last is what was published last.
func (w *world) last(t testing.TB) *alert.Alert {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.published) == 0 {
		t.Fatal("nothing was published")
	}
	a, err := alert.Unmarshal(w.published[len(w.published)-1].data)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// fakeGKE answers every list with the same, or fails.
type fakeGKE struct {
	pb.UnimplementedClusterManagerServer
	mu     sync.Mutex
	answer *pb.ListClustersResponse
	err    error
	wait   chan struct{} // if not nil, answers come once it is closed
	calls  int
}

func (g *fakeGKE) ListClusters(ctx context.Context, r *pb.ListClustersRequest) (*pb.ListClustersResponse, error) {
	g.mu.Lock()
	g.calls++
	answer, err, wait := g.answer, g.err, g.wait
	g.mu.Unlock()
	if wait != nil {
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if r.Parent != "projects/p1/locations/-" {
		return new(pb.ListClustersResponse), nil
	}
	return answer, err
}

func (g *fakeGKE) client(t testing.TB) *container.ClusterManagerClient {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterClusterManagerServer(server, g)
	go server.Serve(l)
	t.Cleanup(server.Stop)
	client, err := container.NewClusterManagerClient(t.Context(), option.WithEndpoint(l.Addr().String()), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

// fakeKube serves the objects put into it by their paths, to whoever has the token.
type fakeKube struct {
	server  *httptest.Server
	mu      sync.Mutex
	objects map[string]any
	refused map[string]int // by path: the status
	hang    map[string]bool
	changes map[string][2]string // by path: what is put in the place of what
	token   string
	over    chan struct{} // closed at the end, for what hangs
	asked   []string
}

func newKube(t testing.TB) *fakeKube {
	k := &fakeKube{objects: map[string]any{}, refused: map[string]int{}, hang: map[string]bool{}, changes: map[string][2]string{}, token: "secret", over: make(chan struct{})}
	k.server = httptest.NewUnstartedServer(k)
	k.server.EnableHTTP2 = true
	k.server.StartTLS()
	t.Cleanup(func() { close(k.over); k.server.Close() })
	k.node("n1")
	k.pod("web-1", "n1", metav1.OwnerReference{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web-5d", UID: "rs"})
	k.owner("apps/v1", "replicasets", "web-5d", "rs", metav1.OwnerReference{APIVersion: "apps/v1", Kind: "Deployment", Name: "web", UID: "dep"})
	k.owner("apps/v1", "deployments", "web", "dep")
	k.put("/api/v1/namespaces/shop/services", corev1.ServiceList{Items: []corev1.Service{
		{ObjectMeta: metav1.ObjectMeta{Name: "front"}, Spec: corev1.ServiceSpec{Type: "LoadBalancer", Selector: map[string]string{"app": "web"}}},
		{ObjectMeta: metav1.ObjectMeta{Name: "other"}, Spec: corev1.ServiceSpec{Type: "ClusterIP", Selector: map[string]string{"app": "db"}}},
	}})
	return k
}

func (k *fakeKube) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	k.asked = append(k.asked, r.URL.Path)
	object, refused, hang := k.objects[r.URL.Path], k.refused[r.URL.Path], k.hang[r.URL.Path]
	change, token := k.changes[r.URL.Path], k.token
	k.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	if change == [2]string{} {
		change = [2]string{"\x00", "\x00"}
	}
	switch {
	case hang:
		select {
		case <-r.Context().Done():
		case <-k.over:
		}
		return
	case r.Header.Get("Authorization") != "Bearer "+token:
		refused = http.StatusUnauthorized
	case refused == 0 && object == nil:
		refused = http.StatusNotFound
	}
	if refused != 0 {
		reasons := map[int]metav1.StatusReason{401: metav1.StatusReasonUnauthorized, 403: metav1.StatusReasonForbidden, 404: metav1.StatusReasonNotFound}
		w.WriteHeader(refused)
		object = metav1.Status{TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Code: int32(refused), Reason: reasons[refused]}
	}
	data, _ := json.Marshal(object)
	w.Write(bytes.ReplaceAll(data, []byte(change[0]), []byte(change[1])))
}

// change has an object served with one text in the place of another.
func (k *fakeKube) change(path, old, new string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.changes[path] = [2]string{old, new}
}

func (k *fakeKube) put(path string, object any) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.objects[path] = object
}

func (k *fakeKube) node(name string) {
	k.put("/api/v1/nodes/"+name, corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{"cloud.google.com/gke-nodepool": "pool-1"}},
		Spec:       corev1.NodeSpec{ProviderID: "gce://p1/europe-west1-b/" + name},
		Status:     corev1.NodeStatus{NodeInfo: corev1.NodeSystemInfo{KubeletVersion: "v1.33.4-gke.1036000"}},
	})
}

func (k *fakeKube) pod(name, node string, owners ...metav1.OwnerReference) {
	k.put("/api/v1/namespaces/shop/pods/"+name, corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "shop", UID: "uid-1", Labels: map[string]string{"app": "web"}, OwnerReferences: owners},
		Spec:       corev1.PodSpec{NodeName: node},
	})
}

func (k *fakeKube) owner(version, kinds, name string, uid types.UID, owners ...metav1.OwnerReference) {
	k.put("/apis/"+version+"/namespaces/shop/"+kinds+"/"+name, metav1.PartialObjectMetadata{
		ObjectMeta: metav1.ObjectMeta{Name: name, UID: uid, OwnerReferences: owners},
	})
}

// cluster is as GKE tells of it.
func (k *fakeKube) cluster() *pb.Cluster {
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: k.server.Certificate().Raw})
	return &pb.Cluster{
		Name: "c1", Location: "europe-west1", Id: "abc", ResourceLabels: map[string]string{"env": "prod", "app": "x"},
		ReleaseChannel: &pb.ReleaseChannel{Channel: pb.ReleaseChannel_REGULAR}, CurrentMasterVersion: "1.33.5-gke.1080000",
		Endpoint:   strings.TrimPrefix(k.server.URL, "https://"),
		MasterAuth: &pb.MasterAuth{ClusterCaCertificate: base64.StdEncoding.EncodeToString(ca)},
		NodePools: []*pb.NodePool{{Name: "pool-1", Version: "1.33.4-gke.1036000", InstanceGroupUrls: []string{
			"https://www.googleapis.com/compute/v1/projects/p1/zones/europe-west1-b/instanceGroupManagers/gke-c1-pool-1-5e1f-grp",
		}}},
	}
}

// acted is the alert of a sensor's seq-th.
func acted(seq uint64) *alert.Alert {
	a := &alert.Alert{
		Schema: alert.Schema, Kind: alert.KindAlert, SensorId: "s", BootId: "b", Seq: seq, Severity: alert.High,
		AlertId: alert.ID("s", "b", seq), Time: alert.Time(time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC).UnixNano()),
		Rule:    &alert.Rule{Name: "terminal_shell_in_container", Title: "A rule"},
		Cluster: &alert.Cluster{Project: "p1", Location: "europe-west1", Name: "c1"}, Node: &alert.Node{Name: "n1"},
		Container: &alert.Container{Id: "cafe", Name: "app"},
		Pod:       &alert.Pod{Namespace: "shop", Name: "web-1", Uid: "uid-1"}, Process: &alert.Process{Pid: 1, Name: "sh"},
	}
	a.Identity = alert.Identity(a)
	return a
}

func message(a *alert.Alert) push.Message {
	data, err := alert.Marshal(a, alert.EncodingJSON)
	if err != nil {
		panic(err)
	}
	return push.Message{ID: a.AlertId, Data: data}
}
