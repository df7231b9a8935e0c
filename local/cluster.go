package local

import (
	"encoding/base64"
	"fmt"
	"os"
	"runtime"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"
	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tiercel.dev/local/caller"
	"tiercel.dev/local/gke"
	"tiercel.dev/local/kube"
	"tiercel.dev/local/sample"
)

// The cluster whose one node is this machine. Its version is made up.
const (
	Cluster  = "local"
	Location = "local"
	nodePool = "default-pool"
	version  = "1.37.0-gke.1"
)

// enricher is the account of the function that enriches alerts, and what it may do: no more than a deployment grants it.
const enricher = "tiercel-enrich@local.iam.gserviceaccount.com"

var (
	enricherMay   = caller.Permissions{enricher: {"container.clusters.list"}}
	enricherRules = map[string][]rbacv1.PolicyRule{enricher: {
		{APIGroups: []string{""}, Resources: []string{"nodes", "services"}, Verbs: []string{"get", "list"}},
		{APIGroups: []string{""}, Resources: []string{"pods"}, Verbs: []string{"get"}},
		{APIGroups: []string{"apps"}, Resources: []string{"replicasets", "deployments", "statefulsets", "daemonsets"}, Verbs: []string{"get"}},
		{APIGroups: []string{"batch"}, Resources: []string{"jobs", "cronjobs"}, Verbs: []string{"get"}},
	}}
)

// NodeName is this machine's name as a kubelet would register it.
func NodeName() (string, error) {
	name, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("name of this node: %w", err)
	}
	return strings.ToLower(strings.TrimSpace(name)), nil
}

// A ControlPlane is an API server somewhere on this machine.
type ControlPlane struct {
	Address string // host and port
	CA      []byte // PEM of who vouches for it
	Token   string // of the account by which the functions ask it
}

// A Kubernetes is a cluster: as GKE's API tells of it, and what is in it.
type Kubernetes struct {
	Cluster *containerpb.Cluster // its endpoints are set
	Objects []sample.Object
}

// startClusters serves this machine as a cluster of one node, and those of the settings: GKE's API tells of them, and their own
// APIs of what is in them.
func (c *Cloud) startClusters() error {
	name, err := NodeName()
	if err != nil {
		return err
	}
	c.gke = gke.New(gke.Config{Permissions: enricherMay})
	if p := c.cfg.ControlPlane; p != nil {
		c.token = p.Token
		return c.putCluster(thisCluster(), p.Address, p.CA)
	}
	for _, k := range append([]Kubernetes{{thisCluster(), []sample.Object{
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "default"}}, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kube-system"}},
		thisNode(name), thisDaemonSet(),
	}}}, c.cfg.Clusters...) {
		if err := c.startCluster(k); err != nil {
			return fmt.Errorf("cluster %s: %w", k.Cluster.GetName(), err)
		}
	}
	return nil
}

func (c *Cloud) startCluster(k Kubernetes) error {
	s := kube.New(kube.Config{Users: map[string]string{c.token: enricher}, Rules: enricherRules, Version: "v" + k.Cluster.GetCurrentMasterVersion()})
	for _, o := range k.Objects {
		if err := s.Put(o); err != nil {
			return err
		}
	}
	address, ca, stop, err := kube.Serve(s)
	if err != nil {
		return err
	}
	if c.kube == nil {
		c.kube = s
	}
	c.stopKube = append(c.stopKube, stop)
	return c.putCluster(k.Cluster, address, ca)
}

// putCluster has GKE tell of a cluster whose API is at an address.
func (c *Cloud) putCluster(cluster *containerpb.Cluster, address string, ca []byte) error {
	c.kubeCA = append(c.kubeCA, ca...)
	cluster = proto.CloneOf(cluster)
	cluster.Endpoint = "127.0.0.1"
	cluster.MasterAuth = &containerpb.MasterAuth{ClusterCaCertificate: base64.StdEncoding.EncodeToString(ca)}
	cluster.ControlPlaneEndpointsConfig = &containerpb.ControlPlaneEndpointsConfig{
		DnsEndpointConfig: &containerpb.ControlPlaneEndpointsConfig_DNSEndpointConfig{Endpoint: address, AllowExternalTraffic: proto.Bool(true)},
		IpEndpointsConfig: &containerpb.ControlPlaneEndpointsConfig_IPEndpointsConfig{Enabled: proto.Bool(false)},
	}
	return c.gke.PutCluster(Project, cluster)
}

func thisCluster() *containerpb.Cluster {
	return &containerpb.Cluster{
		Name: Cluster, Location: Location, Status: containerpb.Cluster_RUNNING, CurrentMasterVersion: version,
		InitialClusterVersion: version, ResourceLabels: map[string]string{"env": "local"},
		ReleaseChannel: &containerpb.ReleaseChannel{Channel: containerpb.ReleaseChannel_REGULAR},
		NodePools: []*containerpb.NodePool{{
			Name: nodePool, Version: version, InitialNodeCount: 1, Status: containerpb.NodePool_RUNNING,
			Management: &containerpb.NodeManagement{AutoUpgrade: true, AutoRepair: true},
		}},
	}
}

// daemonSet is the sensor's in the cluster, by the name that a deployment gives it: here it runs without a pod.
const daemonSet = "tiercel/tiercel-sensor"

func thisDaemonSet() *appsv1.DaemonSet {
	namespace, name, _ := strings.Cut(daemonSet, "/")
	return &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
}

// thisNode has no providerID: it is no machine of Compute Engine's.
func thisNode(name string) *corev1.Node {
	info := corev1.NodeSystemInfo{KubeletVersion: "v" + version, OperatingSystem: runtime.GOOS, Architecture: runtime.GOARCH}
	var u unix.Utsname
	if unix.Uname(&u) == nil {
		info.KernelVersion = unix.ByteSliceToString(u.Release[:])
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{
			corev1.LabelHostname: name, corev1.LabelOSStable: runtime.GOOS, corev1.LabelArchStable: runtime.GOARCH,
			corev1.LabelTopologyZone: Location, "cloud.google.com/gke-nodepool": nodePool,
		}},
		Status: corev1.NodeStatus{
			NodeInfo: info, Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
		},
	}
}
