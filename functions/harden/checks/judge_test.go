package checks

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"

	"tiercel.dev/internal/posture"
	"tiercel.dev/rules/check"
)

var (
	at  = posture.Resource{Project: "p", Location: "europe-west1", Cluster: "c"}
	now = time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
)

// A message without anything in it is judged by every check, and none ends in an error but those that need a version.
func TestAbsentMessages(t *testing.T) {
	set, err := Set()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*pb.Cluster{{NodePools: []*pb.NodePool{{}}}, {CurrentMasterVersion: "1.35.2-gke.1", NodePools: []*pb.NodePool{{Version: "1.35.2-gke.1"}}}} {
		for _, r := range check.Judge(t.Context(), check.GKE(at, c), set, nil, now) {
			if r.Failed && c.CurrentMasterVersion != "" {
				t.Errorf("%s: %s", r.Check, r.Reason)
			}
			if r.Verdict == "" || r.Reason == "" {
				t.Errorf("%+v", r)
			}
		}
	}
}

// Whoever reads a report does not read what lets him in.
func TestNoSecretIsShown(t *testing.T) {
	set, err := Set()
	if err != nil {
		t.Fatal(err)
	}
	//lint:ignore SA1019 older clusters have a password all the same
	c := &pb.Cluster{MasterAuth: &pb.MasterAuth{Username: "admin", Password: "hunter2", ClientKey: "PRIVATE", ClientCertificate: "CERTIFICATE"}, CurrentMasterVersion: "1.18.0-gke.1"}
	w := check.GKE(at, c)
	delete(w.Unknown, "credentials")
	out, err := json.Marshal(check.Judge(t.Context(), w, set, nil, now))
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"hunter2", "PRIVATE", "CERTIFICATE"} {
		if strings.Contains(string(out), secret) {
			t.Errorf("%s is among the evidence", secret)
		}
	}
}

// large is the world of a large cluster: 20 pools, 200 namespaces, 2,000 workloads.
func large() *check.World {
	c := &pb.Cluster{Name: "c", Location: "europe-west1", CurrentMasterVersion: "1.35.2-gke.1000", Status: pb.Cluster_RUNNING}
	for i := range 20 {
		c.NodePools = append(c.NodePools, &pb.NodePool{Name: fmt.Sprintf("pool-%d", i), Version: "1.34.1-gke.1", Status: pb.NodePool_RUNNING, Config: &pb.NodeConfig{ImageType: "COS_CONTAINERD", ServiceAccount: "default"}})
	}
	w := check.GKE(at, c)
	add := func(set string, n int, value func(i int) map[string]any) {
		w.Sets[set] = []check.Item{}
		for i := range n {
			r := at
			r.Kind, r.Namespace, r.Name = set, fmt.Sprintf("team-%d", i%200), fmt.Sprintf("%s-%d", set, i)
			w.Sets[set] = append(w.Sets[set], check.Item{Resource: r, Value: value(i)})
		}
	}
	none := []any{}
	add("workload", 2000, func(i int) map[string]any {
		v := map[string]any{"namespace": "team", "kind": "Deployment", "name": "web", "pods": int64(2), "system": false, "windows": false, "host_network": false, "host_pid": false, "host_ipc": false}
		for _, list := range []string{"host_paths", "host_ports", "privileged", "capabilities", "unmasked_proc", "root", "escalation", "no_seccomp", "secret_env"} {
			v[list] = none
		}
		if i%4 == 0 {
			v["no_seccomp"] = []any{"app"}
		}
		return v
	})
	w.Vars["network"] = map[string]any{"enforced": true, "engine": "Calico", "pods": int64(2000), "covered": int64(0), "percent": int64(0), "without": none}
	add("ns", 200, func(i int) map[string]any {
		return map[string]any{"name": fmt.Sprintf("team-%d", i), "system": false, "enforce": "", "warn": "", "audit": "", "guard": "", "pods": int64(10), "covered": int64(0), "percent": int64(0), "level": "none", "objects": none}
	})
	return w
}

func BenchmarkJudge(b *testing.B) {
	set, err := Set()
	if err != nil {
		b.Fatal(err)
	}
	w := large()
	for _, r := range check.Judge(b.Context(), w, set, nil, now) {
		if r.Failed {
			b.Fatalf("%s: %s", r.Check, r.Reason)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if got := check.Judge(b.Context(), w, set, nil, now); len(got) < 500 {
			b.Fatal(len(got))
		}
	}
}

func BenchmarkLoad(b *testing.B) {
	for b.Loop() {
		if _, err := With(); err != nil {
			b.Fatal(err)
		}
	}
}
