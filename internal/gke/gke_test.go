package gke

//lint:file-ignore SA1019 some clusters are told of in deprecated fields alone

import (
	"encoding/base64"
	"testing"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
)

// Where a cluster is reached, as newer and older ones tell it.
func TestEndpoints(t *testing.T) {
	dns := &pb.ControlPlaneEndpointsConfig_DNSEndpointConfig{Endpoint: "abc.gke.goog", AllowExternalTraffic: proto.Bool(true)}
	closed := &pb.ControlPlaneEndpointsConfig_DNSEndpointConfig{Endpoint: "abc.gke.goog"}
	ips := func(enabled, public *bool) *pb.ControlPlaneEndpointsConfig_IPEndpointsConfig {
		return &pb.ControlPlaneEndpointsConfig_IPEndpointsConfig{
			Enabled: enabled, EnablePublicEndpoint: public, PublicEndpoint: "34.1.1.1", PrivateEndpoint: "10.0.0.2",
		}
	}
	config := func(d *pb.ControlPlaneEndpointsConfig_DNSEndpointConfig, ip *pb.ControlPlaneEndpointsConfig_IPEndpointsConfig) *pb.Cluster {
		return &pb.Cluster{ControlPlaneEndpointsConfig: &pb.ControlPlaneEndpointsConfig{DnsEndpointConfig: d, IpEndpointsConfig: ip}, Endpoint: "34.1.1.1"}
	}
	for _, tt := range []struct {
		name    string
		cluster *pb.Cluster
		want    Endpoints
	}{
		{"all", config(dns, ips(proto.Bool(true), proto.Bool(true))), Endpoints{DNS: "abc.gke.goog", Private: "10.0.0.2", Public: "34.1.1.1"}},
		{"DNS only", config(dns, ips(proto.Bool(false), nil)), Endpoints{DNS: "abc.gke.goog"}},
		{"DNS closed to others", config(closed, ips(proto.Bool(true), proto.Bool(false))), Endpoints{Private: "10.0.0.2"}},
		{"the switch is not told", config(nil, ips(nil, nil)), Endpoints{Private: "10.0.0.2", Public: "34.1.1.1"}},
		{"older, public", &pb.Cluster{Endpoint: "34.1.1.1"}, Endpoints{Public: "34.1.1.1"}},
		{"older, both", &pb.Cluster{Endpoint: "34.1.1.1", PrivateClusterConfig: &pb.PrivateClusterConfig{PrivateEndpoint: "10.0.0.2"}},
			Endpoints{Private: "10.0.0.2", Public: "34.1.1.1"}},
		{"older, private", &pb.Cluster{Endpoint: "10.0.0.2", PrivateClusterConfig: &pb.PrivateClusterConfig{EnablePrivateEndpoint: true}},
			Endpoints{Private: "10.0.0.2"}},
		{"none yet", &pb.Cluster{}, Endpoints{}},
	} {
		tt.cluster.MasterAuth = &pb.MasterAuth{ClusterCaCertificate: base64.StdEncoding.EncodeToString([]byte("pem")), ClientKey: "secret"}
		tt.want.CA = []byte("pem")
		if d := cmp.Diff(tt.want, endpoints(tt.cluster)); d != "" {
			t.Errorf("%s: -want +got:\n%s", tt.name, d)
		}
	}
}

func TestPoolOf(t *testing.T) {
	c := NewCluster("p", &pb.Cluster{NodePools: []*pb.NodePool{
		{Name: "pool", InstanceGroupUrls: []string{
			"https://www.googleapis.com/compute/v1/projects/p/zones/z-a/instanceGroupManagers/gke-c-pool-11aa-grp",
			"https://www.googleapis.com/compute/v1/projects/p/zones/z-b/instanceGroupManagers/gke-c-pool-22bb-grp", "broken",
		}},
		{Name: "pool-11aa", InstanceGroupUrls: []string{"https://www.googleapis.com/compute/v1/projects/p/zones/z-a/instanceGroupManagers/gke-c-pool-11aa-33cc-grp"}},
		{Name: "odd", InstanceGroupUrls: []string{"https://www.googleapis.com/compute/v1/projects/p/zones/z-a/instanceGroupManagers/"}},
	}})
	for node, want := range map[string]string{
		"gke-c-pool-11aa-x7ab": "pool z-a", "gke-c-pool-22bb-x7ab": "pool z-b", "gke-c-pool-11aa-33cc-x7ab": "pool-11aa z-a",
		"gke-c-pool-11aa-": "", "gke-c-pool-11aa-grp": "pool z-a", "gke-d-pool-11aa-x7ab": "", "x": "", "": "",
	} {
		got := ""
		if pool, zone := c.PoolOf(node); pool != nil {
			got = pool.Name + " " + zone
		}
		if got != want {
			t.Errorf("%s: %q, want %q", node, got, want)
		}
	}
}
