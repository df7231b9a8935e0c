package sample

import (
	"testing"
	"time"

	container "cloud.google.com/go/container/apiv1"
	"cloud.google.com/go/container/apiv1/containerpb"
	corev1 "k8s.io/api/core/v1"

	"tiercel.dev/functions/harden"
	"tiercel.dev/functions/harden/checks"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
	"tiercel.dev/local/clock"
	"tiercel.dev/local/gke"
	"tiercel.dev/local/kube"
	"tiercel.dev/local/loopback"
)

var now = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

// begin serves the fleet, and returns its clusters by name.
func begin(t *testing.T) (*gke.Server, *clock.Clock, map[string]Cluster) {
	t.Helper()
	at := clock.New(now)
	s := gke.New(gke.Config{Now: at.Now, Releases: Releases(now)})
	fleet, err := Fleet("demo", now)
	if err != nil {
		t.Fatal(err)
	}
	byName := map[string]Cluster{}
	for _, c := range fleet {
		if err := s.PutCluster("demo", c.Cluster); err != nil {
			t.Fatal(err)
		}
		byName[c.Name] = c
	}
	return s, at, byName
}

// The verdicts over what GKE says are what each cluster is there for.
func TestVerdicts(t *testing.T) {
	s, _, fleet := begin(t)
	client, err := container.NewClusterManagerClient(t.Context(), loopback.Serve(t, s)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	set, err := checks.Set()
	if err != nil {
		t.Fatal(err)
	}
	verdicts := map[string]map[string]posture.Verdict{}
	for name, c := range fleet {
		r := posture.Resource{Project: "demo", Location: c.Location, Cluster: name}
		read, err := snapshot.GKE{Client: client}.Read(t.Context(), r, now)
		if err != nil {
			t.Fatal(err)
		}
		verdicts[name] = map[string]posture.Verdict{}
		for _, result := range harden.Assess(t.Context(), read, set, nil).Results {
			if was, ok := verdicts[name][result.Check]; !ok || was != posture.Fail {
				verdicts[name][result.Check] = result.Verdict
			}
			if name == "shop" && (result.Verdict == posture.Fail || result.Verdict == posture.Warn) && result.Resource.Kind == "" {
				t.Errorf("shop: %s is %s: %s", result.Check, result.Verdict, result.Reason)
			}
		}
	}
	for _, tt := range []struct {
		cluster, check string
		want           posture.Verdict
	}{
		{"legacy", "AUTH-ABAC", posture.Fail}, {"legacy", "NET-CPEXP", posture.Fail}, {"legacy", "AUTH-NODESA", posture.Fail}, {"legacy", "UPG-SKEW", posture.Fail},
		{"apps", "NODE-COS", posture.Managed}, {"payments", "CL-CA", posture.Fail}, {"payments", "AUTH-ABAC", posture.Pass},
	} {
		if got := verdicts[tt.cluster][tt.check]; got != tt.want {
			t.Errorf("%s: %s is %q, want %s", tt.cluster, tt.check, got, tt.want)
		}
	}
}

// Objects are what the cluster's API takes, and nodes come and go as GKE makes them anew.
func TestObjectsAndNodes(t *testing.T) {
	s, at, fleet := begin(t)
	name := "projects/demo/locations/europe-west1/clusters/shop"
	k := kube.New(kube.Config{Now: at.Now})
	tokens := 0
	for _, c := range fleet {
		for _, o := range c.Objects {
			if err := k.Put(o); err != nil {
				t.Errorf("%s: %v", c.Name, err)
			}
			if secret, ok := o.(*corev1.Secret); ok && secret.Type == corev1.SecretTypeServiceAccountToken {
				tokens++
			}
		}
	}
	if tokens != 2 {
		t.Errorf("%d tokens that never end", tokens)
	}
	was, err := Nodes(k, s, name, nil)
	if err != nil || len(was) != 4 {
		t.Fatalf("%v, %v", was, err)
	}
	if _, err := s.StartIPRotation(t.Context(), &containerpb.StartIPRotationRequest{Name: name}); err != nil {
		t.Fatal(err)
	}
	at.Advance(day)
	made, err := Nodes(k, s, name, was)
	if err != nil || len(made) != 4 {
		t.Fatalf("%v, %v", made, err)
	}
	for _, n := range made {
		if !n.Created.After(now) {
			t.Errorf("%s is of %v", n.Name, n.Created)
		}
	}
}
