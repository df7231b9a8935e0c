package posture

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// A Resource is what a verdict is about: a cluster, or what is in one. What does not apply is empty. Names of things in clusters
// are chosen by whoever made them: escape them wherever they are shown.
type Resource struct {
	Project   string `json:"project"`
	Location  string `json:"location,omitempty"`
	Cluster   string `json:"cluster,omitempty"`
	Pool      string `json:"pool,omitempty"`
	Kind      string `json:"kind,omitempty"` // of a Kubernetes object, such as ClusterRoleBinding; or iam.Binding, iam.ServiceAccount, …
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"` // of the object
}

// String is the resource for people: "shop", "shop/pool default-pool", "shop/RoleBinding team-a/edit".
func (r Resource) String() string {
	parts := []string{r.Cluster}
	if r.Cluster == "" {
		parts[0] = r.Project
	}
	if r.Pool != "" {
		parts = append(parts, "pool "+r.Pool)
	}
	if r.Kind != "" {
		name := r.Name
		if r.Namespace != "" {
			name = r.Namespace + "/" + name
		}
		parts = append(parts, r.Kind+" "+name)
	}
	return strings.Join(parts, "/")
}

// ClusterName is the cluster's name for GKE's API: projects/P/locations/L/clusters/C.
func (r Resource) ClusterName() string {
	return fmt.Sprintf("projects/%s/locations/%s/clusters/%s", r.Project, r.Location, r.Cluster)
}

// FullName is the cluster's name, or its pool's, as Asset Inventory and Security Command Center write it; the project's for what
// is in no cluster.
func (r Resource) FullName() string {
	switch {
	case r.Cluster == "":
		return "//cloudresourcemanager.googleapis.com/projects/" + r.Project
	case r.Pool != "":
		return "//container.googleapis.com/" + r.ClusterName() + "/nodePools/" + r.Pool
	}
	return "//container.googleapis.com/" + r.ClusterName()
}

// ID is of a check and what it is about: 32 hexadecimal digits, the same in each run. Runs are compared by it, and the finding
// in Security Command Center has it.
func ID(check string, r Resource) string {
	h := sha256.New()
	for _, part := range []string{check, r.Project, r.Location, r.Cluster, r.Pool, r.Kind, r.Namespace, r.Name} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}
