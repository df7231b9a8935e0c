package harden

import (
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"

	"tiercel.dev/functions/harden/checks"
	"tiercel.dev/internal/posture"
	"tiercel.dev/rules/check"
)

// These are clusters of which google/gke-policy-automation 1.4.5 says what is not so; the names are of its policies.

var defectsAt = posture.Resource{Project: "p", Location: "europe-west1", Cluster: "shop"}

// decided are a cluster's verdicts, pools' by check and pool.
func decided(t *testing.T, c *pb.Cluster, change func(*check.World)) map[string]posture.Result {
	t.Helper()
	set, err := checks.Set()
	if err != nil {
		t.Fatal(err)
	}
	c.Name, c.Location, c.CurrentMasterVersion = "shop", "europe-west1", "1.35.2-gke.1000"
	w := check.GKE(defectsAt, c)
	if change != nil {
		change(w)
	}
	out := map[string]posture.Result{}
	for _, r := range check.Judge(t.Context(), w, set, nil, time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)) {
		out[r.Check+r.Resource.Pool] = r
	}
	return out
}

func expect(t *testing.T, got posture.Result, want posture.Verdict) {
	t.Helper()
	if got.Verdict != want || got.Failed {
		t.Errorf("%s is %s (%s), not %s", got.Check, got.Verdict, got.Reason, want)
	}
}

func ptr[T any](v T) *T { return &v }

// networkConfig: a cluster with intranode visibility is told to have none.
func TestIntranodeVisibilityIsSeen(t *testing.T) {
	expect(t, decided(t, &pb.Cluster{NetworkConfig: &pb.NetworkConfig{EnableIntraNodeVisibility: true}}, nil)["NET-INTRA"], posture.Pass)
	expect(t, decided(t, &pb.Cluster{NetworkConfig: &pb.NetworkConfig{}}, nil)["NET-INTRA"], posture.Fail)
}

// cluster_security_posture, cluster_workload_scanning: ENTERPRISE fails, and so does who has no scanning, which there is none of
// any more.
func TestPostureTiersPass(t *testing.T) {
	//lint:ignore SA1019 there are clusters with it all the same
	for _, mode := range []pb.SecurityPostureConfig_Mode{pb.SecurityPostureConfig_BASIC, pb.SecurityPostureConfig_ENTERPRISE} {
		expect(t, decided(t, &pb.Cluster{SecurityPostureConfig: &pb.SecurityPostureConfig{Mode: &mode}}, nil)["OPS-POSTURE"], posture.Pass)
	}
	set, err := checks.Set()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range set.Checks() {
		for _, path := range c.Evidence() {
			if strings.Contains(path, "vulnerability_mode") {
				t.Errorf("%s is about scanning, which has been shut down", c.ID)
			}
		}
	}
}

// cluster_binary_authorization: the older field alone is read.
func TestBinaryAuthorizationByItsMode(t *testing.T) {
	expect(t, decided(t, &pb.Cluster{BinaryAuthorization: &pb.BinaryAuthorization{EvaluationMode: pb.BinaryAuthorization_PROJECT_SINGLETON_POLICY_ENFORCE}}, nil)["SUP-BINAUTHZ"], posture.Pass)
	//lint:ignore SA1019 clusters have the older field all the same
	older := &pb.BinaryAuthorization{Enabled: true, EvaluationMode: pb.BinaryAuthorization_DISABLED}
	expect(t, decided(t, &pb.Cluster{BinaryAuthorization: older}, nil)["SUP-BINAUTHZ"], posture.Fail)
}

// control_plane_endpoint, control_plane_access, private_cluster: a cluster with the newer fields alone is told to be open.
func TestNewerEndpointFieldsCount(t *testing.T) {
	dnsOnly := &pb.Cluster{
		ControlPlaneEndpointsConfig: &pb.ControlPlaneEndpointsConfig{
			DnsEndpointConfig: &pb.ControlPlaneEndpointsConfig_DNSEndpointConfig{AllowExternalTraffic: ptr(true)},
			IpEndpointsConfig: &pb.ControlPlaneEndpointsConfig_IPEndpointsConfig{Enabled: ptr(false)},
		},
		NetworkConfig: &pb.NetworkConfig{DefaultEnablePrivateNodes: ptr(true)},
	}
	got := decided(t, dnsOnly, nil)
	expect(t, got["NET-CPEXP"], posture.Pass)
	expect(t, got["NET-PRIVNODE"], posture.Pass)

	private := &pb.Cluster{ControlPlaneEndpointsConfig: &pb.ControlPlaneEndpointsConfig{IpEndpointsConfig: &pb.ControlPlaneEndpointsConfig_IPEndpointsConfig{
		Enabled: ptr(true), EnablePublicEndpoint: ptr(false),
		AuthorizedNetworksConfig: &pb.MasterAuthorizedNetworksConfig{Enabled: true, PrivateEndpointEnforcementEnabled: ptr(true)},
	}}}
	expect(t, decided(t, private, nil)["NET-CPEXP"], posture.Pass)
}

// secret_encryption: encryption of all objects fails, which is more than that of secrets.
func TestEncryptionOfAllObjectsPasses(t *testing.T) {
	all := &pb.DatabaseEncryption{State: pb.DatabaseEncryption_ALL_OBJECTS_ENCRYPTION_ENABLED, CurrentState: pb.DatabaseEncryption_CURRENT_STATE_ALL_OBJECTS_ENCRYPTION_ENABLED.Enum(), KeyName: "k"}
	expect(t, decided(t, &pb.Cluster{DatabaseEncryption: all}, nil)["DATA-ETCD"], posture.Pass)
}

// control_plane_certificate_auth: who may not see the certificate is told that there is none.
func TestHiddenCertificateIsUnknown(t *testing.T) {
	hidden := func(w *check.World) {
		w.Unknown["credentials"] = &posture.Gap{Part: "credentials", Call: "GetCluster", Permission: "container.clusters.getCredentials", Error: "not granted"}
	}
	got := decided(t, &pb.Cluster{MasterAuth: &pb.MasterAuth{ClientCertificateConfig: &pb.ClientCertificateConfig{}}}, hidden)["AUTH-CERT"]
	expect(t, got, posture.Unknown)
	if !strings.Contains(got.Reason, "container.clusters.getCredentials") {
		t.Error(got.Reason)
	}
	expect(t, decided(t, &pb.Cluster{MasterAuth: &pb.MasterAuth{ClientCertificateConfig: &pb.ClientCertificateConfig{}}}, nil)["AUTH-CERT"], posture.Unknown)
	seen := func(w *check.World) { delete(w.Unknown, "credentials") }
	expect(t, decided(t, &pb.Cluster{MasterAuth: &pb.MasterAuth{ClientCertificateConfig: &pb.ClientCertificateConfig{}}}, seen)["AUTH-CERT"], posture.Pass)
}

// vpc_native_cluster: pools need a range of their own.
func TestVPCNativeNeedsNoRangeOfPools(t *testing.T) {
	c := &pb.Cluster{IpAllocationPolicy: &pb.IPAllocationPolicy{UseIpAliases: true}, NodePools: []*pb.NodePool{{Name: "a"}}}
	expect(t, decided(t, c, nil)["NET-VPCN"], posture.Pass)
}

// node_pool_forbid_default_sa: the default account passes by its address.
func TestDefaultAccountByItsAddress(t *testing.T) {
	pools := []*pb.NodePool{
		{Name: "a", Config: &pb.NodeConfig{ServiceAccount: "123-compute@developer.gserviceaccount.com"}}, {Name: "b", Config: &pb.NodeConfig{ServiceAccount: "default"}},
		{Name: "c", Config: &pb.NodeConfig{ServiceAccount: "nodes@p.iam.gserviceaccount.com"}},
	}
	got := decided(t, &pb.Cluster{NodePools: pools}, nil)
	expect(t, got["AUTH-NODESAa"], posture.Fail)
	expect(t, got["AUTH-NODESAb"], posture.Fail)
	expect(t, got["AUTH-NODESAc"], posture.Pass)
}

// Autopilot: what Google sets is told as a violation.
func TestAutopilotIsManaged(t *testing.T) {
	c := &pb.Cluster{Autopilot: &pb.Autopilot{Enabled: true}, NodePools: []*pb.NodePool{{Name: "a", Config: &pb.NodeConfig{ServiceAccount: "default"}}}}
	got := decided(t, c, nil)
	for _, id := range []string{"AUTH-WIF", "NET-NP", "NET-VPCN", "NODE-SHIELD", "UPG-CHAN", "NODE-NAP", "AVAIL-REG"} {
		expect(t, got[id], posture.Managed)
	}
	for _, id := range []string{"AUTH-META", "AUTH-NODESA", "NODE-COS", "NODE-REPAIR", "NODE-UPG", "NODE-INTEG", "NODE-SBOOT"} {
		expect(t, got[id+"a"], posture.Managed)
	}
}

// SCC collector: what Security Command Center is told went by an inverted branch. What we tell it is a finding for each failure
// that is known and for nothing else: see TestLifeOfAFinding, which this names for the list of ten to be whole.
func TestFindingsAreOfKnownFailures(t *testing.T) { TestLifeOfAFinding(t) }
