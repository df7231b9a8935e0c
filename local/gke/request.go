package gke

import (
	"fmt"
	"strings"

	"google.golang.org/genproto/googleapis/api/monitoredres"
	"google.golang.org/genproto/googleapis/cloud/audit"
)

// A Request is one to a cluster's own API, as audit logs tell of it.
type Request struct {
	Method   string // such as io.k8s.core.v1.pods.list
	Resource string // such as core/v1/namespaces/shop/pods
	By       string // the user, such as system:serviceaccount:shop:ci
	Address  string // where it came from
	Program  string // what it said of itself
	// Token is the Secret of the static token that it came with; empty if with none.
	Token string
	// Read puts it into the Data Access log, as long as somebody has switched that on, which is the caller's to say.
	Read bool
}

// Asked writes what the API server of a cluster logs of a request, with the annotations of Kubernetes' audit event as labels.
// https://cloud.google.com/kubernetes-engine/docs/concepts/audit-policy
func (s *Server) Asked(cluster string, r Request) error {
	s.lock()
	defer s.mu.Unlock()
	if s.clusters[cluster] == nil || s.cfg.Audit == nil {
		return fmt.Errorf("%s: no such cluster, or no audit log", cluster)
	}
	parts := strings.Split(cluster, "/")
	log := "activity"
	if r.Read {
		log = "data_access"
	}
	out := s.entryOf(parts[1], log, &monitoredres.MonitoredResource{Type: "k8s_cluster", Labels: map[string]string{
		"project_id": parts[1], "location": parts[3], "cluster_name": parts[5],
	}}, &audit.AuditLog{
		ServiceName: "k8s.io", MethodName: r.Method, ResourceName: r.Resource,
		AuthenticationInfo: &audit.AuthenticationInfo{PrincipalEmail: r.By},
		RequestMetadata:    &audit.RequestMetadata{CallerIp: r.Address, CallerSuppliedUserAgent: r.Program},
	})
	out.Labels = map[string]string{"authorization.k8s.io/decision": "allow"}
	if r.Token != "" {
		out.Labels["authentication.k8s.io/legacy-token"] = r.By
		out.Labels["authentication.k8s.io/legacy-token-manual-secret"] = r.Token
	}
	s.cfg.Audit(out)
	return nil
}
