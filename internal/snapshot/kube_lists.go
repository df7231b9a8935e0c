package snapshot

import (
	admissionv1 "k8s.io/api/admissionregistration/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// lists are read in this order, before pods: what selects pods says which of their labels are kept.
var lists = []list{
	asIs(corev1.SchemeGroupVersion, "namespaces", &corev1.NamespaceList{}, func(k *Kubernetes) *[]corev1.Namespace { return &k.Namespaces }),
	listOf(corev1.SchemeGroupVersion, "nodes", &corev1.NodeList{}, func(k *Kubernetes) *[]Node { return &k.Nodes }, takeNode),
	listOf(corev1.SchemeGroupVersion, "serviceaccounts", &corev1.ServiceAccountList{}, func(k *Kubernetes) *[]corev1.ServiceAccount { return &k.ServiceAccounts }, takeServiceAccount),
	asIs(corev1.SchemeGroupVersion, "services", &corev1.ServiceList{}, func(k *Kubernetes) *[]corev1.Service { return &k.Services }),
	asIs(rbacv1.SchemeGroupVersion, "roles", &rbacv1.RoleList{}, func(k *Kubernetes) *[]rbacv1.Role { return &k.Roles }),
	asIs(rbacv1.SchemeGroupVersion, "clusterroles", &rbacv1.ClusterRoleList{}, func(k *Kubernetes) *[]rbacv1.ClusterRole { return &k.ClusterRoles }),
	asIs(rbacv1.SchemeGroupVersion, "rolebindings", &rbacv1.RoleBindingList{}, func(k *Kubernetes) *[]rbacv1.RoleBinding { return &k.RoleBindings }),
	asIs(rbacv1.SchemeGroupVersion, "clusterrolebindings", &rbacv1.ClusterRoleBindingList{}, func(k *Kubernetes) *[]rbacv1.ClusterRoleBinding { return &k.ClusterRoleBindings }),
	asIs(networkingv1.SchemeGroupVersion, "networkpolicies", &networkingv1.NetworkPolicyList{}, func(k *Kubernetes) *[]networkingv1.NetworkPolicy { return &k.NetworkPolicies }),
	asIs(networkingv1.SchemeGroupVersion, "ingresses", &networkingv1.IngressList{}, func(k *Kubernetes) *[]networkingv1.Ingress { return &k.Ingresses }),
	asIs(policyv1.SchemeGroupVersion, "poddisruptionbudgets", &policyv1.PodDisruptionBudgetList{}, func(k *Kubernetes) *[]policyv1.PodDisruptionBudget { return &k.PDBs }),
	listOf(admissionv1.SchemeGroupVersion, "mutatingwebhookconfigurations", &admissionv1.MutatingWebhookConfigurationList{}, func(k *Kubernetes) *[]Webhook { return &k.Webhooks }, takeMutating),
	listOf(admissionv1.SchemeGroupVersion, "validatingwebhookconfigurations", &admissionv1.ValidatingWebhookConfigurationList{}, func(k *Kubernetes) *[]Webhook { return &k.Webhooks }, takeValidating),
	listOf(certificatesv1.SchemeGroupVersion, "certificatesigningrequests", &certificatesv1.CertificateSigningRequestList{}, func(k *Kubernetes) *[]CSR { return &k.CSRs }, takeCSR),
	asIs(storagev1.SchemeGroupVersion, "storageclasses", &storagev1.StorageClassList{}, func(k *Kubernetes) *[]storagev1.StorageClass { return &k.StorageClasses }),
}

// asIs is a resource whose objects are kept, trimmed.
func asIs[T any, P interface {
	*T
	runtime.Object
	metav1.Object
}](gv schema.GroupVersion, resource string, empty runtime.Object, into func(*Kubernetes) *[]T) list {
	return listOf(gv, resource, empty, into, func(_ *reading, o P) []T {
		trim(o)
		return []T{*o}
	})
}

// listOf is a resource of whose objects into's list is made by take. The part has the resource's name.
func listOf[T any, P runtime.Object](
	gv schema.GroupVersion, resource string, empty runtime.Object, into func(*Kubernetes) *[]T, take func(*reading, P) []T,
) list {
	return list{
		part: resource, gvr: gv.WithResource(resource), new: empty.DeepCopyObject,
		begin: func(k *Kubernetes) (undo func()) {
			all := into(k)
			before := *all
			if *all == nil {
				*all = []T{}
			}
			return func() { *all = before }
		},
		take: func(r *reading, o runtime.Object) {
			all := into(r.k)
			*all = append(*all, take(r, o.(P))...)
		},
	}
}
