package rotate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
)

// A Certificate is one for a client of the cluster that its authority was asked for through the Certificates API, and that ends with
// the completion.
type Certificate struct {
	Request string    `json:"request"`       // name of the CertificateSigningRequest
	For     string    `json:"for,omitempty"` // who asked for it, if the request is still there
	By      string    `json:"by,omitempty"`  // who approved it, as the audit log has it
	At      time.Time `json:"at"`
}

// Issued are the certificates that were seen: by requests, which the cluster forgets an hour after they were answered, and by
// approvals in the audit log. Nothing tells of all.
type Issued struct {
	List  []Certificate `json:"list,omitempty"`
	Until time.Time     `json:"until,omitzero"` // the audit log was read until then
}

const (
	// issuedBack is how far back approvals are looked for: for so long a certificate is good at most where nobody has changed that.
	issuedBack = 366 * day
	// maxIssued bounds what a record keeps of them.
	maxIssued = 200

	kindIssued = "certificates"
	ackIssued  = "certificates-unknown"

	renew = "have whoever uses one ask for another, which the new authority signs"
)

// issuedSince is from when on the audit log is to be read for approvals, as usesSince.
func (r *Record) issuedSince(at time.Time) time.Time {
	return r.logSince(r.Issued.Until, at, issuedBack)
}

// requested are the certificates of the requests that are there. Those of nodes are made anew with them, and those of other signers
// are not by the cluster's authority.
func requested(s *snapshot.Snapshot, all []snapshot.CSR) Known[[]Certificate] {
	return take(s, "certificatesigningrequests", all, func(c snapshot.CSR) (Certificate, bool) {
		client := c.Signer == "kubernetes.io/kube-apiserver-client" || c.Signer == "kubernetes.io/legacy-unknown"
		return Certificate{Request: c.Name, For: c.User, At: c.Created}, client && c.State == "approved"
	})
}

// issued takes over what was seen of certificates, and keeps it until the rotation is over.
func (n *next) issued() {
	r := &n.r.Issued
	if !n.r.Stage().open() {
		r.List = slices.DeleteFunc(r.List, func(c Certificate) bool { return n.now.Sub(c.At) > issuedBack })
	}
	for _, c := range append(slices.Clone(n.o.Requests.Value), n.o.Approved.Value...) {
		i := slices.IndexFunc(r.List, func(o Certificate) bool { return o.Request == c.Request })
		switch {
		case i < 0 && len(r.List) < maxIssued:
			r.List = append(r.List, c)
		case i >= 0 && r.List[i].For == "":
			r.List[i].For = c.For
		case i >= 0 && r.List[i].By == "":
			r.List[i].By = c.By
		}
	}
	slices.SortFunc(r.List, func(a, b Certificate) int { return strings.Compare(a.Request, b.Request) })
	if n.o.Approved.OK {
		r.Until = n.readUntil(r.Until, n.o.IssuedSince, issuedBack)
	}
}

// certificates is who may use one that the completion ends. What is not known is said, and answered for, whatever is seen.
func (n *next) certificates() []blocker {
	what := "nobody knows of all certificates that the cluster's authority has issued through the Certificates API, which the completion ends: " +
		"a request is forgotten an hour after its answer"
	if g := n.o.Requests.Gap; !n.o.Requests.OK {
		what += fmt.Sprintf(" (and those that are there could not be listed: %s)", g.Error)
	}
	switch g := n.o.Approved.Gap; {
	case g.Error != "":
		what += fmt.Sprintf(", and the audit log could not be read for approvals (%s: %s)", g.Call, g.Error)
	case !n.logKnown(n.o.Approved.OK, g, n.r.Issued.Until):
		what += ", and the audit log was not read for approvals"
	default:
		what += ", and the audit log tells of approvals, but not of signers who need none"
	}
	all := []blocker{{kindIssued, posture.Blocker{What: what, Fix: renew, Acknowledge: ackIssued}}}
	var names, told []string
	for _, c := range n.r.Issued.List {
		names, told = append(names, c.Request), append(told, c.Request+" ("+c.told()+")")
	}
	if len(names) > 0 {
		all = append(all, blocker{kindIssued, posture.Blocker{
			What: "certificates for clients that the cluster's authority has issued, which the completion ends: " + list(told),
			Fix:  renew, Acknowledge: id(kindIssued, names...),
		}})
	}
	return all
}

func (c *Certificate) told() string {
	text := "of " + c.At.UTC().Format(time.DateOnly)
	if c.For != "" {
		text += ", asked for by " + c.For
	}
	if c.By != "" {
		text += ", approved by " + c.By
	}
	return text
}
