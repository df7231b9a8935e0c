package rotate

import (
	"strings"
	"testing"
	"time"

	"tiercel.dev/internal/snapshot"
	"tiercel.dev/local/gke"
)

// signed has somebody approve a request for a certificate.
func (c *cloud) signed(by, name string) {
	c.Helper()
	c.asked(gke.Request{
		Method: "io.k8s.certificates.v1.certificatesigningrequests.approval.update", By: by,
		Resource: "certificates.k8s.io/v1/certificatesigningrequests/" + name + "/approval",
	})
}

// Certificates that the cluster's authority has issued end with the completion. Those that were seen are named, by the request while it
// is there and by the audit log later, and those that nobody has seen are answered for as well.
func TestIssuedCertificates(t *testing.T) {
	c := newCloud(t, guided, permissions(""))
	csrs := []snapshot.CSR{
		{Name: "jane", Signer: "kubernetes.io/kube-apiserver-client", User: "jane@example.com", State: "approved", Created: monday.Add(-time.Minute)},
		{Name: "wanted", Signer: "kubernetes.io/kube-apiserver-client", User: "joe@example.com", State: "pending"},
		{Name: "node-1", Signer: "kubernetes.io/kube-apiserver-client-kubelet", User: "kubelet", State: "approved"},
		{Name: "mesh", Signer: "example.com/mesh", User: "mesh", State: "approved"},
	}
	c.inside = func(s *snapshot.Snapshot) { c.well(s); s.Kubernetes.CSRs = csrs }
	c.signed("admin@example.com", "jane")
	c.signed("system:gcp-controller-manager", "node-2")
	c.signed("admin@example.com", "deploy")
	c.tick(0)
	csrs = []snapshot.CSR{} // as an hour later
	c.approve(alice, Start)
	r := c.until(ClientsPending)
	seen := id(kindIssued, "jane", "deploy")
	if len(r.Blockers) != 3 || r.Blockers[1].Acknowledge != ackIssued || r.Blockers[2].Acknowledge != seen {
		t.Fatalf("%v", r.Blockers)
	}
	want := "deploy (of 2026-11-02, approved by admin@example.com), jane (of 2026-11-02, asked for by jane@example.com, approved by admin@example.com)"
	if !strings.HasSuffix(r.Blockers[2].What, want) {
		t.Error(r.Blockers[2].What)
	}
	c.approve(bob, Complete, "clients-moved", ackIssued, seen)
	c.signed("admin@example.com", "late")
	if r = c.tick(time.Hour); r.State != ClientsPending || !strings.Contains(r.Blockers[0].What, "late (of") {
		t.Fatalf("%s: %s", r.State, r.Reason)
	}
	c.approve(bob, Complete, id(kindIssued, "jane", "deploy", "late"))
	c.until(Done)
}

// What cannot be read of certificates is said, beside that nobody knows of all.
func TestCertificatesThatCannotBeSeen(t *testing.T) {
	c := newCloud(t, guided, permissions(""))
	c.inside = func(s *snapshot.Snapshot) { c.well(s); s.Kubernetes.CSRs = nil }
	c.tick(0)
	c.approve(alice, Start)
	c.until(ClientsPending)
	c.may[us] = []string{"container.clusters.list", "container.clusters.get", "container.operations.list"}
	r := c.tick(3 * time.Hour)
	what := r.Blockers[len(r.Blockers)-1].What
	if !strings.Contains(what, "could not be listed") || !strings.Contains(what, "could not be read for approvals (ListLogEntries: Permission 'logging.logEntries.list' denied") {
		t.Error(what)
	}
}
