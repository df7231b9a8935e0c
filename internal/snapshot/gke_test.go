package snapshot_test

//lint:file-ignore SA1019 what is deprecated may hold a password all the same

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	container "cloud.google.com/go/container/apiv1"
	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
	"tiercel.dev/local/caller"
	"tiercel.dev/local/gke"
)

var shop = posture.Resource{Project: "p", Location: "europe-west1", Cluster: "shop"}

// service has one cluster, and everybody may do what a test says.
func service(t *testing.T, before func(context.Context, string, string) error, permissions ...string) (snapshot.GKE, *gke.Server) {
	t.Helper()
	s := gke.New(gke.Config{Before: before, Permissions: caller.Permissions{"": permissions}})
	if err := s.PutCluster("p", &pb.Cluster{
		Name: "shop", Location: "europe-west1", CurrentMasterVersion: "1.33.4-gke.1", NodePools: []*pb.NodePool{{Name: "default-pool"}},
		MasterAuth: &pb.MasterAuth{ClientCertificate: "certificate", ClientKey: "key", Password: "password"},
	}); err != nil {
		t.Fatal(err)
	}
	s.PutServerConfig("projects/p/locations/europe-west1", &pb.ServerConfig{DefaultClusterVersion: "1.34.1-gke.1"})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer()
	s.Register(g)
	go g.Serve(l)
	t.Cleanup(g.Stop)
	c, err := container.NewClusterManagerClient(t.Context(), option.WithEndpoint(l.Addr().String()), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return snapshot.GKE{Client: c}, s
}

func TestReadsAllThatGKESays(t *testing.T) {
	g, s := service(t, nil, "container.clusters.get", "container.clusters.list", "container.clusters.getCredentials", "container.operations.list")
	target := "1.34.1-gke.1"
	s.PutUpgradeInfo(shop.ClusterName(), &pb.ClusterUpgradeInfo{MinorTargetVersion: &target})
	for name, link := range map[string]string{
		"operation-1": "https://container.googleapis.com/v1/projects/12/locations/europe-west1/clusters/shop/nodePools/default-pool",
		"operation-2": "https://container.googleapis.com/v1/projects/12/locations/europe-west1/clusters/shop-2",
	} {
		if err := s.PutOperation("p", &pb.Operation{Name: name, Location: "europe-west1", TargetLink: link}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := g.Read(t.Context(), shop, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	g.Operations(t.Context(), got)
	if len(got.Gaps) > 0 || got.Upgrade.GetMinorTargetVersion() != target || got.ServerConfig == nil || got.PoolUpgrades["default-pool"] == nil {
		t.Errorf("%v", got)
	}
	if len(got.Operations) != 1 || got.Operations[0].Name != "operation-1" {
		t.Errorf("operations %v", got.Operations)
	}
	if auth := got.Cluster.MasterAuth; auth.ClientKey != "" || auth.Password != "" || auth.ClientCertificate == "" {
		t.Errorf("%v", auth)
	}
}

// What may not be read is named, with what it takes, and is no empty answer.
func TestNamesWhatItMayNotRead(t *testing.T) {
	g, _ := service(t, nil, "container.clusters.get")
	got, err := g.Read(t.Context(), shop, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	g.Operations(t.Context(), got)
	gap := got.Gap(snapshot.PartOperations)
	if gap == nil || gap.Permission != "container.operations.list" || got.Operations != nil {
		t.Errorf("%v", got.Gaps)
	}
	if got.Gap(snapshot.PartUpgrade) != nil {
		t.Errorf("%v", got.Gaps)
	}
}

func TestNoSuchCluster(t *testing.T) {
	g, _ := service(t, nil, "container.clusters.get")
	other := shop
	other.Cluster = "none"
	if _, err := g.Read(t.Context(), other, time.Now()); !errors.Is(err, snapshot.ErrNotFound) {
		t.Error(err)
	}
}

// A gap in all that a cluster's API says is one in each part of it; names that only begin alike are others.
func TestGapOfAWhole(t *testing.T) {
	s := &snapshot.Snapshot{Gaps: []posture.Gap{{Part: "kubernetes"}, {Part: "iam/p1"}}}
	for part, want := range map[string]bool{
		"kubernetes": true, "kubernetes/pods": true, "kubernetes2": false, "iam": false, "iam/p1": true, "iam/p12": false, "cluster": false,
	} {
		if got := s.Gap(part) != nil; got != want {
			t.Errorf("%s: %v", part, got)
		}
	}
}

// Versions are asked for once for all clusters of a location, and a refusal is each cluster's gap.
func TestConfigsAreKept(t *testing.T) {
	for _, refusal := range []error{nil, status.Error(codes.PermissionDenied, "on demand")} {
		asked := 0
		g, _ := service(t, func(_ context.Context, method, _ string) error {
			if method != "GetServerConfig" {
				return nil
			}
			asked++
			return refusal
		}, "container.clusters.get", "container.clusters.list")
		g.Configs = snapshot.NewConfigs()
		for range 3 {
			s, err := g.Read(t.Context(), shop, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if refused := s.Gap(snapshot.PartServerConfig) != nil; refused != (refusal != nil) || refused == (s.ServerConfig != nil) {
				t.Errorf("%v", s.Gaps)
			}
		}
		if asked != 1 {
			t.Errorf("asked %d times", asked)
		}
	}
}

// What a quota or silence kept back may be had at another time; what is refused may not.
func TestPassing(t *testing.T) {
	for err, want := range map[error]bool{
		caller.Exhausted("container.googleapis.com", "reads", time.Second): true, status.Error(codes.Unavailable, "x"): true, context.DeadlineExceeded: true,
		status.Error(codes.PermissionDenied, "x"): false, errors.New("x"): false,
	} {
		s := snapshot.Unread(shop, time.Now(), fmt.Errorf("here: %w", err))
		if g := s.Gap(snapshot.PartCluster); g == nil || g.Passing != want || g.Error == "" {
			t.Errorf("%v: %+v", err, g)
		}
	}
}
