package local

import (
	"encoding/base64"
	"fmt"
	"os"
	"runtime"
	"strings"

	"cloud.google.com/go/container/apiv1/containerpb"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tiercel.dev/local/caller"
	"tiercel.dev/local/gke"
	"tiercel.dev/local/kube"
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

// startCluster serves this machine as a cluster of one node: GKE's API tells of it, and its own API of the node.
func (c *Cloud) startCluster() error {
	name, err := NodeName()
	if err != nil {
		return err
	}
	c.kube = kube.New(kube.Config{Users: map[string]string{c.token: enricher}, Rules: enricherRules, Version: "v" + version})
	if err := c.kube.Put(
		&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "default"}}, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "kube-system"}},
		thisNode(name),
	); err != nil {
		return err
	}
	address, ca, stop, err := kube.Serve(c.kube)
	if err != nil {
		return err
	}
	c.stopKube, c.kubeCA = stop, ca
	c.gke = gke.New(gke.Config{Permissions: enricherMay})
	return c.gke.PutCluster(Project, thisCluster(address, ca))
}

func thisCluster(address string, ca []byte) *containerpb.Cluster {
	yes := true
	return &containerpb.Cluster{
		Name: Cluster, Location: Location, Status: containerpb.Cluster_RUNNING, CurrentMasterVersion: version,
		InitialClusterVersion: version, Endpoint: "127.0.0.1", ResourceLabels: map[string]string{"env": "local"},
		ReleaseChannel: &containerpb.ReleaseChannel{Channel: containerpb.ReleaseChannel_REGULAR},
		MasterAuth:     &containerpb.MasterAuth{ClusterCaCertificate: base64.StdEncoding.EncodeToString(ca)},
		ControlPlaneEndpointsConfig: &containerpb.ControlPlaneEndpointsConfig{
			DnsEndpointConfig: &containerpb.ControlPlaneEndpointsConfig_DNSEndpointConfig{Endpoint: address, AllowExternalTraffic: &yes},
			IpEndpointsConfig: &containerpb.ControlPlaneEndpointsConfig_IPEndpointsConfig{Enabled: new(bool)},
		},
		NodePools: []*containerpb.NodePool{{
			Name: nodePool, Version: version, InitialNodeCount: 1, Status: containerpb.NodePool_RUNNING,
			Management: &containerpb.NodeManagement{AutoUpgrade: true, AutoRepair: true},
		}},
	}
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
