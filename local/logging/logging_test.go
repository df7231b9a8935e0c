package logging

import (
	"context"
	"fmt"
	"testing"
	"time"

	logging "cloud.google.com/go/logging/apiv2"
	pb "cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/api/iterator"
	"google.golang.org/genproto/googleapis/api/monitoredres"
	"google.golang.org/genproto/googleapis/cloud/audit"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tiercel.dev/local/caller"
	"tiercel.dev/local/loopback"
)

var start = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

func dial(t *testing.T, s *Server) *logging.Client {
	t.Helper()
	c, err := logging.NewClient(t.Context(), loopback.Serve(t, s)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// write writes one entry for each method, a minute apart.
func write(t *testing.T, s *Server, cluster string, methods ...string) {
	t.Helper()
	for i, method := range methods {
		payload, err := anypb.New(&audit.AuditLog{
			MethodName: "google.container.v1.ClusterManager." + method, ServiceName: "container.googleapis.com",
			AuthenticationInfo: &audit.AuthenticationInfo{PrincipalEmail: "ann@example.com"},
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Write(&pb.LogEntry{
			LogName: "projects/p/logs/cloudaudit.googleapis.com%2Factivity", InsertId: fmt.Sprintf("%s %s %d", cluster, method, i),
			Resource: &monitoredres.MonitoredResource{Type: "gke_cluster", Labels: map[string]string{"cluster_name": cluster, "project_id": "p"}},
			Payload:  &pb.LogEntry_ProtoPayload{ProtoPayload: payload}, Timestamp: timestamppb.New(start.Add(time.Duration(i) * time.Minute)),
		})
	}
}

func list(ctx context.Context, c *logging.Client, r *pb.ListLogEntriesRequest) (ids []string, err error) {
	r.ResourceNames = []string{"projects/p"}
	for it := c.ListLogEntries(ctx, r); ; {
		e, err := it.Next()
		if err == iterator.Done {
			return ids, nil
		}
		if err != nil {
			return nil, err
		}
		ids = append(ids, e.InsertId)
	}
}

func TestFinds(t *testing.T) {
	s := New(Config{})
	write(t, s, "shop", "StartIPRotation", "UpdateCluster", "CompleteIPRotation")
	write(t, s, "lab", "StartIPRotation")
	c := dial(t, s)
	for filter, want := range map[string]string{
		`resource.labels.cluster_name="shop" protoPayload.methodName=~"ClusterManager\\.(Start|Complete)IPRotation$"`: "[shop StartIPRotation 0 shop CompleteIPRotation 2]",
		`resource.type = "gke_cluster" AND timestamp > "2026-11-02T12:00:00Z" AND timestamp<="2026-11-02T12:01:00Z"`:  "[shop UpdateCluster 1]",
		`log_id("cloudaudit.googleapis.com/activity") AND resource.labels.cluster_name=lab`:                           "[lab StartIPRotation 0]",
		`logName="projects/p/logs/cloudaudit.googleapis.com%2Factivity" protoPayload.methodName!~"IPRotation"`:        "[shop UpdateCluster 1]",
		`protoPayload.authenticationInfo.principalEmail="ANN@example.com" -resource.labels.cluster_name:"sho"`:        "[lab StartIPRotation 0]",
		`resource.type="gke_nodepool"`: "[]",
	} {
		got, err := list(t.Context(), c, &pb.ListLogEntriesRequest{Filter: filter})
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %v, %v", filter, got, err)
		}
	}
}

func TestPagesInBothOrders(t *testing.T) {
	s := New(Config{})
	write(t, s, "shop", "A", "B", "C", "D", "E")
	c := dial(t, s)
	got, err := list(t.Context(), c, &pb.ListLogEntriesRequest{PageSize: 2, OrderBy: "timestamp desc"})
	if err != nil || fmt.Sprint(got) != "[shop E 4 shop D 3 shop C 2 shop B 1 shop A 0]" {
		t.Errorf("%v, %v", got, err)
	}
	first, err := s.ListLogEntries(t.Context(), &pb.ListLogEntriesRequest{ResourceNames: []string{"projects/p"}, PageSize: 2})
	if err != nil {
		t.Fatal(err)
	}
	other := &pb.ListLogEntriesRequest{ResourceNames: []string{"projects/p"}, PageSize: 2, PageToken: first.NextPageToken, OrderBy: "timestamp desc"}
	if _, err := s.ListLogEntries(t.Context(), other); status.Code(err) != codes.InvalidArgument {
		t.Errorf("another request goes on with the token: %v", err)
	}
}

func TestRefuses(t *testing.T) {
	c := dial(t, New(Config{}))
	for _, r := range []*pb.ListLogEntriesRequest{
		{Filter: `protoPayload.nothing="x"`}, {Filter: `resource.type`}, {Filter: `timestamp>="yesterday"`}, {Filter: `timestamp=~"2026"`},
		{Filter: `protoPayload.methodName=~"("`}, {Filter: `source("x")`}, {Filter: `resource.type<"x"`}, {OrderBy: "severity"}, {PageSize: 1001},
	} {
		if _, err := list(t.Context(), c, r); status.Code(err) != codes.InvalidArgument {
			t.Errorf("%v: %v", r, err)
		}
	}
}

func TestPermission(t *testing.T) {
	s := New(Config{Permissions: caller.Permissions{"viewer": {"logging.logEntries.list"}}})
	write(t, s, "shop", "A")
	c := dial(t, s)
	for who, want := range map[string]codes.Code{"viewer": codes.OK, "other": codes.PermissionDenied, "": codes.PermissionDenied} {
		_, err := list(metadata.AppendToOutgoingContext(t.Context(), caller.Header, who), c, &pb.ListLogEntriesRequest{})
		if status.Code(err) != want {
			t.Errorf("%q: %v", who, err)
		}
	}
}
