package sample

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tiercel.dev/local/gke"
	"tiercel.dev/local/kube"
)

// showNodes has a cluster's API show the nodes that GKE has made by now, and those no more that it has removed: was are those of the
// last time. It is for [kube.Config]'s Before, since nodes are made while nobody looks.
func showNodes(k *kube.Server, g *gke.Server, cluster string, was []gke.Node) ([]gke.Node, error) {
	now := g.Nodes(cluster)
	names := func(nodes []gke.Node) map[string]bool {
		set := make(map[string]bool)
		for _, n := range nodes {
			set[n.Name] = true
		}
		return set
	}
	shown, there := names(was), names(now)
	for _, n := range now {
		if !shown[n.Name] {
			if err := k.Put(node(n)); err != nil {
				return was, fmt.Errorf("nodes of %s: %w", cluster, err)
			}
		}
	}
	for _, n := range was {
		if !there[n.Name] {
			if err := k.Delete(node(n)); err != nil {
				return was, fmt.Errorf("nodes of %s: %w", cluster, err)
			}
		}
	}
	return now, nil
}

// node is a machine as its kubelet registers it.
func node(n gke.Node) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: n.Name, CreationTimestamp: metav1.NewTime(n.Created), Labels: map[string]string{
			corev1.LabelHostname: n.Name, corev1.LabelTopologyZone: n.Zone, "cloud.google.com/gke-nodepool": n.Pool,
		}},
		Spec: corev1.NodeSpec{ProviderID: "gce://sample/" + n.Zone + "/" + n.Name},
		Status: corev1.NodeStatus{
			NodeInfo:   corev1.NodeSystemInfo{KubeletVersion: "v" + n.Version, OperatingSystem: "linux", Architecture: "amd64"},
			Conditions: []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}},
		},
	}
}
