package gke

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	container "cloud.google.com/go/container/apiv1"
	pb "cloud.google.com/go/container/apiv1/containerpb"
	"github.com/google/go-cmp/cmp"
	"github.com/googleapis/gax-go/v2/apierror"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"tiercel.dev/local/caller"
	"tiercel.dev/local/loopback"
)

const name = "projects/p1/locations/europe-west1/clusters/shop"

// dial serves s, and returns the client that runs in the cloud.
func dial(t *testing.T, s *Server) *container.ClusterManagerClient {
	t.Helper()
	c, err := container.NewClusterManagerClient(t.Context(), loopback.Serve(t, s)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// fleet has clusters in two projects and three locations.
func fleet(t *testing.T, cfg Config) *Server {
	t.Helper()
	s := New(cfg)
	for _, c := range []struct{ project, location, name string }{
		{"p1", "europe-west1", "shop"}, {"p1", "us-central1-a", "lab"}, {"p1", "asia-east1", "shop"}, {"p12", "europe-west1", "other"},
	} {
		err := s.PutCluster(c.project, &pb.Cluster{
			Name: c.name, Location: c.location, CurrentMasterVersion: "1.33.4-gke.1000000", Status: pb.Cluster_RUNNING,
			MasterAuth: &pb.MasterAuth{ClusterCaCertificate: "ca", ClientCertificate: "certificate", ClientKey: "key"},
			NodePools:  []*pb.NodePool{{Name: "default-pool", Version: "1.32.1-gke.1000000"}, {Name: "spot"}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func names(clusters []*pb.Cluster) (all []string) {
	for _, c := range clusters {
		all = append(all, strings.TrimPrefix(c.SelfLink, "https://container.googleapis.com/v1/projects/"))
	}
	return all
}

func TestListsOfALocationAndOfAll(t *testing.T) {
	s := fleet(t, Config{})
	c := dial(t, s)
	for parent, want := range map[string][]string{
		"projects/p1/locations/europe-west1": {"p1/locations/europe-west1/clusters/shop"},
		"projects/p1/locations/nowhere":      nil,
		"projects/p1/locations/-": {
			"p1/locations/asia-east1/clusters/shop", "p1/locations/europe-west1/clusters/shop", "p1/locations/us-central1-a/clusters/lab",
		},
	} {
		got, err := c.ListClusters(t.Context(), &pb.ListClustersRequest{Parent: parent})
		if err != nil || len(got.MissingZones) > 0 {
			t.Errorf("%s: %v, %v", parent, got.GetMissingZones(), err)
		}
		if d := cmp.Diff(want, names(got.GetClusters())); d != "" {
			t.Errorf("%s: -want +got:\n%s", parent, d)
		}
	}
}

// A location that does not answer is no error of a list over all: whoever does not look at missing_zones sees too few.
func TestALocationDoesNotAnswer(t *testing.T) {
	s := fleet(t, Config{})
	c := dial(t, s)
	s.Silence("us-central1-a")
	got, err := c.ListClusters(t.Context(), &pb.ListClustersRequest{Parent: "projects/p1/locations/-"})
	if err != nil || len(got.Clusters) != 2 || !cmp.Equal(got.MissingZones, []string{"us-central1-a"}) {
		t.Errorf("%v, %v", got, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond) // the client tries UNAVAILABLE again
	defer cancel()
	if _, err = c.GetCluster(ctx, &pb.GetClusterRequest{Name: "projects/p1/locations/us-central1-a/clusters/lab"}); err == nil {
		t.Error("a cluster of a location that does not answer")
	}
	for location, want := range map[string]codes.Code{"-": codes.OK, "europe-west1": codes.OK, "us-central1-a": codes.Unavailable} {
		answer, err := s.ListOperations(t.Context(), &pb.ListOperationsRequest{Parent: "projects/p1/locations/" + location})
		if status.Code(err) != want || location == "-" && !cmp.Equal(answer.MissingZones, []string{"us-central1-a"}) {
			t.Errorf("operations of %s: %v, %v", location, answer, err)
		}
	}
	s.Silence()
	if got, err = c.ListClusters(t.Context(), &pb.ListClustersRequest{Parent: "projects/p1/locations/-"}); err != nil || len(got.Clusters) != 3 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestRefuses(t *testing.T) {
	c := dial(t, fleet(t, Config{}))
	get := func(name string) error {
		_, err := c.GetCluster(t.Context(), &pb.GetClusterRequest{Name: name})
		return err
	}
	for call, want := range map[string]codes.Code{
		name:                                     codes.OK,
		strings.Replace(name, "shop", "none", 1): codes.NotFound,
		strings.Replace(name, "p1", "p2", 1):     codes.NotFound,
		strings.Replace(name, "europe-west1", "-", 1):             codes.InvalidArgument,
		strings.Replace(name, "shop", "Shop", 1):                  codes.InvalidArgument,
		strings.Replace(name, "shop", "shop-", 1):                 codes.InvalidArgument,
		strings.Replace(name, "shop", strings.Repeat("a", 41), 1): codes.InvalidArgument,
		"projects/p1/zones/europe-west1-a/clusters/shop":          codes.InvalidArgument,
		"":         codes.InvalidArgument,
		"shop":     codes.InvalidArgument,
		name + "/": codes.InvalidArgument,
	} {
		if err := get(call); status.Code(err) != want {
			t.Errorf("%q: %v, want %v", call, err, want)
		}
	}
	if _, err := c.GetNodePool(t.Context(), &pb.GetNodePoolRequest{Name: name + "/nodePools/none"}); status.Code(err) != codes.NotFound {
		t.Error(err)
	}
	if err := New(Config{}).PutCluster("p1", &pb.Cluster{Name: "a_b", Location: "l"}); status.Code(err) != codes.InvalidArgument {
		t.Error(err)
	}
}

func TestNodePools(t *testing.T) {
	c := dial(t, fleet(t, Config{}))
	all, err := c.ListNodePools(t.Context(), &pb.ListNodePoolsRequest{Parent: name})
	if err != nil || len(all.NodePools) != 2 || all.NodePools[0].Name != "default-pool" {
		t.Errorf("%v, %v", all, err)
	}
	p, err := c.GetNodePool(t.Context(), &pb.GetNodePoolRequest{Name: name + "/nodePools/default-pool"})
	if err != nil || p.Version != "1.32.1-gke.1000000" || p.SelfLink != "https://container.googleapis.com/v1/"+name+"/nodePools/default-pool" || p.Etag == "" {
		t.Errorf("%v, %v", p, err)
	}
}

func TestPermissions(t *testing.T) {
	c := dial(t, fleet(t, Config{Permissions: caller.Permissions{
		"viewer": {"container.clusters.get", "container.clusters.list"},
		"admin":  {"container.clusters.get", "container.clusters.list", "container.clusters.getCredentials"},
		"lister": {"container.clusters.list"},
	}}))
	for _, tt := range []struct {
		caller         string
		get, list, ops codes.Code
		key            string
	}{
		{"viewer", codes.OK, codes.OK, codes.PermissionDenied, ""},
		{"admin", codes.OK, codes.OK, codes.PermissionDenied, "key"},
		{"lister", codes.PermissionDenied, codes.OK, codes.PermissionDenied, ""},
		{"", codes.PermissionDenied, codes.PermissionDenied, codes.PermissionDenied, ""},
	} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), caller.Header, tt.caller)
		got, err := c.GetCluster(ctx, &pb.GetClusterRequest{Name: name})
		if status.Code(err) != tt.get || got.GetMasterAuth().GetClientKey() != tt.key {
			t.Errorf("%q gets %q, %v", tt.caller, got.GetMasterAuth().GetClientKey(), err)
		}
		all, err := c.ListClusters(ctx, &pb.ListClustersRequest{Parent: "projects/p1/locations/-"})
		if status.Code(err) != tt.list || err == nil && all.Clusters[0].MasterAuth.ClientKey != tt.key {
			t.Errorf("%q lists %v, %v", tt.caller, all, err)
		}
		if _, err := c.ListOperations(ctx, &pb.ListOperationsRequest{Parent: "projects/p1/locations/-"}); status.Code(err) != tt.ops {
			t.Errorf("%q lists operations: %v", tt.caller, err)
		}
	}
}

// What a test wants to go wrong does, in the form in which the service says it.
func TestBefore(t *testing.T) {
	var method, asked string
	c := dial(t, fleet(t, Config{Before: func(ctx context.Context, m, n string) error {
		if method, asked = m, n; m == "ListNodePools" {
			<-ctx.Done() // slow
			return ctx.Err()
		}
		return caller.Exhausted(Service, "read requests per minute", 7*time.Second)
	}}))
	_, err := c.GetCluster(t.Context(), &pb.GetClusterRequest{Name: name})
	if status.Code(err) != codes.ResourceExhausted || method != "GetCluster" || asked != name {
		t.Fatalf("%s %s: %v", method, asked, err)
	}
	if detailed, _ := apierror.FromError(err); detailed.Reason() != "RATE_LIMIT_EXCEEDED" || detailed.Details().RetryInfo.GetRetryDelay().AsDuration() != 7*time.Second {
		t.Errorf("%v", detailed)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.ListNodePools(ctx, &pb.ListNodePoolsRequest{Parent: name}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

func TestVersionsAndUpgrades(t *testing.T) {
	s := fleet(t, Config{})
	c := dial(t, s)
	s.PutServerConfig("projects/p1/locations/europe-west1", &pb.ServerConfig{DefaultClusterVersion: "1.34.1-gke.1"})
	got, err := c.GetServerConfig(t.Context(), &pb.GetServerConfigRequest{Name: "projects/p1/locations/europe-west1"})
	if err != nil || got.DefaultClusterVersion != "1.34.1-gke.1" {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := c.GetServerConfig(t.Context(), &pb.GetServerConfigRequest{Name: "projects/p1/locations/nowhere"}); status.Code(err) != codes.InvalidArgument {
		t.Error(err)
	}
	due, target := &pb.FetchClusterUpgradeInfoRequest{Name: name}, "1.34.1-gke.1"
	if info, err := c.FetchClusterUpgradeInfo(t.Context(), due); err != nil || info.MinorTargetVersion != nil {
		t.Errorf("%v, %v", info, err)
	}
	s.PutUpgradeInfo(name, &pb.ClusterUpgradeInfo{MinorTargetVersion: &target})
	if info, err := c.FetchClusterUpgradeInfo(t.Context(), due); err != nil || info.GetMinorTargetVersion() != target {
		t.Errorf("%v, %v", info, err)
	}
	pool := name + "/nodePools/spot"
	s.PutNodePoolUpgradeInfo(pool, &pb.NodePoolUpgradeInfo{PatchTargetVersion: &target})
	info, err := c.FetchNodePoolUpgradeInfo(t.Context(), &pb.FetchNodePoolUpgradeInfoRequest{Name: pool})
	if err != nil || info.GetPatchTargetVersion() != target {
		t.Errorf("%v, %v", info, err)
	}
}
