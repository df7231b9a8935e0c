package gke

import (
	"context"
	"fmt"
	"strings"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/genproto/googleapis/api/monitoredres"
	"google.golang.org/genproto/googleapis/cloud/audit"
	ltype "google.golang.org/genproto/googleapis/logging/type"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// How audit logs name what callers ask for, and the upgrades of nodes and control planes that nobody did.
// https://cloud.google.com/kubernetes-engine/docs/how-to/audit-logging-container
const (
	managed  = "google.container.v1.ClusterManager."
	internal = "google.container.internal.ClusterManagerInternal.UpdateClusterInternal"
)

// An entry is what one says.
type entry struct {
	method, by  string
	pool        string
	operation   string
	first, last bool
	err         error // why it was refused, or failed
}

// auditFirst and auditLast are the two entries of an operation.
func (s *Server) auditFirst(c *cluster, o *operation) {
	s.audit(c, entry{method: o.method, by: o.by, pool: o.pool, operation: o.pb.Name, first: true})
}

func (s *Server) auditLast(c *cluster, o *operation, failed error) {
	s.audit(c, entry{method: o.method, by: o.by, pool: o.pool, operation: o.pb.Name, last: true, err: failed})
}

// auditRefused is the one entry of what was refused.
func (s *Server) auditRefused(ctx context.Context, m mutation, err error) {
	name, pool, _ := strings.Cut(m.name, "/nodePools/")
	s.audit(&cluster{name: name}, entry{method: managed + m.method, by: who(ctx), pool: pool, err: err})
}

func (s *Server) audit(c *cluster, e entry) {
	if s.cfg.Audit == nil {
		return
	}
	parts := strings.Split(c.name, "/")
	resource := &monitoredres.MonitoredResource{Type: "gke_cluster", Labels: map[string]string{
		"project_id": parts[1], "location": parts[3], "cluster_name": parts[5],
	}}
	about := c.name
	if e.pool != "" {
		resource.Type, resource.Labels["nodepool_name"] = "gke_nodepool", e.pool
		about += "/nodePools/" + e.pool
	}
	payload := &audit.AuditLog{
		ServiceName: Service, MethodName: e.method, ResourceName: about,
		AuthenticationInfo: &audit.AuthenticationInfo{PrincipalEmail: e.by},
		AuthorizationInfo: []*audit.AuthorizationInfo{{
			Permission: "container.clusters.update", Resource: about, Granted: status.Code(e.err) != codes.PermissionDenied,
		}},
	}
	severity := ltype.LogSeverity_NOTICE
	if e.err != nil {
		st := status.Convert(e.err)
		payload.Status, severity = &rpcstatus.Status{Code: int32(st.Code()), Message: st.Message()}, ltype.LogSeverity_ERROR
	}
	out := s.entryOf(parts[1], "activity", resource, payload)
	out.Severity = severity
	if e.operation != "" {
		out.Operation = &loggingpb.LogEntryOperation{Id: e.operation, Producer: Service, First: e.first, Last: e.last}
	}
	s.cfg.Audit(out)
}

// entryOf is an entry of now in one of a project's audit logs.
func (s *Server) entryOf(project, log string, resource *monitoredres.MonitoredResource, payload *audit.AuditLog) *loggingpb.LogEntry {
	packed, err := anypb.New(payload)
	if err != nil {
		panic(fmt.Sprintf("audit log of %s: %v", payload.ResourceName, err)) // a name that is not UTF-8, which no form allows
	}
	s.logged++
	return &loggingpb.LogEntry{
		LogName:   "projects/" + project + "/logs/cloudaudit.googleapis.com%2F" + log,
		Resource:  resource,
		Payload:   &loggingpb.LogEntry_ProtoPayload{ProtoPayload: packed},
		Timestamp: timestamppb.New(s.now), ReceiveTimestamp: timestamppb.New(s.now), InsertId: fmt.Sprintf("entry-%d", s.logged),
		Severity: ltype.LogSeverity_INFO,
	}
}
