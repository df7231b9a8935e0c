// Package findings holds the test that shows what the shipped rules' alerts look like in Security Command Center: one finding a
// rule, in testdata for people to read. It stands above the sensor and the functions, which must not know each other.
package findings

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"

	"tiercel.dev/alert"
	"tiercel.dev/internal/scc"
	"tiercel.dev/internal/scc/golden"
	"tiercel.dev/local"
	standin "tiercel.dev/local/scc"
)

// enrich says of an alert what the step behind the sensors finds out about its place.
func enrich(a *alert.Alert) {
	const cluster = "//container.googleapis.com/projects/acme/locations/europe-west1/clusters/prod"
	a.Enrichment = &alert.Enrichment{
		Time: a.Time, Verification: alert.Verified, ClusterResource: cluster, ClusterUid: "c1u57e7",
		ClusterLabels:  []*alert.Label{{Key: "env", Value: "production"}, {Key: "team", Value: "shop"}},
		ReleaseChannel: "REGULAR", ControlPlaneVersion: "1.34.1-gke.1829001", NodePool: "pool-1", NodeVersion: "1.34.1-gke.1431000",
		NodeResource: "//compute.googleapis.com/projects/acme/zones/europe-west1-b/instances/" + nodeName,
		Links:        []*alert.Link{{Title: "Node", Url: "https://console.cloud.google.com/compute/instancesDetail/zones/europe-west1-b/instances/" + nodeName + "?project=acme"}},
		NextSteps:    "Ask the owner whether this was meant. If not, isolate the pod or the node.",
	}
	if a.Pod != nil {
		a.Enrichment.Owners = []*alert.Owner{{ApiVersion: "apps/v1", Kind: "ReplicaSet", Name: "web-6d5f7b8c9d"}, {ApiVersion: "apps/v1", Kind: "Deployment", Name: "web"}}
		a.Enrichment.Services = []*alert.Service{{Name: "web", Type: "LoadBalancer", External: true}}
	}
}

func TestFindingOfEachRule(t *testing.T) {
	cases, names := firsts(t)
	made := alerts(t, cases, names)
	service := standin.New(standin.Config{Now: func() time.Time { return time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC) }})
	if err := service.AddSource(local.Source, "Tiercel"); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		a := made[name]
		if a == nil {
			t.Errorf("%s does not match its first case once the event is complete", name)
			continue
		}
		enrich(a)
		if err := alert.Validate(a); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		at, err := alert.ParseTime(a.Time)
		if err != nil {
			t.Fatal(err)
		}
		got := scc.Finding(a, scc.Counted{Events: 1, First: at, Last: at}, at.Add(time.Second))
		golden.Compare(t, filepath.Join("testdata", name+".json"), got)
		got.Name = local.Source + "/findings/" + scc.ID(a)
		if _, err := service.UpdateFinding(t.Context(), &pb.UpdateFindingRequest{Finding: got}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	files, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if name := strings.TrimSuffix(filepath.Base(file), ".json"); !slices.Contains(names, name) {
			t.Errorf("%s is of no rule", file)
		}
	}
}
