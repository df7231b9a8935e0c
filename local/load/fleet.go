package load

import (
	"fmt"
	"time"

	"cloud.google.com/go/container/apiv1/containerpb"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tiercel.dev/internal/event"
	"tiercel.dev/local"
	"tiercel.dev/local/sample"
)

const (
	version  = "1.37.0-gke.1"
	location = "europe-west1"
	pool     = "default-pool"
)

func clusterName(i int) string { return fmt.Sprintf("prod-%02d", i) }

// nodeName is as GKE forms them.
func nodeName(i int) string { return fmt.Sprintf("gke-prod-%s-%08x-%04x", pool, i/1000, i%1000) }

// A pod of the workload that acts are of runs on each node.
func podName(of *event.Pod, node int) string { return fmt.Sprintf("%s-%05d", replicaSet(of), node) }

func replicaSet(of *event.Pod) string { return of.WorkloadName + "-5d4f8c7b9" }

// clusters are those of the fleet: node i is in cluster i modulo their number.
func clusters(cfg Config, of *event.Pod, now time.Time) []local.Kubernetes {
	all := make([]local.Kubernetes, cfg.Clusters)
	made := metav1.NewTime(now.Add(-time.Hour))
	labels := map[string]string{"app": of.WorkloadName}
	for i := range all {
		all[i].Cluster = &containerpb.Cluster{
			Name: clusterName(i), Location: location, Status: containerpb.Cluster_RUNNING, CurrentMasterVersion: version,
			InitialClusterVersion: version, ReleaseChannel: &containerpb.ReleaseChannel{Channel: containerpb.ReleaseChannel_REGULAR},
			NodePools: []*containerpb.NodePool{{
				Name: pool, Version: version, Status: containerpb.NodePool_RUNNING,
				Management: &containerpb.NodeManagement{AutoUpgrade: true, AutoRepair: true},
			}},
		}
		controlled := func(kind, name string) []metav1.OwnerReference {
			yes := true
			return []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: kind, Name: name, UID: "1", Controller: &yes}}
		}
		all[i].Objects = []sample.Object{
			&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: of.Namespace}},
			&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: of.Namespace, Name: of.WorkloadName}},
			&appsv1.ReplicaSet{ObjectMeta: metav1.ObjectMeta{
				Namespace: of.Namespace, Name: replicaSet(of), OwnerReferences: controlled("Deployment", of.WorkloadName),
			}},
			&corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: of.Namespace, Name: of.WorkloadName}, Spec: corev1.ServiceSpec{Selector: labels}},
		}
		for n := i; n < cfg.Nodes; n += cfg.Clusters {
			all[i].Objects = append(all[i].Objects, machine(n, made), &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{
					Namespace: of.Namespace, Name: podName(of, n), Labels: labels, CreationTimestamp: made,
					OwnerReferences: controlled("ReplicaSet", replicaSet(of)),
				},
				Spec: corev1.PodSpec{NodeName: nodeName(n)},
			})
		}
	}
	return all
}

// machine is a node as the API server shows it, of some 15 KB, most of which are the images that it has.
func machine(n int, made metav1.Time) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: nodeName(n), CreationTimestamp: made, Labels: map[string]string{
			corev1.LabelHostname: nodeName(n), corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64",
			corev1.LabelTopologyZone: location + "-b", "cloud.google.com/gke-nodepool": pool,
		}},
		Spec: corev1.NodeSpec{ProviderID: fmt.Sprintf("gce://%s/%s-b/%s", local.Project, location, nodeName(n))},
		Status: corev1.NodeStatus{
			NodeInfo:   corev1.NodeSystemInfo{KubeletVersion: "v" + version, OperatingSystem: "linux", Architecture: "amd64"},
			Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
			Images:     images,
		},
	}
}

// images are as many as a kubelet names.
var images = func() (all []corev1.ContainerImage) {
	for i := range 50 {
		all = append(all, corev1.ContainerImage{SizeBytes: 30 << 20, Names: []string{
			fmt.Sprintf("europe-docker.pkg.dev/example-production/images/service-%02d@sha256:%064x", i, i*7919),
			fmt.Sprintf("europe-docker.pkg.dev/example-production/images/service-%02d:v1.%d.0", i, i),
		}})
	}
	return all
}()
