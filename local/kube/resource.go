package kube

import (
	"fmt"
	"slices"
	"strconv"

	batchv1 "k8s.io/api/batch/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// An object is what the API holds, such as a *corev1.Pod.
type object interface {
	metav1.Object
	runtime.Object
}

// A resource is a kind of objects that is served. All are of their group's v1.
type resource struct {
	group, name, kind string
	namespaced        bool
	short             string
	// fields are those that lists may be narrowed by, besides metadata.name and metadata.namespace.
	fields map[string]func(object) string
}

func podIP(p *corev1.Pod) string {
	if len(p.Status.PodIPs) == 0 {
		return ""
	}
	return p.Status.PodIPs[0].IP
}

func field[T object](f func(T) string) func(object) string {
	return func(o object) string { return f(o.(T)) }
}

const (
	admission    = "admissionregistration.k8s.io"
	apps         = "apps"
	batch        = "batch"
	certificates = "certificates.k8s.io"
	networking   = "networking.k8s.io"
	policy       = "policy"
	rbac         = "rbac.authorization.k8s.io"
	storage      = "storage.k8s.io"
)

// resources are those served. The fields are those that the API server selects by.
// https://kubernetes.io/docs/concepts/overview/working-with-objects/field-selectors/
var resources = []*resource{
	{"", "namespaces", "Namespace", false, "ns", map[string]func(object) string{
		"status.phase": field(func(n *corev1.Namespace) string { return string(n.Status.Phase) }),
	}},
	{"", "nodes", "Node", false, "no", map[string]func(object) string{
		"spec.unschedulable": field(func(n *corev1.Node) string { return strconv.FormatBool(n.Spec.Unschedulable) }),
	}},
	{"", "pods", "Pod", true, "po", map[string]func(object) string{
		"spec.nodeName":            field(func(p *corev1.Pod) string { return p.Spec.NodeName }),
		"spec.restartPolicy":       field(func(p *corev1.Pod) string { return string(p.Spec.RestartPolicy) }),
		"spec.schedulerName":       field(func(p *corev1.Pod) string { return p.Spec.SchedulerName }),
		"spec.serviceAccountName":  field(func(p *corev1.Pod) string { return p.Spec.ServiceAccountName }),
		"spec.hostNetwork":         field(func(p *corev1.Pod) string { return strconv.FormatBool(p.Spec.HostNetwork) }),
		"status.phase":             field(func(p *corev1.Pod) string { return string(p.Status.Phase) }),
		"status.podIP":             field(podIP),
		"status.podIPs":            field(func(*corev1.Pod) string { return "" }), // taken, and never set
		"status.nominatedNodeName": field(func(p *corev1.Pod) string { return p.Status.NominatedNodeName }),
	}},
	{"", "replicationcontrollers", "ReplicationController", true, "rc", map[string]func(object) string{
		"status.replicas": field(func(r *corev1.ReplicationController) string { return strconv.Itoa(int(r.Status.Replicas)) }),
	}},
	{"", "secrets", "Secret", true, "", map[string]func(object) string{
		"type": field(func(s *corev1.Secret) string { return string(s.Type) }),
	}},
	{"", "serviceaccounts", "ServiceAccount", true, "sa", nil},
	{"", "services", "Service", true, "svc", map[string]func(object) string{
		"spec.clusterIP": field(func(s *corev1.Service) string { return s.Spec.ClusterIP }),
		"spec.type":      field(func(s *corev1.Service) string { return string(s.Spec.Type) }),
	}},
	{admission, "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", false, "", nil},
	{admission, "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", false, "", nil},
	{apps, "daemonsets", "DaemonSet", true, "ds", nil},
	{apps, "deployments", "Deployment", true, "deploy", nil},
	{apps, "replicasets", "ReplicaSet", true, "rs", nil},
	{apps, "statefulsets", "StatefulSet", true, "sts", nil},
	{batch, "cronjobs", "CronJob", true, "cj", nil},
	{batch, "jobs", "Job", true, "", map[string]func(object) string{
		"status.successful": field(func(j *batchv1.Job) string { return strconv.Itoa(int(j.Status.Succeeded)) }),
	}},
	{certificates, "certificatesigningrequests", "CertificateSigningRequest", false, "csr", map[string]func(object) string{
		"spec.signerName": field(func(c *certificatesv1.CertificateSigningRequest) string { return c.Spec.SignerName }),
	}},
	{networking, "ingresses", "Ingress", true, "ing", nil},
	{networking, "networkpolicies", "NetworkPolicy", true, "netpol", nil},
	{policy, "poddisruptionbudgets", "PodDisruptionBudget", true, "pdb", nil},
	{rbac, "clusterrolebindings", "ClusterRoleBinding", false, "", nil},
	{rbac, "clusterroles", "ClusterRole", false, "", nil},
	{rbac, "rolebindings", "RoleBinding", true, "", nil},
	{rbac, "roles", "Role", true, "", nil},
	{storage, "storageclasses", "StorageClass", false, "sc", nil},
}

func (r *resource) groupVersion() schema.GroupVersion {
	return schema.GroupVersion{Group: r.group, Version: "v1"}
}

func (r *resource) groupResource() schema.GroupResource {
	return schema.GroupResource{Group: r.group, Resource: r.name}
}

// find returns the resource that test holds for, nil if there is none.
func find(test func(*resource) bool) *resource {
	if i := slices.IndexFunc(resources, test); i >= 0 {
		return resources[i]
	}
	return nil
}

// checkField refuses a field that lists cannot be narrowed by, in the words of each kind.
func (r *resource) checkField(name string) error {
	switch {
	case name == "metadata.name", (r.namespaced || r.fields == nil) && name == "metadata.namespace", r.fields[name] != nil:
		return nil
	case r.fields == nil:
		return fmt.Errorf("%q is not a known field selector: only %q, %q", name, "metadata.name", "metadata.namespace")
	case r.kind == "Job":
		return fmt.Errorf("field label %q not supported for Job", name)
	}
	return fmt.Errorf("field label not supported: %s", name)
}

// fieldsOf are an object's fields that a list may be narrowed by.
func (r *resource) fieldsOf(o object) fields.Set {
	set := fields.Set{"metadata.name": o.GetName(), "metadata.namespace": o.GetNamespace()}
	for name, of := range r.fields {
		set[name] = of(o)
	}
	return set
}
