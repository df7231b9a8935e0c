package kube

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"tiercel.dev/internal/gke"
)

// control is a control plane: handler behind TLS, with its authority.
func control(t testing.TB, handler http.HandlerFunc) (address string, ca []byte) {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "https://"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

// authority is somebody's who has nothing to do with it.
func authority(t testing.TB) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func serve(object any) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(object)
	}
}

func clusters(roots []byte) *Clusters {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(roots)
	return New(Config{Token: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "secret"}), Roots: pool, Timeout: time.Minute})
}

func at(e gke.Endpoints) *gke.Cluster {
	return &gke.Cluster{Project: "p", Location: "l", Name: "c", Endpoints: e}
}

func of(t testing.TB, c *Clusters, cluster *gke.Cluster) *Client {
	t.Helper()
	client, err := c.Of(cluster)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

var node = corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}}

// The first endpoint that answers serves, the DNS one before the others.
func TestEndpoints(t *testing.T) {
	address, ca := control(t, serve(node))
	otherCA := authority(t)
	gone := httptest.NewServer(nil)
	gone.Close()
	nobody := strings.TrimPrefix(gone.URL, "http://")
	for _, tt := range []struct {
		name string
		e    gke.Endpoints
		want string // the node's name, or what the error says
	}{
		{"DNS alone", gke.Endpoints{DNS: address}, "n"},
		{"DNS first", gke.Endpoints{DNS: address, Private: nobody, CA: otherCA}, "n"},
		{"private", gke.Endpoints{Private: address, CA: ca}, "n"},
		{"DNS does not answer", gke.Endpoints{DNS: nobody, Private: address, CA: ca}, "n"},
		{"private does not answer", gke.Endpoints{Private: nobody, Public: address, CA: ca}, "n"},
		{"DNS without the cluster's authority", gke.Endpoints{DNS: address, CA: otherCA}, "n"},
		{"an address that is somebody else", gke.Endpoints{Private: address, CA: otherCA}, "certificate signed by unknown authority"},
		{"none answers", gke.Endpoints{DNS: nobody, Private: nobody, CA: ca}, "connection refused"},
	} {
		got, err := of(t, clusters(ca), at(tt.e)).Node(t.Context(), "n")
		if err != nil && !strings.Contains(err.Error(), tt.want) || err == nil && got.Name != tt.want {
			t.Errorf("%s: %q, %v", tt.name, got.Name, err)
		}
	}
	_, err := of(t, clusters(otherCA), at(gke.Endpoints{DNS: address, CA: ca})).Node(t.Context(), "n")
	if err == nil || !strings.Contains(err.Error(), "certificate signed by unknown authority") {
		t.Errorf("a DNS endpoint that the cluster's own authority alone vouches for: %v", err)
	}
	for name, e := range map[string]gke.Endpoints{"none": {}, "no authority": {Private: address}} {
		if _, err := clusters(nil).Of(at(e)); !errors.Is(err, ErrUnreachable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A cluster whose authority was rotated is reached by the new one.
func TestRotation(t *testing.T) {
	address, ca := control(t, serve(node))
	c := clusters(nil)
	before := of(t, c, at(gke.Endpoints{Private: address, CA: []byte(strings.Replace(string(ca), "\n", "\n\n", 1))}))
	after := of(t, c, at(gke.Endpoints{Private: address, CA: ca}))
	if before == after || of(t, c, at(gke.Endpoints{Private: address, CA: ca})) != after {
		t.Error("the client is not the authority's")
	}
}

// The token goes to the cluster and to nobody that it names.
func TestRedirect(t *testing.T) {
	var stolen atomic.Int32
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { stolen.Add(1) }))
	t.Cleanup(thief.Close)
	address, ca := control(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			t.Errorf("no token: %v", r.Header)
		}
		http.Redirect(w, r, thief.URL+"/", http.StatusTemporaryRedirect)
	})
	_, err := of(t, clusters(nil), at(gke.Endpoints{Private: address, CA: ca})).Node(t.Context(), "n")
	if err == nil || stolen.Load() != 0 {
		t.Errorf("%v; the redirect was followed %d times", err, stolen.Load())
	}
}

// A cluster that does not answer is left alone for a while, and one that refuses is not.
func TestRest(t *testing.T) {
	var asked atomic.Int32
	var broken atomic.Bool
	address, ca := control(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if broken.Load() {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(http.StatusForbidden)
	})
	var mu sync.Mutex
	now := time.Now()
	all := New(Config{Token: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "secret"}), Timeout: time.Minute, Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}})
	c := of(t, all, at(gke.Endpoints{Private: address, CA: ca}))
	names := 0
	ask := func(n int) (err error) {
		for range n {
			names++
			if _, err = c.Node(t.Context(), fmt.Sprint("n", names)); err == nil {
				t.Fatal("a node")
			}
		}
		return err
	}
	if err := ask(20); asked.Load() != 20 || strings.Contains(err.Error(), errResting.Error()) {
		t.Fatalf("a cluster that refuses: asked %d times, %v", asked.Load(), err)
	}
	broken.Store(true)
	if err := ask(20); !strings.HasSuffix(err.Error(), errResting.Error()) {
		t.Errorf("a cluster that breaks off: %v", err)
	}
	before := asked.Load()
	broken.Store(false)
	if ask(5); asked.Load() != before {
		t.Errorf("asked %d times while it rests", asked.Load()-before)
	}
	mu.Lock()
	now = now.Add(pause)
	mu.Unlock()
	if err := ask(5); asked.Load() != before+5 || strings.Contains(err.Error(), errResting.Error()) {
		t.Errorf("after a rest: asked %d times, %v", asked.Load()-before, err)
	}
}

func TestBody(t *testing.T) {
	address, ca := control(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		line := []byte(strings.Repeat(" ", 1<<20))
		for range maxBody>>20 + 2 {
			if _, err := w.Write(line); err != nil {
				return
			}
		}
		w.Write([]byte("{}"))
	})
	c := of(t, clusters(nil), at(gke.Endpoints{Private: address, CA: ca}))
	for _, err := range c.Nodes(t.Context()) {
		if err == nil || !strings.Contains(err.Error(), "http: request body too large") {
			t.Errorf("%v", err)
		}
	}
}

// Nodes are listed by pages.
func TestNodes(t *testing.T) {
	address, ca := control(t, func(w http.ResponseWriter, r *http.Request) {
		list := corev1.NodeList{Items: []corev1.Node{{ObjectMeta: metav1.ObjectMeta{Name: "n" + r.FormValue("continue")}}}}
		switch {
		case r.FormValue("limit") != fmt.Sprint(nodesPage):
			t.Errorf("a page of %s", r.FormValue("limit"))
		case r.FormValue("continue") == "":
			list.Continue = "2"
		case r.FormValue("continue") == "2":
			list.Continue = "3"
		}
		serve(list)(w, r)
	})
	c := of(t, clusters(nil), at(gke.Endpoints{Private: address, CA: ca}))
	var got []string
	for n, err := range c.Nodes(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, n.Name)
	}
	if d := cmp.Diff([]string{"n", "n2", "n3"}, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, err := range c.Nodes(ctx) {
		if !errors.Is(err, context.Canceled) || !strings.HasPrefix(err.Error(), "list nodes: ") {
			t.Error(err)
		}
	}
}

// The chain of owners goes on through Kubernetes' own kinds, ends at others, and does not run in a circle.
func TestOwners(t *testing.T) {
	objects := map[string]metav1.ObjectMeta{
		"/apis/batch/v1/namespaces/s/jobs/j":             {UID: "j", OwnerReferences: []metav1.OwnerReference{ref("batch/v1", "CronJob", "cj")}},
		"/apis/batch/v1/namespaces/s/cronjobs/cj":        {UID: "cj"},
		"/apis/apps/v1/namespaces/s/statefulsets/sts":    {UID: "sts", OwnerReferences: []metav1.OwnerReference{ref("db.example/v1", "Database", "d")}},
		"/apis/apps/v1/namespaces/s/daemonsets/ds":       {UID: "ds"},
		"/apis/apps/v1/namespaces/s/replicasets/loop":    {UID: "loop", OwnerReferences: []metav1.OwnerReference{ref("apps/v1", "ReplicaSet", "loop")}},
		"/apis/apps/v1/namespaces/s/replicasets/rollout": {UID: "rollout", OwnerReferences: []metav1.OwnerReference{ref("argoproj.io/v1alpha1", "Rollout", "r")}},
	}
	address, ca := control(t, func(w http.ResponseWriter, r *http.Request) {
		meta, ok := objects[r.URL.Path]
		if !ok {
			t.Errorf("asked for %s", r.URL.Path)
		}
		serve(metav1.PartialObjectMetadata{ObjectMeta: meta})(w, r)
	})
	c := of(t, clusters(nil), at(gke.Endpoints{Private: address, CA: ca}))
	for _, tt := range []struct {
		version, kind, name string
		want                string
	}{
		{"batch/v1", "Job", "j", "Job j, CronJob cj"},
		{"apps/v1", "StatefulSet", "sts", "StatefulSet sts, Database d"},
		{"apps/v1", "DaemonSet", "ds", "DaemonSet ds"},
		{"apps/v1", "ReplicaSet", "rollout", "ReplicaSet rollout, Rollout r"},
		{"v1", "Node", "n1", "Node n1"}, // of a static pod
		{"apps.example/v1", "ReplicaSet", "x", "ReplicaSet x"},
		{"apps/v1", "ReplicaSet", "loop", strings.TrimSuffix(strings.Repeat("ReplicaSet loop, ", maxOwners), ", ")},
	} {
		owner := Owner{APIVersion: tt.version, Kind: tt.kind, Name: tt.name, UID: tt.name}
		chain, err := c.Owners(t.Context(), "s", Pod{owner: &owner})
		var got []string
		for _, o := range chain {
			got = append(got, o.Kind+" "+o.Name)
		}
		if d := cmp.Diff(tt.want, strings.Join(got, ", ")); d != "" || err != nil {
			t.Errorf("%s: %v; -want +got:\n%s", tt.name, err, d)
		}
	}
	if chain, err := c.Owners(t.Context(), "s", Pod{}); len(chain) != 0 || err != nil {
		t.Errorf("a pod of nobody's: %v, %v", chain, err)
	}
}

func ref(version, kind, name string) metav1.OwnerReference {
	return metav1.OwnerReference{APIVersion: version, Kind: kind, Name: name, UID: types.UID(name)}
}

// A static pod is known to its node by the hash of its file.
func TestStaticPod(t *testing.T) {
	address, ca := control(t, serve(corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "kube-proxy", UID: "mirror", Annotations: map[string]string{corev1.MirrorPodAnnotationKey: "5ca1ab1e"}},
		Spec:       corev1.PodSpec{NodeName: "n1"},
	}))
	c := of(t, clusters(nil), at(gke.Endpoints{Private: address, CA: ca}))
	if p, err := c.Pod(t.Context(), "kube-system", "kube-proxy", "5ca1ab1e"); err != nil || p.Node != "n1" {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := c.Pod(t.Context(), "kube-system", "kube-proxy", "another"); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

func TestServices(t *testing.T) {
	service := func(name string, change func(*corev1.Service)) corev1.Service {
		s := corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.ServiceSpec{Type: "ClusterIP", Selector: map[string]string{"app": "web"}}}
		change(&s)
		return s
	}
	address, ca := control(t, serve(corev1.ServiceList{Items: []corev1.Service{
		service("inside", func(s *corev1.Service) {}),
		service("balanced", func(s *corev1.Service) { s.Spec.Type = "LoadBalancer" }),
		service("port", func(s *corev1.Service) { s.Spec.Type = "NodePort" }),
		service("address", func(s *corev1.Service) { s.Spec.ExternalIPs = []string{"192.0.2.1"} }),
		service("ingress", func(s *corev1.Service) { s.Annotations = map[string]string{negStatus: "{}"} }),
		service("all", func(s *corev1.Service) { s.Spec.Selector = nil }),
		service("more", func(s *corev1.Service) { s.Spec.Selector["tier"] = "front" }),
		service("name", func(s *corev1.Service) { s.Spec.Type, s.Spec.Selector = "ExternalName", nil }),
	}}))
	c := of(t, clusters(nil), at(gke.Endpoints{Private: address, CA: ca}))
	services, err := c.Services(t.Context(), "s", map[string]string{"app": "web", "x": "y"})
	var got []string
	for _, s := range services {
		got = append(got, fmt.Sprint(s.Name, " ", s.External))
	}
	if d := cmp.Diff([]string{"inside false", "balanced true", "port true", "address true", "ingress true"}, got); d != "" || err != nil {
		t.Errorf("%v; -want +got:\n%s", err, d)
	}
}
