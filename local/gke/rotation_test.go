package gke

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func TestRotationOfCredentials(t *testing.T) {
	w := begin(t, Config{})
	before := w.cluster()
	o, err := w.startRotation()
	if err != nil || o.Status != pb.Operation_PENDING || o.OperationType != pb.Operation_UPDATE_CLUSTER {
		t.Fatalf("%v, %v", o, err)
	}
	w.advance(time.Minute)
	if c := w.cluster(); c.Status != pb.Cluster_RECONCILING {
		t.Error(c.Status)
	}
	w.advance(time.Hour)
	during := w.cluster()
	if during.MasterAuth.ClusterCaCertificate != before.MasterAuth.ClusterCaCertificate {
		t.Error("the new authority is shown before the rotation is completed")
	}
	if during.Endpoint == before.Endpoint || during.Status != pb.Cluster_RUNNING {
		t.Errorf("%s, %v", during.Endpoint, during.Status)
	}
	for _, n := range w.Nodes(lab) {
		if len(n.Trusts) != 2 || !n.Created.After(monday) || n.Version != "1.33.4-gke.1000" {
			t.Errorf("%v", n)
		}
	}
	if _, err := w.completeRotation(); err != nil {
		t.Fatal(err)
	}
	w.advance(time.Hour)
	after := w.cluster()
	end, ok := expiry(after.MasterAuth.ClusterCaCertificate)
	if after.MasterAuth.ClusterCaCertificate == before.MasterAuth.ClusterCaCertificate || !ok || end.Sub(monday) < 29*365*day || after.Endpoint != during.Endpoint {
		t.Errorf("%v %s", end, after.Endpoint)
	}
	for _, n := range w.Nodes(lab) {
		if len(n.Trusts) != 1 || n.Trusts[0] != after.MasterAuth.ClusterCaCertificate {
			t.Errorf("%v", n)
		}
	}
}

// What was refused is in the audit log once and with the reason, and what was done twice.
func TestAuditLogOfARotation(t *testing.T) {
	w := begin(t, Config{})
	for range 2 {
		w.startRotation()
	}
	w.advance(11 * time.Minute)
	agent := w.clusters[lab].agent()
	want := []string{
		"0s StartIPRotation ann@example.com first",
		"0s StartIPRotation ann@example.com FailedPrecondition",
		"10m0s StartIPRotation ann@example.com last",
		"10m0s UpdateClusterInternal " + agent + " first",
	}
	if got := w.said(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
	e := (*w.audit)[0]
	if e.LogName != "projects/p/logs/cloudaudit.googleapis.com%2Factivity" || e.Resource.Type != "gke_cluster" || e.Resource.Labels["cluster_name"] != "lab" {
		t.Errorf("%v", e)
	}
}

func TestOneOperationAtATime(t *testing.T) {
	w := begin(t, Config{})
	if _, err := w.startRotation(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.completeRotation(); status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "incompatible operation") {
		t.Error(err)
	}
	w.advance(11 * time.Minute) // the first pool's nodes are made anew
	if _, err := w.completeRotation(); status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), "incompatible operation") {
		t.Error(err)
	}
}

// old reports which pools have a node from before monday.
func (w world) old() (pools []string) {
	for _, n := range w.Nodes(lab) {
		if !n.Created.After(monday) && !slices.Contains(pools, n.Pool) {
			pools = append(pools, n.Pool)
		}
	}
	return pools
}

// While a pool has old nodes nobody can complete, neither people nor GKE, and nobody is told so by the cluster's message.
func TestCompletionNeedsNewNodes(t *testing.T) {
	failing := true
	w := begin(t, Config{Fail: func(o *pb.Operation) error {
		if failing && strings.HasSuffix(o.TargetLink, "/second") {
			return status.Error(codes.Internal, "no machines of that type")
		}
		return nil
	}})
	before := w.cluster().MasterAuth.ClusterCaCertificate
	if _, err := w.startRotation(); err != nil {
		t.Fatal(err)
	}
	for range 3 * 24 {
		w.advance(time.Hour)
	}
	if got := w.old(); !slices.Equal(got, []string{"second"}) {
		t.Fatalf("old nodes in %v", got)
	}
	w.advance(30 * time.Minute) // between two tries
	if _, err := w.completeRotation(); status.Code(err) != codes.FailedPrecondition || !strings.Contains(err.Error(), `Node pool "second" requires recreation`) {
		t.Error(err)
	}
	w.advance(10 * day)
	if got := w.cluster().MasterAuth.ClusterCaCertificate; got != before {
		t.Fatal("GKE has completed with an old node")
	}
	failing = false
	w.advance(2 * day)
	if got := w.cluster().MasterAuth.ClusterCaCertificate; got == before {
		t.Error("GKE does not try again")
	}
}

func TestGKECompletesAfterSevenDays(t *testing.T) {
	w := begin(t, Config{})
	before := w.cluster().MasterAuth.ClusterCaCertificate
	if _, err := w.startRotation(); err != nil {
		t.Fatal(err)
	}
	w.advance(7*day - time.Minute)
	if w.cluster().MasterAuth.ClusterCaCertificate != before {
		t.Error("completed before the seventh day")
	}
	w.advance(10 * time.Minute)
	if w.cluster().MasterAuth.ClusterCaCertificate == before {
		t.Error("not completed after the seventh day")
	}
	last := w.said()[len(w.said())-1]
	if want := "168h5m0s CompleteIPRotation " + w.clusters[lab].agent() + " last"; last != want {
		t.Errorf("%s, want %s", last, want)
	}
}

// GKE acts on an authority that is about to end whatever the windows say, and the cluster says so in two ways.
func TestAuthorityThatEnds(t *testing.T) {
	w := begin(t, Config{}, func(c *pb.Cluster) {
		c.MasterAuth.ClusterCaCertificate = CA("lab", monday.Add(-1790*day), monday.Add(40*day))
		c.MaintenancePolicy = &pb.MaintenancePolicy{Window: exclude(pb.MaintenanceExclusionOptions_NO_UPGRADES, monday.Add(-day), monday.Add(80*day))}
	})
	conditions := func() (codes []pb.StatusCondition_Code) {
		for _, c := range w.cluster().Conditions {
			//lint:ignore SA1019 no other field can say it
			codes = append(codes, c.Code)
		}
		return codes
	}
	w.advance(9 * day)
	if got := conditions(); got != nil {
		t.Error(got)
	}
	w.advance(day + time.Hour)
	if got := conditions(); !slices.Equal(got, []pb.StatusCondition_Code{pb.StatusCondition_CA_EXPIRING}) {
		t.Error(got)
	}
	w.advance(day)
	if got := w.old(); got != nil {
		t.Errorf("an exclusion keeps the nodes of %v", got)
	}
	w.advance(7 * day)
	if end, _ := expiry(w.cluster().MasterAuth.ClusterCaCertificate); end.Before(monday.Add(1000*day)) || conditions() != nil {
		t.Errorf("%v %v", end, conditions())
	}
	if got := w.said()[0]; got != "240h0m0s StartIPRotation "+w.clusters[lab].agent()+" first" {
		t.Error(got)
	}
}

// A cluster whose authority has ended is broken for good.
func TestExpiry(t *testing.T) {
	w := begin(t, Config{Fail: func(*pb.Operation) error { return errors.New("nothing works") }}, func(c *pb.Cluster) {
		c.MasterAuth.ClusterCaCertificate = CA("lab", monday.Add(-1790*day), monday.Add(40*day))
	})
	w.advance(34 * day)
	if c := w.cluster(); c.Status != pb.Cluster_DEGRADED {
		t.Error(c.Status)
	}
	if !w.Reachable(lab) {
		t.Error("not reachable before the authority has ended")
	}
	w.advance(7 * day)
	if c := w.cluster(); c.Status != pb.Cluster_ERROR || w.Reachable(lab) {
		t.Error(c.Status)
	}
	if _, err := w.startRotation(); status.Code(err) != codes.FailedPrecondition {
		t.Error(err)
	}
}

// The one control plane of a zonal cluster is away for a while, twice.
func TestZonalClusterIsDown(t *testing.T) {
	for location, want := range map[string]string{"europe-west1": "[]", "us-central1-a": "[0s 30m0s]"} {
		w := begin(t, Config{})
		c := w.cluster()
		c.Location = location
		if err := w.PutCluster("p", c); err != nil {
			t.Fatal(err)
		}
		name := "projects/p/locations/" + location + "/clusters/lab"
		var down []time.Duration
		look := func(at time.Duration) {
			if !w.Reachable(name) {
				down = append(down, at)
			}
		}
		if _, err := w.client.StartIPRotation(t.Context(), &pb.StartIPRotationRequest{Name: name}); err != nil {
			t.Fatal(err)
		}
		look(0)
		w.advance(30 * time.Minute)
		if _, err := w.client.CompleteIPRotation(t.Context(), &pb.CompleteIPRotationRequest{Name: name}); err != nil {
			t.Fatal(err)
		}
		look(30 * time.Minute)
		w.advance(time.Hour)
		look(90 * time.Minute)
		if got := fmt.Sprint(down); got != want {
			t.Errorf("%s: down at %s, want %s", location, got, want)
		}
	}
}

// Nodes are made anew within windows, and outside of exclusions that are about nodes.
func TestNodesWaitForAWindow(t *testing.T) {
	daily := &pb.MaintenanceWindow{Policy: &pb.MaintenanceWindow_DailyMaintenanceWindow{DailyMaintenanceWindow: &pb.DailyMaintenanceWindow{StartTime: "03:00"}}}
	for name, tt := range map[string]struct {
		window *pb.MaintenanceWindow
		first  time.Duration // when the first node is made, after monday noon
	}{
		"none":                {nil, 15 * time.Minute},
		"daily":               {daily, 15*time.Hour + 5*time.Minute},
		"excluded":            {exclude(pb.MaintenanceExclusionOptions_NO_UPGRADES, monday, monday.Add(2*day)), 2*day + 5*time.Minute},
		"excluded with nodes": {exclude(pb.MaintenanceExclusionOptions_NO_MINOR_OR_NODE_UPGRADES, monday, monday.Add(2*day)), 2*day + 5*time.Minute},
		"excluded for minors": {exclude(pb.MaintenanceExclusionOptions_NO_MINOR_UPGRADES, monday, monday.Add(2*day)), 15 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			w := begin(t, Config{}, func(c *pb.Cluster) { c.MaintenancePolicy = &pb.MaintenancePolicy{Window: tt.window} })
			if _, err := w.startRotation(); err != nil {
				t.Fatal(err)
			}
			w.advance(5 * day)
			first := w.Nodes(lab)[0].Created
			for _, n := range w.Nodes(lab) {
				if n.Created.Before(first) {
					first = n.Created
				}
			}
			if got := first.Sub(monday); got != tt.first {
				t.Errorf("after %v, want %v", got, tt.first)
			}
		})
	}
}

// Who does not wait for the window makes the nodes of a pool anew at their own version.
func TestRecreationByHand(t *testing.T) {
	w := begin(t, Config{}, func(c *pb.Cluster) {
		c.MaintenancePolicy = &pb.MaintenancePolicy{Window: exclude(pb.MaintenanceExclusionOptions_NO_UPGRADES, monday, monday.Add(30*day))}
	})
	if _, err := w.startRotation(); err != nil {
		t.Fatal(err)
	}
	w.advance(time.Hour)
	for _, pool := range []string{"first", "second"} {
		if got := w.old(); !slices.Contains(got, pool) {
			t.Fatalf("%s is new without anybody's doing", pool)
		}
		if _, err := w.client.UpdateNodePool(t.Context(), &pb.UpdateNodePoolRequest{Name: lab + "/nodePools/" + pool, NodeVersion: "1.33.4-gke.1000"}); err != nil {
			t.Fatal(err)
		}
		w.advance(time.Hour)
	}
	if _, err := w.completeRotation(); err != nil {
		t.Error(err)
	}
}

// Only one of two people who start at the same time does.
func TestSecondStart(t *testing.T) {
	w := begin(t, Config{})
	if _, err := w.startRotation(); err != nil {
		t.Fatal(err)
	}
	w.advance(day)
	_, err := w.client.StartIPRotation(as(t.Context(), "bob@example.com"), &pb.StartIPRotationRequest{Name: lab})
	if status.Code(err) != codes.FailedPrecondition {
		t.Error(err)
	}
	if got := w.said()[len(w.said())-1]; got != "24h0m0s StartIPRotation bob@example.com FailedPrecondition" {
		t.Error(got)
	}
}

// The answer is lost, and what was asked is done.
func TestLostAnswer(t *testing.T) {
	w := begin(t, Config{After: func(_ context.Context, method, _ string) error {
		return status.Error(codes.Unavailable, "connection reset by peer")
	}})
	if _, err := w.startRotation(); status.Code(err) != codes.Unavailable {
		t.Fatal(err)
	}
	if all := w.operations(); len(all) != 1 || all[0].OperationType != pb.Operation_UPDATE_CLUSTER || len(w.said()) != 1 {
		t.Errorf("%v", all)
	}
}

// Nodes that were made before an operation failed stay, and the operation says what went wrong.
func TestFailsHalfway(t *testing.T) {
	w := begin(t, Config{Fail: func(o *pb.Operation) error {
		if o.OperationType == pb.Operation_UPGRADE_NODES {
			return status.Error(codes.Internal, "no machines of that type")
		}
		return nil
	}})
	if _, err := w.client.UpdateNodePool(t.Context(), &pb.UpdateNodePoolRequest{Name: lab + "/nodePools/first", NodeVersion: "1.33.3-gke.1000"}); err != nil {
		t.Fatal(err)
	}
	w.advance(time.Hour)
	var versions []string
	for _, n := range w.Nodes(lab)[:2] {
		versions = append(versions, n.Version)
	}
	o := w.operations()[0]
	if !slices.Equal(versions, []string{"1.33.3-gke.1000", "1.33.4-gke.1000"}) || w.cluster().NodePools[0].Version != "1.33.4-gke.1000" || o.Error.GetMessage() == "" {
		t.Errorf("%v, %v", versions, o)
	}
	metrics := map[string]int64{}
	for _, m := range o.Progress.GetMetrics() {
		metrics[m.Name] = m.GetIntValue()
	}
	if metrics["NODES_TOTAL"] != 2 || metrics["NODES_COMPLETE"] != 1 || !strings.HasPrefix(o.TargetLink, fmt.Sprintf("https://container.googleapis.com/v1/projects/%d/", ProjectNumber("p"))) {
		t.Errorf("%v", o)
	}
	if _, err := w.client.RollbackNodePoolUpgrade(t.Context(), &pb.RollbackNodePoolUpgradeRequest{Name: lab + "/nodePools/first"}); err != nil {
		t.Error(err)
	}
}

// A start that fails leaves the cluster as it was, so that another may be tried.
func TestStartThatFails(t *testing.T) {
	failing := true
	w := begin(t, Config{Fail: func(*pb.Operation) error {
		if failing {
			return status.Error(codes.ResourceExhausted, "no addresses")
		}
		return nil
	}})
	if _, err := w.startRotation(); err != nil {
		t.Fatal(err)
	}
	w.advance(time.Hour)
	if o := w.operations()[0]; o.Status != pb.Operation_DONE || codes.Code(o.Error.GetCode()) != codes.ResourceExhausted || o.EndTime == "" {
		t.Errorf("%v", o)
	}
	failing = false
	if _, err := w.startRotation(); err != nil {
		t.Error(err)
	}
}

func exclude(scope pb.MaintenanceExclusionOptions_Scope, from, to time.Time) *pb.MaintenanceWindow {
	return &pb.MaintenanceWindow{MaintenanceExclusions: map[string]*pb.TimeWindow{"freeze": {
		StartTime: timestamppb.New(from), EndTime: timestamppb.New(to),
		Options: &pb.TimeWindow_MaintenanceExclusionOptions{MaintenanceExclusionOptions: &pb.MaintenanceExclusionOptions{Scope: scope}},
	}}}
}
