package snapshot

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Kubernetes is what the cluster's own API says. Objects are Kubernetes' own, without what no decision reads: managed fields,
// most annotations, the values of environment variables. A list that is null was not read: the gaps say why.
type Kubernetes struct {
	Groups              []string                       `json:"groups"` // API groups served
	Namespaces          []corev1.Namespace             `json:"namespaces"`
	Nodes               []Node                         `json:"nodes"`
	Workloads           []Workload                     `json:"workloads"`
	ServiceAccounts     []corev1.ServiceAccount        `json:"serviceaccounts"`
	Roles               []rbacv1.Role                  `json:"roles"`
	ClusterRoles        []rbacv1.ClusterRole           `json:"clusterroles"`
	RoleBindings        []rbacv1.RoleBinding           `json:"rolebindings"`
	ClusterRoleBindings []rbacv1.ClusterRoleBinding    `json:"clusterrolebindings"`
	NetworkPolicies     []networkingv1.NetworkPolicy   `json:"networkpolicies"`
	CustomPolicies      []CustomPolicy                 `json:"custompolicies"`
	Services            []corev1.Service               `json:"services"`
	Ingresses           []networkingv1.Ingress         `json:"ingresses"`
	PDBs                []policyv1.PodDisruptionBudget `json:"poddisruptionbudgets"`
	Webhooks            []Webhook                      `json:"webhooks"`
	CSRs                []CSR                          `json:"certificatesigningrequests"`
	StorageClasses      []storagev1.StorageClass       `json:"storageclasses"`
	// Guards are policies of Gatekeeper and Kyverno that do what Pod Security admission does.
	Guards []Guard `json:"guards"`
	Tokens Tokens  `json:"tokens"`
}

// A Node is what is kept of one.
type Node struct {
	Name    string    `json:"name"`
	Pool    string    `json:"pool"`
	Version string    `json:"version"` // of its kubelet, without the v
	Created time.Time `json:"created"`
	Ready   bool      `json:"ready"`
	OS      string    `json:"os"`
}

// A Workload is what made pods: their controller, a Deployment in place of its ReplicaSets and a CronJob in place of its Jobs;
// or a pod that nothing made.
type Workload struct {
	Namespace string `json:"namespace"`
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	// Templates are its pods without what tells one from the other: more than one during a roll-out, or where somebody changes
	// pods on their way in.
	Templates []Template `json:"templates"`
}

// A Template is some pods of a workload that are alike.
type Template struct {
	// Spec has what decides over security. It is shared, and not to be changed.
	Spec *corev1.PodSpec `json:"spec"`
	// Labels are those that some selector in the cluster asks for: a selector selects all of these pods or none.
	Labels  map[string]string `json:"labels,omitempty"`
	Pods    int               `json:"pods"`              // that have not ended
	Ended   int               `json:"ended,omitempty"`   // that have
	Windows bool              `json:"windows,omitempty"` // on nodes of Windows
}

// A CustomPolicy is a network policy that is no NetworkPolicy: of Cilium, or an administrator's.
type CustomPolicy struct {
	// Kind is CiliumNetworkPolicy, CiliumClusterwideNetworkPolicy, AdminNetworkPolicy or BaselineAdminNetworkPolicy.
	Kind      string `json:"kind"`
	Namespace string `json:"namespace,omitempty"` // of CiliumNetworkPolicy
	Name      string `json:"name"`
	// Subjects select pods; one is enough. None of them selects nodes.
	Subjects []Subject `json:"subjects"`
	// DenyIngress and DenyEgress say that what no rule allows is denied to the pods it selects.
	DenyIngress bool `json:"deny_ingress,omitempty"`
	DenyEgress  bool `json:"deny_egress,omitempty"`
}

// A Subject selects the pods of some namespaces; nil selects all.
type Subject struct {
	Namespaces *metav1.LabelSelector `json:"namespaces,omitempty"`
	Pods       *metav1.LabelSelector `json:"pods,omitempty"`
}

// A Webhook is one of an admission webhook configuration.
type Webhook struct {
	Kind              string                `json:"kind"` // MutatingWebhookConfiguration, ValidatingWebhookConfiguration
	Configuration     string                `json:"configuration"`
	Labels            map[string]string     `json:"labels,omitempty"` // of the configuration
	Name              string                `json:"name"`
	FailurePolicy     string                `json:"failure_policy"` // Fail, Ignore
	TimeoutSeconds    int32                 `json:"timeout_seconds"`
	Service           string                `json:"service,omitempty"` // namespace/name, if it is in the cluster
	URL               bool                  `json:"url,omitempty"`     // it is outside
	Rules             []WebhookRule         `json:"rules"`
	NamespaceSelector *metav1.LabelSelector `json:"namespace_selector,omitempty"`
	ObjectSelector    *metav1.LabelSelector `json:"object_selector,omitempty"`
	Conditions        int                   `json:"conditions,omitempty"` // how many match conditions narrow it
}

// A WebhookRule is what a webhook is asked about.
type WebhookRule struct {
	Operations []string `json:"operations"`
	Groups     []string `json:"groups"`
	Resources  []string `json:"resources"`
	Scope      string   `json:"scope"` // Namespaced, Cluster, *
}

// A CSR is a request for a certificate, without the certificate.
type CSR struct {
	Name          string    `json:"name"`
	Created       time.Time `json:"created"`
	Signer        string    `json:"signer"`
	User          string    `json:"user"` // who asks
	CommonName    string    `json:"common_name"`
	Organizations []string  `json:"organizations,omitempty"`
	Unreadable    bool      `json:"unreadable,omitempty"` // the request is no PKCS #10
	State         string    `json:"state"`                // "pending", "approved", "denied", "failed"
	Issued        bool      `json:"issued"`
}

// A Guard is a policy of another admission controller that holds pods to a standard.
type Guard struct {
	Kind       string   `json:"kind"`
	Name       string   `json:"name"`
	Namespaces []string `json:"namespaces,omitempty"` // those it is for; none for all
	Excluded   []string `json:"excluded,omitempty"`
	Enforced   bool     `json:"enforced"` // it refuses, and does not only tell
}

// Tokens are the static tokens of service accounts: they have no end, and a completed rotation of credentials revokes them.
type Tokens struct {
	// Complete says that there are no others. Without permission to list secrets those are found alone that service accounts
	// name, which is none made by hand since Kubernetes 1.24, and the count is not known.
	Complete bool    `json:"complete"`
	List     []Token `json:"list"`
}

// A Token is a Secret of type kubernetes.io/service-account-token: what is known of it besides the token.
type Token struct {
	Namespace      string    `json:"namespace"`
	Secret         string    `json:"secret"`
	ServiceAccount string    `json:"service_account"`
	Created        time.Time `json:"created,omitzero"`
	// LastUsed is a day: the API server notes no more. Zero if it was not used since it is noted, or that is not known.
	LastUsed time.Time `json:"last_used,omitzero"`
	// InvalidSince is the day from which on the API server refuses it; zero if it is in force.
	InvalidSince time.Time `json:"invalid_since,omitzero"`
}
