package gke

import (
	"context"
	"strings"
	"testing"
	"time"

	container "cloud.google.com/go/container/apiv1"
	pb "cloud.google.com/go/container/apiv1/containerpb"
	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/genproto/googleapis/cloud/audit"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"tiercel.dev/local/caller"
	"tiercel.dev/local/clock"
)

const (
	day = 24 * time.Hour
	lab = "projects/p/locations/europe-west1/clusters/lab"
)

var monday = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

// A world is one cluster of two pools with two nodes and one, and its clock.
type world struct {
	*testing.T
	*Server
	client *container.ClusterManagerClient
	clock  *clock.Clock
	audit  *[]*loggingpb.LogEntry
}

// at has the time stand at a moment, which is monday for most.
func begin(t *testing.T, cfg Config, change ...func(*pb.Cluster)) world {
	t.Helper()
	now := clock.New(monday)
	var entries []*loggingpb.LogEntry
	cfg.Now, cfg.Audit = now.Now, func(e *loggingpb.LogEntry) { entries = append(entries, e) }
	s := New(cfg)
	c := &pb.Cluster{
		Name: "lab", Location: "europe-west1", CurrentMasterVersion: "1.33.4-gke.1000", Status: pb.Cluster_RUNNING, Endpoint: "198.51.100.7",
		CreateTime: "2025-01-01T00:00:00Z",
		MasterAuth: &pb.MasterAuth{ClusterCaCertificate: CA("lab", monday.Add(-1000*day), monday.Add(1000*day))},
		NodePools: []*pb.NodePool{
			{Name: "first", Version: "1.33.4-gke.1000", InitialNodeCount: 2}, {Name: "second", Version: "1.33.4-gke.1000", InitialNodeCount: 1},
		},
	}
	for _, f := range change {
		f(c)
	}
	if err := s.PutCluster("p", c); err != nil {
		t.Fatal(err)
	}
	return world{t, s, dial(t, s), now, &entries}
}

// advance has time pass, and what is due by then be done.
func (w world) advance(d time.Duration) {
	w.clock.Advance(d)
	w.CatchUp()
}

func (w world) cluster() *pb.Cluster {
	w.Helper()
	c, err := w.client.GetCluster(w.Context(), &pb.GetClusterRequest{Name: lab})
	if err != nil {
		w.Fatal(err)
	}
	return c
}

func (w world) startRotation() (*pb.Operation, error) {
	return w.client.StartIPRotation(as(w.Context(), "ann@example.com"), &pb.StartIPRotationRequest{Name: lab, RotateCredentials: true})
}

func (w world) completeRotation() (*pb.Operation, error) {
	return w.client.CompleteIPRotation(w.Context(), &pb.CompleteIPRotationRequest{Name: lab})
}

func as(ctx context.Context, who string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, caller.Header, who)
}

// said is the audit log in short: how many minutes after monday, the method's end, who, which part of an operation, what it
// came to.
func (w world) said() (lines []string) {
	for _, e := range *w.audit {
		a := new(audit.AuditLog)
		if err := e.GetProtoPayload().UnmarshalTo(a); err != nil {
			w.Fatal(err)
		}
		line := []string{e.Timestamp.AsTime().Sub(monday).String(), a.MethodName[strings.LastIndex(a.MethodName, ".")+1:], a.AuthenticationInfo.PrincipalEmail}
		if e.Operation.GetFirst() {
			line = append(line, "first")
		}
		if e.Operation.GetLast() {
			line = append(line, "last")
		}
		if a.Status != nil {
			line = append(line, codes.Code(a.Status.Code).String())
		}
		lines = append(lines, strings.Join(line, " "))
	}
	return lines
}

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
