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

// begin has the world stand on monday.
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

// operations are those of the location, the earliest first.
func (w world) operations() []*pb.Operation {
	w.Helper()
	all, err := w.client.ListOperations(w.Context(), &pb.ListOperationsRequest{Parent: "projects/p/locations/-"})
	if err != nil {
		w.Fatal(err)
	}
	return all.Operations
}
