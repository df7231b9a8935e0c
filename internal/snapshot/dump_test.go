package snapshot_test

//lint:file-ignore SA1019 what is deprecated may hold a password all the same

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	recommender "cloud.google.com/go/recommender/apiv1/recommenderpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
)

func whole() *snapshot.Snapshot {
	target := "1.34.1-gke.1"
	return &snapshot.Snapshot{
		Time: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Resource: shop,
		Cluster: &pb.Cluster{Name: "shop", LegacyAbac: &pb.LegacyAbac{Enabled: true}, Location: "europe-west1",
			MasterAuth: &pb.MasterAuth{ClientCertificate: "certificate", ClusterCaCertificate: "authority"},
			NodePools:  []*pb.NodePool{{Name: "default-pool", Status: pb.NodePool_RUNNING}, {Name: "odd", Status: 77}}},
		ServerConfig: &pb.ServerConfig{DefaultClusterVersion: target},
		Upgrade:      &pb.ClusterUpgradeInfo{MinorTargetVersion: &target},
		PoolUpgrades: map[string]*pb.NodePoolUpgradeInfo{"default-pool": {}},
		Operations:   []*pb.Operation{},
		Insights:     []*recommender.Insight{{Name: "i"}},
		Gaps:         []posture.Gap{{Part: snapshot.PartIAM, Call: "GetIamPolicy", Error: "no"}},
	}
}

// What was read, what was empty and what is not known are the same after a dump.
func TestDumpComesBack(t *testing.T) {
	var b bytes.Buffer
	unlisted := &snapshot.Snapshot{Resource: posture.Resource{Project: "q"}, Gaps: []posture.Gap{{Part: "clusters", Call: "ListClusters", Error: "no"}}}
	for _, s := range []*snapshot.Snapshot{whole(), unlisted} {
		if err := snapshot.Encode(&b, s); err != nil {
			t.Fatal(err)
		}
	}
	d := snapshot.NewDecoder(&b)
	for _, want := range []*snapshot.Snapshot{whole(), unlisted} {
		got, err := d.Decode()
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got, protocmp.Transform()); d != "" {
			t.Errorf("-want +got:\n%s", d)
		}
	}
	if _, err := d.Decode(); err != io.EOF {
		t.Errorf("%v", err)
	}
}

func TestDumpHasNoSecrets(t *testing.T) {
	s := whole()
	s.Cluster.MasterAuth.ClientKey, s.Cluster.MasterAuth.Password = "opensesame", "opensesame"
	var b bytes.Buffer
	if err := snapshot.Encode(&b, s); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "opensesame") {
		t.Error(b.String())
	}
	if s.Cluster.MasterAuth.ClientKey == "" {
		t.Error("the caller's message was changed")
	}
}

func TestNoDump(t *testing.T) {
	for text, want := range map[string]string{
		`{"version":2}`: "version is 2", `{"version":1}`: "resource.project is empty", `x`: "invalid character", `{"version":1,`: "unexpected EOF",
		`{"version":1,"resource":{"project":"p","cluster":"c"}}`:                                           "cluster is missing",
		`{"version":1,"resource":{"project":"p"},"new_part":1}`:                                            "new_part",
		`{"version":1,"resource":{"project":"p","cluster":"c"},"cluster":{"of_next_year":true}}`:           "of_next_year",
		`{"version":1,"resource":{"project":"p","cluster":"c"},"cluster":{},"operations":[{"status":[]}]}`: "operations",
	} {
		_, err := snapshot.NewDecoder(strings.NewReader(text)).Decode()
		if !errors.Is(err, snapshot.ErrNoDump) || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "document 1: ") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}

// Whoever gives a dump gives text: it is read whole, or refused.
func FuzzDecode(f *testing.F) {
	var b bytes.Buffer
	if err := snapshot.Encode(&b, whole()); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"version":1,"resource":{"project":"p"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := snapshot.NewDecoder(bytes.NewReader(data)).Decode()
		if err != nil {
			if !errors.Is(err, snapshot.ErrNoDump) && err != io.EOF {
				t.Fatal(err)
			}
			return
		}
		var again bytes.Buffer
		if err := snapshot.Encode(&again, s); err != nil {
			t.Fatal(err)
		}
		if _, err := snapshot.NewDecoder(&again).Decode(); err != nil {
			t.Fatal(err)
		}
	})
}
