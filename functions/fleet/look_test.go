package fleet

import (
	"crypto/x509"
	"net"
	"testing"
	"time"

	container "cloud.google.com/go/container/apiv1"
	"cloud.google.com/go/container/apiv1/containerpb"
	gocmp "github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tiercel.dev/internal/gke"
	"tiercel.dev/internal/kube"
	"tiercel.dev/local/caller"
	localgke "tiercel.dev/local/gke"
	localkube "tiercel.dev/local/kube"
)

func meta(namespace, name string, labels map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels}
}

// lookout has one cluster in project p, whose API lets us do what rules say.
func lookout(t *testing.T, rules []rbacv1.PolicyRule) *Lookout {
	t.Helper()
	k := localkube.New(localkube.Config{Users: map[string]string{"token": "us"}, Rules: map[string][]rbacv1.PolicyRule{"us": rules}, Version: "v1.37.0"})
	daemons := &appsv1.DaemonSet{ObjectMeta: meta("tiercel", "tiercel-sensor", nil)}
	daemons.Spec.Template.Spec.Tolerations = []corev1.Toleration{{Key: "gpu", Operator: corev1.TolerationOpExists}}
	plain := &corev1.Node{ObjectMeta: meta("", "n1", map[string]string{"cloud.google.com/gke-nodepool": "pool-1"})}
	plain.Spec.ProviderID = "gce://p/zone-a/n1"
	plain.Status.NodeInfo.OperatingSystem = "linux"
	plain.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	odd := &corev1.Node{ObjectMeta: meta("", "n2", map[string]string{"sandbox.gke.io/runtime": "gvisor"})}
	odd.Spec.Taints = []corev1.Taint{{Key: "sandbox.gke.io/runtime", Value: "gvisor", Effect: corev1.TaintEffectNoSchedule}}
	if err := k.Put(&corev1.Namespace{ObjectMeta: meta("", "tiercel", nil)}, daemons, plain, odd); err != nil {
		t.Fatal(err)
	}
	address, ca, stop, err := localkube.Serve(k)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop() })
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)

	g := localgke.New(localgke.Config{})
	yes := true
	if err := g.PutCluster("p", &containerpb.Cluster{Name: "c", Location: "l", CurrentMasterVersion: "1.37.0-gke.1",
		ControlPlaneEndpointsConfig: &containerpb.ControlPlaneEndpointsConfig{
			DnsEndpointConfig: &containerpb.ControlPlaneEndpointsConfig_DNSEndpointConfig{Endpoint: address, AllowExternalTraffic: &yes}},
	}); err != nil {
		t.Fatal(err)
	}
	return &Lookout{
		Projects: []string{"p"}, Clusters: serveGKE(t, g), DaemonSet: "tiercel/tiercel-sensor",
		Kube: kube.New(kube.Config{Token: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "token"}), Roots: roots}),
	}
}

func serveGKE(t *testing.T, g *localgke.Server) *gke.Clusters {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	services := grpc.NewServer()
	g.Register(services)
	go services.Serve(l)
	t.Cleanup(services.Stop)
	client, err := container.NewClusterManagerClient(t.Context(), option.WithEndpoint(l.Addr().String()), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return gke.New(client, nil)
}

var (
	mayNodes   = rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"nodes"}, Verbs: []string{"get", "list"}}
	mayDaemons = rbacv1.PolicyRule{APIGroups: []string{"apps"}, Resources: []string{"daemonsets"}, Verbs: []string{"get"}}
)

func look(t *testing.T, l *Lookout) Cluster {
	t.Helper()
	w, err := l.World(t.Context())
	if err != nil || len(w.Clusters) != 1 || w.Missing != "" {
		t.Fatalf("%+v, %v", w, err)
	}
	return w.Clusters[0]
}

func TestLook(t *testing.T) {
	c := look(t, lookout(t, []rbacv1.PolicyRule{mayNodes, mayDaemons}))
	if c.Unknown != "" || c.Lacking != "" || len(c.Nodes) != 2 || len(c.Tolerations) != 1 || c.Resource == "" {
		t.Fatalf("%+v", c)
	}
	n := c.Nodes[0]
	n.Created, n.UID, n.Version = time.Time{}, "", ""
	want := kube.Node{Name: "n1", Pool: "pool-1", Resource: "//compute.googleapis.com/projects/p/zones/zone-a/instances/n1", Ready: true, OS: "linux"}
	if d := gocmp.Diff(want, n); d != "" {
		t.Error(d)
	}
	if !c.Nodes[1].GVisor || keptAway(c.Nodes[1], c.Tolerations) == "" {
		t.Errorf("%+v", c.Nodes[1])
	}
}

// What we may not read is told, and is not an empty cluster.
func TestLookRefused(t *testing.T) {
	if c := look(t, lookout(t, nil)); c.Unknown != "list nodes: forbidden" || c.Nodes != nil {
		t.Errorf("%+v", c)
	}
	if c := look(t, lookout(t, []rbacv1.PolicyRule{mayNodes})); c.Unknown != "" || len(c.Nodes) != 2 || c.Tolerations != nil ||
		c.Lacking != "get daemonsets/tiercel/tiercel-sensor: forbidden" {
		t.Errorf("%+v", c)
	}
	l := lookout(t, []rbacv1.PolicyRule{mayNodes, mayDaemons})
	l.DaemonSet = "tiercel/other"
	if c := look(t, l); c.Unknown != "" || c.Tolerations != nil || c.Lacking == "" {
		t.Errorf("%+v", c)
	}
	l.Clusters = serveGKE(t, localgke.New(localgke.Config{Permissions: caller.Permissions{"others": {"container.clusters.list"}}}))
	w, err := l.World(t.Context())
	if err != nil || w.Missing == "" || len(w.Clusters) != 1 || w.Clusters[0].Project != "p" || w.Clusters[0].Unknown == "" {
		t.Errorf("%+v, %v", w, err)
	}
}
