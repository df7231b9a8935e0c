package snapshot_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"tiercel.dev/internal/snapshot"
	"tiercel.dev/local/kube/real"
)

// A right is one resource of the role, and the part that needs it.
type right struct{ group, resource, part string }

func rightsOf(rules []rbacv1.PolicyRule) (all []right) {
	parts := map[string]string{"cilium.io": "custompolicies", "policy.networking.k8s.io": "custompolicies", "constraints.gatekeeper.sh": "guards", "kyverno.io": "guards"}
	for _, r := range rules {
		for _, resource := range r.Resources {
			part := parts[r.APIGroups[0]]
			if part == "" {
				part = resource
			}
			all = append(all, right{r.APIGroups[0], resource, part})
		}
	}
	return all
}

// TestRealCluster reads a kube-apiserver over TLS, by a bearer token, with the roles that people apply, and with each of their
// rights taken away once.
func TestRealCluster(t *testing.T) {
	audit, auditBinding := role(t, "audit.yaml")
	tokens, tokensBinding := role(t, "tokens.yaml")
	users := map[string]string{"audit-token": "audit", "tokens-token": "tokens", "nobody-token": "nobody"}
	rights := rightsOf(audit.Rules)
	for i := range rights {
		users[fmt.Sprintf("audit-%d-token", i)] = fmt.Sprintf("audit-%d", i)
	}
	server := real.Start(t, users)
	c, err := kubernetes.NewForConfig(&rest.Config{
		Host: "https://" + server.Address, BearerToken: real.Admin, TLSClientConfig: rest.TLSClientConfig{CAData: server.CA}, QPS: 100, Burst: 200,
	})
	if err != nil {
		t.Fatal(err)
	}
	bind(t, c, audit, auditBinding, "audit")
	bind(t, c, tokens, tokensBinding, "tokens")
	for i, r := range rights {
		less := audit
		less.Rules = nil
		for _, rule := range audit.Rules {
			if rule.APIGroups[0] == r.group {
				rule.Resources = slices.DeleteFunc(slices.Clone(rule.Resources), func(s string) bool { return s == r.resource })
			}
			if len(rule.Resources) > 0 {
				less.Rules = append(less.Rules, rule)
			}
		}
		less.Name, auditBinding.Name, auditBinding.RoleRef.Name = users[fmt.Sprintf("audit-%d-token", i)], users[fmt.Sprintf("audit-%d-token", i)], users[fmt.Sprintf("audit-%d-token", i)]
		bind(t, c, less, auditBinding, less.Name)
	}
	install(t, c)

	s := at(server.Address, server.CA)
	k := snapshot.Kube{Clusters: as("audit-token"), Secrets: as("tokens-token")}
	k.Read(t.Context(), s)
	if len(s.Gaps) > 0 {
		t.Fatalf("%+v", s.Gaps)
	}
	checkReal(t, s)
	for i, r := range rights {
		s.Kubernetes, s.Gaps = nil, nil
		k := snapshot.Kube{Clusters: as(fmt.Sprintf("audit-%d-token", i)), Secrets: as("tokens-token")}
		k.Read(t.Context(), s)
		if len(s.Gaps) != 1 || s.Gaps[0].Part != "kubernetes/"+r.part || s.Gaps[0].Fix == "" {
			t.Errorf("without %s of %q: %+v", r.resource, r.group, s.Gaps)
		}
	}
	for token, want := range map[string]string{"nobody-token": "kubernetes", "wrong": "kubernetes"} {
		s.Kubernetes, s.Gaps = nil, nil
		k := snapshot.Kube{Clusters: as(token), Secrets: as("nobody-token")}
		k.Read(t.Context(), s)
		if len(s.Gaps) == 0 || s.Gaps[0].Part != want {
			t.Errorf("%s: %+v", token, s.Gaps)
		}
	}
}

func bind(t *testing.T, c *kubernetes.Clientset, role rbacv1.ClusterRole, binding rbacv1.ClusterRoleBinding, user string) {
	t.Helper()
	binding.Subjects = []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}}
	if _, err := c.RbacV1().ClusterRoles().Create(t.Context(), &role, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.RbacV1().ClusterRoleBindings().Create(t.Context(), &binding, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

// install has the cluster hold what the reader looks for, of resources too that somebody installs.
func install(t *testing.T, c *kubernetes.Clientset) {
	t.Helper()
	create := metav1.CreateOptions{}
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(c.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: named("", "shop")}, create))
	must(c.CoreV1().ServiceAccounts("shop").Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: named("shop", "ci")}, create))
	must(c.CoreV1().Secrets("shop").Create(t.Context(), &corev1.Secret{ObjectMeta: metav1.ObjectMeta{
		Name: "hand-made", Annotations: map[string]string{corev1.ServiceAccountNameKey: "ci"}, Labels: map[string]string{"kubernetes.io/legacy-token-last-used": "2026-11-02"},
	}, Type: corev1.SecretTypeServiceAccountToken, StringData: map[string]string{"token": "hidden"}}, create))
	must(c.CoreV1().Secrets("shop").Create(t.Context(), &corev1.Secret{ObjectMeta: named("shop", "password"), StringData: map[string]string{"p": "hidden"}}, create))
	controller := true
	for _, name := range []string{"web-7d9f-a", "web-7d9f-b"} {
		must(c.CoreV1().Pods("shop").Create(t.Context(), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
			Name: name, Labels: map[string]string{"app": "web", "pod-template-hash": "7d9f"},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web-7d9f", UID: "1", Controller: &controller}},
		}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "i"}}}}, create))
	}
	for _, crd := range []struct{ group, version, plural, kind, scope, object string }{
		{"cilium.io", "v2", "ciliumnetworkpolicies", "CiliumNetworkPolicy", "Namespaced", `"spec":{"endpointSelector":{"matchLabels":{"k8s:app":"web"}},"ingress":[{}]}`},
		{"cilium.io", "v2", "ciliumclusterwidenetworkpolicies", "CiliumClusterwideNetworkPolicy", "Cluster",
			`"spec":{"endpointSelector":{"matchLabels":{"io.kubernetes.pod.namespace":"shop"}},"egressDeny":[{}],"enableDefaultDeny":{"egress":false}}`},
		{"policy.networking.k8s.io", "v1alpha1", "adminnetworkpolicies", "AdminNetworkPolicy", "Cluster", `"spec":{"subject":{"namespaces":{}},"ingress":[{"action":"Deny","from":[{"namespaces":{}}]}]}`},
		{"policy.networking.k8s.io", "v1alpha1", "baselineadminnetworkpolicies", "BaselineAdminNetworkPolicy", "Cluster",
			`"spec":{"subject":{"pods":{"namespaceSelector":{},"podSelector":{"matchLabels":{"app":"web"}}}}}`},
		{"constraints.gatekeeper.sh", "v1beta1", "k8spspprivilegedcontainer", "K8sPSPPrivilegedContainer", "Cluster", `"spec":{"match":{"excludedNamespaces":["lab"]}}`},
		{"kyverno.io", "v1", "clusterpolicies", "ClusterPolicy", "Cluster", `"spec":{"validationFailureAction":"Enforce","rules":[{"validate":{"podSecurity":{"level":"baseline"}}}]}`},
	} {
		define(t, c, crd.group, crd.version, crd.plural, crd.kind, crd.scope)
		path, ns := "/apis/"+crd.group+"/"+crd.version, ""
		if crd.scope == "Namespaced" {
			path, ns = path+"/namespaces/shop", `,"namespace":"shop"`
		}
		post(t, c, path+"/"+crd.plural, fmt.Sprintf(`{"apiVersion":"%s/%s","kind":%q,"metadata":{"name":"one"%s},%s}`, crd.group, crd.version, crd.kind, ns, crd.object))
	}
}

func define(t *testing.T, c *kubernetes.Clientset, group, version, plural, kind, scope string) {
	t.Helper()
	post(t, c, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", fmt.Sprintf(`{"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
		"metadata":{"name":"%[3]s.%[1]s","annotations":{"api-approved.kubernetes.io":"unapproved, for a test"}},"spec":{"group":%[1]q,"scope":%[5]q,
		"names":{"plural":%[3]q,"singular":%[6]q,"kind":%[4]q},"versions":[{"name":%[2]q,"served":true,"storage":true,
		"schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}]}}`, group, version, plural, kind, scope, strings.ToLower(kind)))
}

// post waits until the resource is served: a definition takes a moment.
func post(t *testing.T, c *kubernetes.Clientset, path, object string) {
	t.Helper()
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if err = c.CoreV1().RESTClient().Post().AbsPath(path).SetHeader("Content-Type", "application/json").Body([]byte(object)).Do(t.Context()).Error(); err == nil {
			return
		}
		if !apierrors.IsNotFound(err) {
			break
		}
	}
	t.Fatalf("%s: %v", path, err)
}

func checkReal(t *testing.T, s *snapshot.Snapshot) {
	t.Helper()
	k := s.Kubernetes
	if tokens := k.Tokens; !tokens.Complete || len(tokens.List) != 1 || tokens.List[0].Secret != "hand-made" || tokens.List[0].ServiceAccount != "ci" ||
		tokens.List[0].LastUsed.Format(time.DateOnly) != "2026-11-02" {
		t.Errorf("%+v", tokens)
	}
	if len(k.Workloads) != 1 || k.Workloads[0].Kind != "Deployment" || k.Workloads[0].Name != "web" || k.Workloads[0].Templates[0].Pods != 2 ||
		k.Workloads[0].Templates[0].Labels["app"] != "web" {
		t.Errorf("%+v", k.Workloads)
	}
	if !slices.ContainsFunc(k.ClusterRoleBindings, func(b rbacv1.ClusterRoleBinding) bool { return b.Name == "cluster-admin" }) {
		t.Errorf("%v", k.ClusterRoleBindings)
	}
	var got []string
	for _, p := range k.CustomPolicies {
		got = append(got, fmt.Sprintf("%s %v %v", p.Kind, p.DenyIngress, p.DenyEgress))
	}
	slices.Sort(got)
	want := []string{"AdminNetworkPolicy true false", "BaselineAdminNetworkPolicy false false", "CiliumClusterwideNetworkPolicy false false", "CiliumNetworkPolicy true false"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if len(k.Guards) != 2 || !k.Guards[0].Enforced || !k.Guards[1].Enforced {
		t.Errorf("%+v", k.Guards)
	}
}
