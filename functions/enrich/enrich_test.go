package enrich_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"tiercel.dev/alert"
)

func TestEnriches(t *testing.T) {
	w := newWorld(t)
	a := acted(1)
	a.Enrichment = &alert.Enrichment{Verification: alert.Verified, Policy: &alert.Policy{Muted: true}, NodePool: "made up"}
	if err := w.enricher(nil).Handle(t.Context(), message(a)); err != nil {
		t.Fatal(err)
	}
	want := &alert.Enrichment{
		Time: "2026-01-02T03:04:05.000000000Z", Verification: alert.Verified,
		ClusterResource: "//container.googleapis.com/projects/p1/locations/europe-west1/clusters/c1", ClusterUid: "abc",
		ClusterLabels:  []*alert.Label{{Key: "app", Value: "x"}, {Key: "env", Value: "prod"}},
		ReleaseChannel: "REGULAR", ControlPlaneVersion: "1.33.5-gke.1080000", NodePool: "pool-1", NodeVersion: "1.33.4-gke.1036000",
		NodeResource: "//compute.googleapis.com/projects/p1/zones/europe-west1-b/instances/n1",
		Owners: []*alert.Owner{
			{ApiVersion: "apps/v1", Kind: "ReplicaSet", Name: "web-5d", Uid: "rs"}, {ApiVersion: "apps/v1", Kind: "Deployment", Name: "web", Uid: "dep"},
		},
		Services: []*alert.Service{{Name: "front", Type: "LoadBalancer", External: true}},
	}
	got := w.last(t)
	d := cmp.Diff(want, got.Enrichment, protocmp.Transform(), protocmp.IgnoreFields(want, "links", "next_steps"))
	if d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if d := cmp.Diff(alert.Attributes(got), w.published[0].attributes); d != "" {
		t.Errorf("attributes: -want +got:\n%s", d)
	}
	got.Enrichment, a.Enrichment = nil, nil
	if d := cmp.Diff(a, got, protocmp.Transform()); d != "" {
		t.Errorf("what the sensor said was changed: -want +got:\n%s", d)
	}
}
