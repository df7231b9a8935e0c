package kube

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A Node is what is kept of one.
type Node struct {
	Name, UID string
	Pool      string // its node pool
	Version   string // GKE's: "1.33.4-gke.1036000"
	Resource  string // its virtual machine, as a full resource name; empty where the cluster does not tell
	Created   time.Time
	Ready     bool
	OS        string // "linux", "windows"
	GVisor    bool   // it runs pods in GKE Sandbox
	Taints    []corev1.Taint
}

// Node returns a node by name, as it was at most half an hour ago.
func (c *Client) Node(ctx context.Context, name string) (Node, error) {
	return get(ctx, c, c.all.nodes, "get", "nodes/"+name, "", func(ctx context.Context) (Node, error) {
		n, err := c.core.Nodes().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return Node{}, err
		}
		return NodeOf(n), nil
	})
}

// nodesPage keeps a page below maxBody: nodes of GKE have some 15 KB each.
const nodesPage = 200

// Nodes yields all nodes as they are now. An error ends it.
func (c *Client) Nodes(ctx context.Context) iter.Seq2[Node, error] {
	return func(yield func(Node, error) bool) {
		for next := ""; ; {
			page, err := c.core.Nodes().List(quiet(ctx), metav1.ListOptions{Limit: nodesPage, Continue: next})
			if err != nil {
				yield(Node{}, fmt.Errorf("list nodes: %w", plain(err)))
				return
			}
			for i := range page.Items {
				if !yield(NodeOf(&page.Items[i]), nil) {
					return
				}
			}
			if next = page.Continue; next == "" {
				return
			}
		}
	}
}

// Labels that GKE sets: on each node, and on those of GKE Sandbox.
// https://cloud.google.com/kubernetes-engine/docs/how-to/sandbox-pods
const (
	poolLabel    = "cloud.google.com/gke-nodepool"
	sandboxLabel = "sandbox.gke.io/runtime"
)

func NodeOf(n *corev1.Node) Node {
	ready := slices.ContainsFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
	return Node{
		Name: n.Name, UID: string(n.UID), Pool: n.Labels[poolLabel], Version: strings.TrimPrefix(n.Status.NodeInfo.KubeletVersion, "v"),
		Resource: instance(n.Spec.ProviderID), Created: n.CreationTimestamp.Time,
		Ready: ready, OS: n.Status.NodeInfo.OperatingSystem, GVisor: n.Labels[sandboxLabel] == "gvisor", Taints: n.Spec.Taints,
	}
}

// instance makes a full resource name of gce://PROJECT/ZONE/NAME.
func instance(providerID string) string {
	path, ok := strings.CutPrefix(providerID, "gce://")
	parts := strings.Split(path, "/")
	if !ok || len(parts) != 3 {
		return ""
	}
	return "//compute.googleapis.com/projects/" + parts[0] + "/zones/" + parts[1] + "/instances/" + parts[2]
}
