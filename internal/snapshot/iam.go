package snapshot

import "time"

// IAM is what Cloud IAM says of the cluster's project and those above it. A list that is null was not read: the gaps say why.
type IAM struct {
	ProjectNumber string `json:"project_number,omitempty"`
	// Policies are those of the project, and of each folder and organization above it, in that order. What could not be read is
	// absent, and among the gaps under its name.
	Policies []Policy `json:"policies"`
	// Found are the policies of resources in the project that let everybody in, or let workloads of clusters act as a service
	// account, as Asset Inventory found them.
	Found []Policy `json:"found"`
	// Accounts are service accounts of the project that the cluster's nodes or workloads act as.
	Accounts []Account `json:"accounts"`
	// Roles are what the roles in the policies allow, of what [Deciding] names. A role that is absent could not be read.
	Roles map[string][]string `json:"roles"`
	// Unused are grants that Google's recommender says nobody has used.
	Unused []Unused `json:"unused"`
}

// A Policy is who may do what with a resource.
type Policy struct {
	Resource string        `json:"resource"` // projects/p, folders/12, organizations/34; what was found: its full name
	Bindings []Binding     `json:"bindings"`
	Audit    []AuditConfig `json:"audit,omitempty"`
}

// A Binding grants a role.
type Binding struct {
	Role      string   `json:"role"`
	Members   []string `json:"members"`             // user:…, group:…, serviceAccount:…, allUsers, …
	Condition string   `json:"condition,omitempty"` // its expression: the grant is narrower, or ends
}

// AuditConfig is which accesses to a service are logged.
type AuditConfig struct {
	Service string `json:"service"` // container.googleapis.com, allServices
	// Types are ADMIN_READ, DATA_WRITE, DATA_READ.
	Types []string `json:"types"`
	// Exempted are members whose accesses are not logged.
	Exempted []string `json:"exempted,omitempty"`
}

// An Account is a service account.
type Account struct {
	Email    string    `json:"email"`
	Pools    []string  `json:"pools,omitempty"` // whose nodes are it
	Used     []string  `json:"used,omitempty"`  // namespace/name of the Kubernetes service accounts that say they act as it
	Bindings []Binding `json:"bindings"`        // who may act as it
	Keys     []Key     `json:"keys"`            // that somebody made
}

// A Key is a service account's key that its user manages.
type Key struct {
	ID      string    `json:"id"`
	Created time.Time `json:"created,omitzero"`
	Ends    time.Time `json:"ends,omitzero"`
}

// Unused is a grant that nobody has used.
type Unused struct {
	Resource string `json:"resource"`
	Member   string `json:"member"`
	Role     string `json:"role"`
	Text     string `json:"text"` // Google's words
}

// Deciding are the permissions that decide over a cluster.
var Deciding = []string{
	"container.clusterRoleBindings.create", "container.clusters.getCredentials", "container.clusters.update", "container.pods.create",
	"container.pods.exec", "container.secrets.get", "container.secrets.list", "iam.serviceAccounts.actAs", "iam.serviceAccounts.getAccessToken",
	"iam.serviceAccountKeys.create", "resourcemanager.projects.setIamPolicy",
}
