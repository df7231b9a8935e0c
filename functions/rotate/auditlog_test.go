package rotate

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	logging "cloud.google.com/go/logging/apiv2"
	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/api/option"
	"google.golang.org/genproto/googleapis/api/monitoredres"
	auditpb "google.golang.org/genproto/googleapis/cloud/audit"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	locallogging "tiercel.dev/local/logging"
)

// wrote is an entry of an audit log.
func wrote(t *testing.T, at time.Time, method, who, operation string, code int32) *loggingpb.LogEntry {
	t.Helper()
	payload, err := anypb.New(&auditpb.AuditLog{
		ServiceName: "container.googleapis.com", MethodName: "google.container.v1.ClusterManager." + method,
		ResourceName:       "projects/p/zones/europe-west1/clusters/shop",
		AuthenticationInfo: &auditpb.AuthenticationInfo{PrincipalEmail: who}, Status: &rpcstatus.Status{Code: code},
	})
	if err != nil {
		t.Fatal(err)
	}
	e := &loggingpb.LogEntry{
		LogName: "projects/p/logs/cloudaudit.googleapis.com%2Factivity", Timestamp: timestamppb.New(at), Resource: &monitoredres.MonitoredResource{Type: "gke_cluster"},
		Payload: &loggingpb.LogEntry_ProtoPayload{ProtoPayload: payload}, InsertId: fmt.Sprint(at.UnixNano()),
	}
	if operation != "" {
		e.Operation = &loggingpb.LogEntryOperation{Id: operation}
	}
	return e
}

// A log of more than one page is read to its end; an operation's two entries are one event, and fail if the last says so.
func TestAuditLog(t *testing.T) {
	s, pages := (*locallogging.Server)(nil), 0
	s = locallogging.New(locallogging.Config{Before: func(context.Context, string, string) error { pages++; return nil }})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer()
	s.Register(g)
	go g.Serve(l)
	t.Cleanup(g.Stop)
	client, err := logging.NewClient(t.Context(), option.WithEndpoint(l.Addr().String()), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	at := func(minutes int) time.Time { return monday.Add(time.Duration(minutes) * time.Minute) }
	for i := range auditPage { // refused, so none has an operation
		s.Write(wrote(t, at(-5000+i), "StartIPRotation", "mallory@example.com", "", 7))
	}
	s.Write(wrote(t, monday.Add(-61*day), "StartIPRotation", "ancient@example.com", "op-0", 0))
	s.Write(wrote(t, at(-30), "StartIPRotation", "carol@example.com", "op-1", 0))
	s.Write(wrote(t, at(-20), "StartIPRotation", "carol@example.com", "op-1", 0))
	s.Write(wrote(t, at(-10), "CompleteIPRotation", "service-1@container-engine-robot.iam.gserviceaccount.com", "op-2", 0))
	s.Write(wrote(t, at(-5), "CompleteIPRotation", "service-1@container-engine-robot.iam.gserviceaccount.com", "op-2", 9))
	s.Write(wrote(t, at(-4), "SetMasterAuth", "carol@example.com", "op-3", 0))
	got := (&Lookout{Logs: client}).audit(t.Context(), "p", monday)
	if !got.OK || pages != 2 || len(got.Value) != 1 {
		t.Fatalf("%d pages, %v", pages, got.Gap)
	}
	events := got.Value[shop.ClusterName()]
	if len(events) != auditPage+2 {
		t.Fatalf("%d events", len(events))
	}
	want := []Event{
		{Time: at(-30), Phase: Start, Principal: "carol@example.com", Operation: "op-1"},
		{Time: at(-10), Phase: Complete, Operation: "op-2", Failed: true},
	}
	for i, w := range want {
		if e := events[auditPage+i]; e != w {
			t.Errorf("%+v, want %+v", e, w)
		}
	}
	if e := events[0]; !e.Failed || e.Principal != "mallory@example.com" {
		t.Errorf("%+v", e)
	}
}
