package posture

import "time"

// ClusterVersion is of the form of a [Cluster].
const ClusterVersion = 1

// A Cluster is what one run came to of one cluster: the record that a worker writes, and the report reads.
type Cluster struct {
	// Form is the version of a record; 0 where it is none, and before there were versions.
	Form int `json:"form,omitempty"`

	Run    string    `json:"run"`  // the schedule's time, RFC 3339 in UTC
	Time   time.Time `json:"time"` // when it was looked at
	RunSet string    `json:"set"`  // hash of the checks in force
	// What was looked at; Resource has no pool and no object.
	Resource  Resource          `json:"resource"`
	Labels    map[string]string `json:"labels,omitempty"`
	Version   string            `json:"version,omitempty"`
	Channel   string            `json:"channel,omitempty"`
	Autopilot bool              `json:"autopilot,omitempty"`
	Nodes     int               `json:"nodes,omitempty"`
	Results   []Result          `json:"results"`
	CA        *CA               `json:"ca,omitempty"`
	// Network is how far network policies reach, by namespace; nil if the cluster's API could not be read.
	Network    *Network    `json:"network,omitempty"`
	Principals []Principal `json:"principals,omitempty"` // the mightiest first, at most 100
	Gaps       []Gap       `json:"gaps,omitempty"`
	// Gone says that there is no such cluster any more: nothing is said of it, and what was said of it has ended.
	Gone bool `json:"gone,omitempty"`
}

// A CA is the certificate authority of a cluster.
type CA struct {
	Fingerprint string    `json:"fingerprint"` // SHA-256 of the certificate, 64 hexadecimal digits
	NotBefore   time.Time `json:"not_before"`
	NotAfter    time.Time `json:"not_after"`
}

// A Gap is what could not be read, so that what depends on it is UNKNOWN.
type Gap struct {
	Part       string `json:"part"` // of package snapshot
	Call       string `json:"call"` // the method that did not answer
	Permission string `json:"permission,omitempty"`
	Error      string `json:"error"`
	Fix        string `json:"fix,omitempty"`
	// Passing says that another try may find out: a quota was used up, or there was no answer.
	Passing bool `json:"passing,omitempty"`
	// Withheld says that the right to see it is not granted, on purpose: no role that has it is narrow enough to give to who only
	// looks, or IAM has none. Error says which it is.
	Withheld bool `json:"withheld,omitempty"`
}

// Network is how far network policies reach.
type Network struct {
	// Enforced says that the cluster has an engine that heeds policies, and Engine which: "Dataplane V2", "Calico" or "none".
	Enforced   bool        `json:"enforced"`
	Engine     string      `json:"engine"`
	Pods       int         `json:"pods"`    // not on the host's network, outside of the system's namespaces
	Covered    int         `json:"covered"` // selected by any policy
	Namespaces []Namespace `json:"namespaces,omitempty"`
}

// A Namespace is how far network policies reach in one.
type Namespace struct {
	Name    string `json:"name"`
	Pods    int    `json:"pods"`
	Covered int    `json:"covered"`
	Level   string `json:"level"` // "none", "partial", "default deny ingress", "default deny"
}

// A Principal is somebody with rights in a cluster, by RBAC, by IAM, or by both.
type Principal struct {
	Name   string  `json:"name"` // user:…, group:…, serviceAccount:…, system:…
	Kind   string  `json:"kind"` // User, Group, ServiceAccount, Everyone
	Grants []Grant `json:"grants"`
	Broad  string  `json:"broad,omitempty"` // why it is too much, if it is
	// Members is "unknown" of a group, a domain or a pool of workloads: who is in it no role of IAM lets anybody see.
	Members string `json:"members,omitempty"`
}

// A Grant is one right of a principal.
type Grant struct {
	Via   string `json:"via"`   // "RBAC" or "IAM"
	Role  string `json:"role"`  // cluster-admin, roles/container.admin
	Scope string `json:"scope"` // "cluster", "namespace team-a", "project p", "folder 12", "organization 34"
	By    string `json:"by"`    // the binding: "ClusterRoleBinding x"
	// Rights are those of a role of RBAC that make it dangerous, at most 16.
	Rights []Right `json:"rights,omitempty"`
}

// A Right is one verb on one resource, as a rule of RBAC says it: "*" is all.
type Right struct {
	Verb     string `json:"verb"`
	Group    string `json:"group,omitempty"` // of the API; "" is the core group
	Resource string `json:"resource"`        // with "/" and the subresource behind it: pods/exec
}
