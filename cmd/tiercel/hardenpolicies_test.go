package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
	"tiercel.dev/sensor/node"
)

// withoutPolicy is a cluster with a namespace that no policy is for.
func withoutPolicy(cluster, namespace string) *snapshot.Snapshot {
	return &snapshot.Snapshot{
		Resource: posture.Resource{Project: "acme", Location: "l", Cluster: cluster}, Cluster: &pb.Cluster{},
		Kubernetes: &snapshot.Kubernetes{
			Namespaces: []corev1.Namespace{{ObjectMeta: metav1.ObjectMeta{Name: namespace}}},
			Workloads: []snapshot.Workload{{Namespace: namespace, Kind: "Deployment", Name: "web",
				Templates: []snapshot.Template{{Spec: &corev1.PodSpec{}, Pods: 2, Labels: map[string]string{"app": "web"}}}}},
			NetworkPolicies: []networkingv1.NetworkPolicy{}, CustomPolicies: []snapshot.CustomPolicy{}, Services: []corev1.Service{},
		},
	}
}

func TestWritePolicies(t *testing.T) {
	dir := t.TempDir()
	if err := writePolicies(dir, withoutPolicy("shop", "team-a")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"team-a-allow.yaml", "team-a-default-deny.yaml"} {
		text, err := os.ReadFile(filepath.Join(dir, "acme/l/shop", name))
		if err != nil || !strings.Contains(string(text), "kind: NetworkPolicy") {
			t.Errorf("%s: %q, %v", name, text, err)
		}
	}
	if err := writePolicies(dir, &snapshot.Snapshot{Resource: posture.Resource{Project: "p"}, Gaps: []posture.Gap{{Part: snapshot.PartCluster}}}); err != nil {
		t.Errorf("a cluster that could not be read: %v", err)
	}
}

// A dump may name anything: nothing is written elsewhere.
func TestPoliciesStayInTheirFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "b", "c", "d", "e", "f")
	for _, s := range []*snapshot.Snapshot{withoutPolicy("../../../../x", "team-a"), withoutPolicy("shop", "../../../../../x"), withoutPolicy("shop", "x/y")} {
		if err := writePolicies(dir, s); err == nil {
			t.Errorf("%s, %s: written", s.Resource, s.Kubernetes.Namespaces[0].Name)
		} else if errors.Is(err, node.ErrMistake) && strings.Contains(err.Error(), "\x1b") {
			t.Error(err)
		}
	}
	if entries, err := os.ReadDir(filepath.Dir(filepath.Dir(dir))); err == nil && len(entries) > 0 {
		t.Errorf("%v", entries)
	}
}
