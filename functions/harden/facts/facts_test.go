package facts

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
)

var shop = posture.Resource{Project: "p", Location: "l", Cluster: "shop"}

func named(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

func pods(ns, name string, n int, host bool, labels ...string) snapshot.Workload {
	t := snapshot.Template{Spec: &corev1.PodSpec{HostNetwork: host}, Pods: n, Labels: map[string]string{}}
	for i := 0; i < len(labels); i += 2 {
		t.Labels[labels[i]] = labels[i+1]
	}
	return snapshot.Workload{Namespace: ns, Kind: "Deployment", Name: name, Templates: []snapshot.Template{t}}
}

var (
	everyPeer = networkingv1.NetworkPolicyIngressRule{}
	some      = networkingv1.NetworkPolicyIngressRule{From: []networkingv1.NetworkPolicyPeer{{PodSelector: &metav1.LabelSelector{}}}}
	web       = metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
	both      = []networkingv1.PolicyType{"Ingress", "Egress"}
)

func selecting(key string, op metav1.LabelSelectorOperator, values ...string) metav1.LabelSelector {
	return metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: op, Values: values}}}
}

// How far policies reach, by what Kubernetes says they mean.
func TestCoverage(t *testing.T) {
	for _, tt := range []struct {
		name    string
		specs   []networkingv1.NetworkPolicySpec
		custom  []snapshot.CustomPolicy
		covered int // of 3 web, 2 db and 1 without labels
		level   string
	}{
		{"none", nil, nil, 0, levelNone},
		{"some pods", []networkingv1.NetworkPolicySpec{{PodSelector: web}}, nil, 3, levelPartial},
		{"an empty selector is all", []networkingv1.NetworkPolicySpec{{}}, nil, 6, levelIngress},
		{"ingress is the default type, egress where it has rules", []networkingv1.NetworkPolicySpec{{Egress: []networkingv1.NetworkPolicyEgressRule{{Ports: []networkingv1.NetworkPolicyPort{{}}}}}}, nil, 6, levelDeny},
		{"types that are told count alone", []networkingv1.NetworkPolicySpec{{PolicyTypes: []networkingv1.PolicyType{"Egress"}}}, nil, 6, levelPartial},
		{"both", []networkingv1.NetworkPolicySpec{{PolicyTypes: both}}, nil, 6, levelDeny},
		{"two that are one", []networkingv1.NetworkPolicySpec{{PolicyTypes: both[:1]}, {PolicyTypes: both[1:]}}, nil, 6, levelDeny},
		{"in", []networkingv1.NetworkPolicySpec{{PodSelector: selecting("app", "In", "web", "db")}}, nil, 5, levelPartial},
		{"not in takes what has no label", []networkingv1.NetworkPolicySpec{{PodSelector: selecting("app", "NotIn", "web")}}, nil, 3, levelPartial},
		{"exists", []networkingv1.NetworkPolicySpec{{PodSelector: selecting("app", "Exists")}}, nil, 5, levelPartial},
		{"does not exist", []networkingv1.NetworkPolicySpec{{PodSelector: selecting("app", "DoesNotExist")}}, nil, 1, levelPartial},
		{"a selector that is none", []networkingv1.NetworkPolicySpec{{PodSelector: selecting("app", "Near")}}, nil, 0, levelNone},
		{"allow all denies nothing", []networkingv1.NetworkPolicySpec{{Ingress: []networkingv1.NetworkPolicyIngressRule{everyPeer}}}, nil, 0, levelPartial},
		{"allow all undoes default deny", []networkingv1.NetworkPolicySpec{{}, {Ingress: []networkingv1.NetworkPolicyIngressRule{everyPeer}}}, nil, 0, levelPartial},
		{"allow all of some", []networkingv1.NetworkPolicySpec{{}, {PodSelector: web, Ingress: []networkingv1.NetworkPolicyIngressRule{everyPeer}}}, nil, 3, levelIngress},
		{"allow some", []networkingv1.NetworkPolicySpec{{Ingress: []networkingv1.NetworkPolicyIngressRule{some}}}, nil, 6, levelIngress},
		{"Cilium's, clusterwide", nil, []snapshot.CustomPolicy{{Subjects: []snapshot.Subject{{Pods: &web}}, DenyIngress: true}}, 3, levelPartial},
		{"of another namespace", nil, []snapshot.CustomPolicy{{Namespace: "b", Subjects: []snapshot.Subject{{}}, DenyIngress: true}}, 0, levelNone},
		{"for namespaces with a label", nil, []snapshot.CustomPolicy{{Subjects: []snapshot.Subject{{Namespaces: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "a"}}}}, DenyIngress: true, DenyEgress: true}}, 6, levelDeny},
		{"for namespaces with another", nil, []snapshot.CustomPolicy{{Subjects: []snapshot.Subject{{Namespaces: &metav1.LabelSelector{MatchLabels: map[string]string{"team": "b"}}}}, DenyIngress: true}}, 0, levelNone},
		{"that denies nothing", nil, []snapshot.CustomPolicy{{Subjects: []snapshot.Subject{{}}}}, 0, levelPartial},
	} {
		k := &snapshot.Kubernetes{
			Namespaces:     []corev1.Namespace{{ObjectMeta: metav1.ObjectMeta{Name: "a", Labels: map[string]string{"team": "a"}}}, {ObjectMeta: named("", "kube-system")}},
			Workloads:      []snapshot.Workload{pods("a", "web", 3, false, "app", "web"), pods("a", "db", 2, false, "app", "db"), pods("a", "x", 1, false), pods("a", "agent", 4, true), pods("kube-system", "dns", 9, false)},
			CustomPolicies: tt.custom, NetworkPolicies: []networkingv1.NetworkPolicy{{ObjectMeta: named("b", "other"), Spec: networkingv1.NetworkPolicySpec{PolicyTypes: both}}},
		}
		for i, s := range tt.specs {
			k.NetworkPolicies = append(k.NetworkPolicies, networkingv1.NetworkPolicy{ObjectMeta: named("a", fmt.Sprint(i)), Spec: s})
		}
		n := Network(&snapshot.Snapshot{Resource: shop, Cluster: &pb.Cluster{}, Kubernetes: k})
		if n.Pods != 6 || n.Covered != tt.covered || len(n.Namespaces) != 1 || n.Namespaces[0].Level != tt.level {
			t.Errorf("%s: %+v, want %d covered and %q", tt.name, n, tt.covered, tt.level)
		}
	}
}

func TestEngine(t *testing.T) {
	on := &pb.NetworkPolicy{Enabled: true, Provider: pb.NetworkPolicy_CALICO}
	for want, clusters := range map[string][]*pb.Cluster{
		"none": {{}, nil, {NetworkPolicy: on, AddonsConfig: &pb.AddonsConfig{NetworkPolicyConfig: &pb.NetworkPolicyConfig{Disabled: true}}},
			{NetworkConfig: &pb.NetworkConfig{DatapathProvider: pb.DatapathProvider_LEGACY_DATAPATH}}},
		"Calico":       {{NetworkPolicy: on}, {NetworkPolicy: on, AddonsConfig: &pb.AddonsConfig{NetworkPolicyConfig: &pb.NetworkPolicyConfig{}}}},
		"Dataplane V2": {{NetworkConfig: &pb.NetworkConfig{DatapathProvider: pb.DatapathProvider_ADVANCED_DATAPATH}}, {Autopilot: &pb.Autopilot{Enabled: true}}},
	} {
		for _, c := range clusters {
			if got := Engine(c); got != want {
				t.Errorf("%v: %s, want %s", c, got, want)
			}
		}
	}
}

// A label does not hide a right: all subjects must be the system's as well.
func TestManaged(t *testing.T) {
	addon := map[string]string{"addonmanager.kubernetes.io/mode": "Reconcile"}
	user := func(name string) rbacv1.Subject { return rbacv1.Subject{Kind: "User", Name: name} }
	group := func(name string) rbacv1.Subject { return rbacv1.Subject{Kind: "Group", Name: name} }
	account := func(ns string) rbacv1.Subject {
		return rbacv1.Subject{Kind: "ServiceAccount", Namespace: ns, Name: "x"}
	}
	for _, tt := range []struct {
		name    string
		labels  map[string]string
		subject rbacv1.Subject
		want    bool
	}{
		{"x", addon, user("kubelet"), true}, {"x", nil, user("kubelet"), false}, {"system:node", nil, group("system:nodes"), true},
		{"x", addon, user("eve@example.com"), false}, {"system:x", nil, user("eve@example.com"), false}, {"x", addon, user("1234567890"), false},
		{"x", addon, user("client"), false}, {"x", addon, user("system:anonymous"), false}, {"x", addon, group("system:authenticated"), false},
		{"x", addon, group("system:masters"), false}, {"x", addon, group("system:serviceaccounts"), false}, {"x", addon, group("system:serviceaccounts:kube-system"), true},
		{"x", addon, group("system:serviceaccounts:team"), false}, {"x", addon, group("gke-security-groups@example.com"), false},
		{"x", addon, account("kube-system"), true}, {"x", addon, account("team"), false}, {"x", addon, account("gke-managed-system"), true}, {"x", addon, account("kube-systemx"), false},
		{"x", addon, user("system:serviceaccount:team:x"), false},
	} {
		if got := managed(tt.name, tt.labels, []rbacv1.Subject{tt.subject}); got != tt.want {
			t.Errorf("%s with %v to %v: %v", tt.name, tt.labels, tt.subject, got)
		}
	}
}

func rule(group, resources, verbs string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: strings.Fields(resources), Verbs: strings.Fields(verbs)}
}

func TestRights(t *testing.T) {
	for _, tt := range []struct {
		rule                        rbacv1.PolicyRule
		secrets, wildcard, escalate int
	}{
		{rule("", "secrets", "get"), 1, 0, 0}, {rule("", "secrets", "create"), 0, 0, 0}, {rule("apps", "secrets", "get"), 0, 0, 0},
		{rule("", "*", "get"), 1, 1, 3}, {rule("*", "*", "*"), 1, 1, len(ways)}, {rule("", "pods", "get list watch"), 0, 0, 0},
		{rule("", "pods/exec", "create"), 0, 0, 1}, {rule("", "*/exec", "create"), 0, 0, 1}, {rule("", "pods", "create"), 0, 0, 1},
		{rule("rbac.authorization.k8s.io", "clusterroles roles", "escalate"), 0, 0, 2}, {rule("", "serviceaccounts/token", "create"), 0, 0, 1},
		{rule("certificates.k8s.io", "signers", "approve"), 0, 0, 1}, {rule("", "users", "impersonate"), 0, 0, 1},
		{rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"}, ResourceNames: []string{"one"}}, 0, 0, 0},
		{rbacv1.PolicyRule{NonResourceURLs: []string{"*"}, Verbs: []string{"*"}}, 0, 0, 0},
	} {
		if r := rightsOf([]rbacv1.PolicyRule{tt.rule}); len(r.secrets) != tt.secrets || len(r.wildcard) != tt.wildcard || len(r.escalate) != tt.escalate {
			t.Errorf("%v: %+v", tt.rule, r)
		}
	}
	got := rightsOf([]rbacv1.PolicyRule{rule("", "secrets", "get list"), rule("", "secrets", "get"), rule("*", "*", "*"), rule("", "pods", "get")}).each
	want := []posture.Right{{Verb: "get", Resource: "secrets"}, {Verb: "list", Resource: "secrets"}, {Verb: "*", Group: "*", Resource: "*"}}
	if d := cmp.Diff(want, got[:min(3, len(got))]); d != "" || len(got) != maxRights {
		t.Errorf("%d rights, the first (-want +got):\n%s", len(got), d)
	}
}

// access is a cluster with rights by RBAC and by IAM.
func access() *snapshot.Snapshot {
	ref := func(kind, name string) rbacv1.RoleRef { return rbacv1.RoleRef{Kind: kind, Name: name} }
	eve := rbacv1.Subject{Kind: "User", Name: "eve@example.com"}
	return &snapshot.Snapshot{
		Resource: shop, Cluster: &pb.Cluster{},
		Kubernetes: &snapshot.Kubernetes{
			Namespaces: []corev1.Namespace{{ObjectMeta: named("", "team")}}, ServiceAccounts: []corev1.ServiceAccount{{ObjectMeta: named("team", "ci")}},
			ClusterRoles: []rbacv1.ClusterRole{{ObjectMeta: named("", "cluster-admin"), Rules: []rbacv1.PolicyRule{rule("*", "*", "*")}}, {ObjectMeta: named("", "view"), Rules: []rbacv1.PolicyRule{rule("", "pods", "get")}}},
			Roles:        []rbacv1.Role{{ObjectMeta: named("team", "exec"), Rules: []rbacv1.PolicyRule{rule("", "pods/exec", "create")}}},
			ClusterRoleBindings: []rbacv1.ClusterRoleBinding{
				{ObjectMeta: named("", "eve"), RoleRef: ref("ClusterRole", "cluster-admin"), Subjects: []rbacv1.Subject{eve}},
				{ObjectMeta: named("", "system:discovery"), RoleRef: ref("ClusterRole", "system:discovery"), Subjects: []rbacv1.Subject{{Kind: "Group", Name: "system:authenticated"}}},
				{ObjectMeta: named("", "open"), RoleRef: ref("ClusterRole", "view"), Subjects: []rbacv1.Subject{{Kind: "Group", Name: "system:authenticated"}}},
			},
			RoleBindings: []rbacv1.RoleBinding{
				{ObjectMeta: named("team", "exec"), RoleRef: ref("Role", "exec"), Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Namespace: "team", Name: "gone"}, {Kind: "ServiceAccount", Namespace: "team", Name: "ci"}}},
				{ObjectMeta: named("team", "lost"), RoleRef: ref("Role", "none"), Subjects: []rbacv1.Subject{eve}},
			},
		},
		IAM: &snapshot.IAM{
			ProjectNumber: "12", Roles: map[string][]string{"roles/editor": {"container.secrets.get"}, "projects/p/roles/deploy": {"container.pods.exec"}},
			Policies: []snapshot.Policy{
				{Resource: "projects/p", Bindings: []snapshot.Binding{
					{Role: "roles/editor", Members: []string{"user:eve@example.com", "serviceAccount:12@cloudservices.gserviceaccount.com"}},
					{Role: "projects/p/roles/deploy", Members: []string{"group:dev@example.com"}}, {Role: "roles/storage.admin", Members: []string{"user:bob@example.com"}},
					{Role: "roles/container.serviceAgent", Members: []string{"serviceAccount:service-12@container-engine-robot.iam.gserviceaccount.com", "user:mallory@example.com"}},
				}},
				{Resource: "folders/7", Bindings: []snapshot.Binding{{Role: "roles/container.admin", Members: []string{"allAuthenticatedUsers"}, Condition: "request.time < x"}}},
			},
		},
	}
}

func TestPrincipals(t *testing.T) {
	var got []string
	for _, p := range Principals(access()) {
		var via []string
		for _, g := range p.Grants {
			via = append(via, g.Via+" "+g.Role+" "+g.Scope)
		}
		slices.Sort(via)
		got = append(got, fmt.Sprintf("%s %s: %s", p.Kind, p.Name, strings.Join(via, ", ")))
	}
	want := []string{
		"Everyone allAuthenticatedUsers: IAM roles/container.admin folder 7",
		"Everyone system:authenticated: RBAC view cluster",
		"User user:eve@example.com: IAM roles/editor project p, RBAC cluster-admin cluster, RBAC none namespace team",
		"Group group:dev@example.com: IAM projects/p/roles/deploy project p",
		"User user:mallory@example.com: IAM roles/container.serviceAgent project p",
		"ServiceAccount system:serviceaccount:team:ci: RBAC exec namespace team",
		"ServiceAccount system:serviceaccount:team:gone: RBAC exec namespace team",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Whether somebody with broad rights one way has rights the other way too is not known where a group has that nobody sees into. Of
// the others it is.
func TestGroupsAreNotOpened(t *testing.T) {
	s := access()
	admin := rbacv1.Subject{Kind: "User", Name: "ana@example.com"}
	s.Kubernetes.ClusterRoleBindings = append(s.Kubernetes.ClusterRoleBindings, rbacv1.ClusterRoleBinding{
		ObjectMeta: named("", "ana"), RoleRef: rbacv1.RoleRef{Kind: "ClusterRole", Name: "cluster-admin"}, Subjects: []rbacv1.Subject{admin},
	})
	for name, want := range map[string]bool{
		"user:ana@example.com":  true,  // cluster-admin by RBAC, and perhaps one of group:dev
		"user:eve@example.com":  false, // has both
		"group:dev@example.com": false, // has nothing broad
		"allAuthenticatedUsers": false, // everybody is in no group
	} {
		value, unknown := item(t, s, "principal", name)
		gap := unknown["both"]
		if (gap != nil) != want || want && (!gap.Withheld || !strings.Contains(gap.Error, "group:dev@example.com")) {
			t.Errorf("%s: %+v, %v", name, gap, value)
		}
	}
	for _, p := range Principals(s) {
		if (p.Members == "unknown") != (p.Name == "group:dev@example.com") {
			t.Errorf("%s: members %q", p.Name, p.Members)
		}
	}
	s.IAM.Policies[0].Bindings[1].Members = []string{"user:bob@example.com"} // no group any more
	if _, unknown := item(t, s, "principal", "user:ana@example.com"); len(unknown) != 0 {
		t.Errorf("%v", unknown)
	}
}

func item(t *testing.T, s *snapshot.Snapshot, set, name string) (map[string]any, map[string]*posture.Gap) {
	t.Helper()
	for _, it := range World(s).Sets[set] {
		if it.Resource.Name == name {
			return it.Value.(map[string]any), it.Unknown
		}
	}
	t.Fatalf("no %s %q", set, name)
	return nil, nil
}

func TestBindings(t *testing.T) {
	lost, _ := item(t, access(), "binding", "lost")
	exec, _ := item(t, access(), "binding", "exec")
	open, _ := item(t, access(), "binding", "open")
	standard, _ := item(t, access(), "binding", "system:discovery")
	if lost["role"].(map[string]any)["found"] != false || exec["role"].(map[string]any)["found"] != true {
		t.Errorf("%v, %v", lost, exec)
	}
	if missing := exec["missing"].([]any); len(missing) != 1 || missing[0] != "team/gone" {
		t.Errorf("%v", exec)
	}
	if len(open["everyone"].([]any)) != 1 || len(standard["everyone"].([]any)) != 0 {
		t.Errorf("%v, %v", open, standard)
	}
}

// What could not be read makes nothing look absent.
func TestGapsAreUnknown(t *testing.T) {
	s := access()
	s.Kubernetes.Roles, s.Kubernetes.ServiceAccounts = nil, nil
	s.Gaps = []posture.Gap{{Part: "kubernetes/roles"}, {Part: "kubernetes/serviceaccounts"}, {Part: "kubernetes/rolebindings"}, {Part: "iam/folders/8"}, {Part: "kubernetes/secrets"}}
	w := World(s)
	_, unknown := item(t, s, "binding", "lost")
	for _, path := range []string{"role.found", "secrets", "wildcard", "escalate", "missing"} {
		if unknown[path] == nil {
			t.Errorf("%s is known", path)
		}
	}
	for _, name := range []string{"binding", "service_account", "principal", "iam_binding", "iam.data_access"} {
		if w.Unknown[name] == nil {
			t.Errorf("%s is known", name)
		}
	}
	if len(w.Sets["binding"]) == 0 {
		t.Error("what was read is lost")
	}
	closed := &snapshot.Snapshot{Resource: shop, Gaps: []posture.Gap{{Part: "kubernetes"}, {Part: "iam"}, {Part: "cluster"}}}
	for _, name := range append(kubernetesNames, "cluster", "iam", "iam_binding", "iam_account", "principal") {
		if World(closed).Unknown[name] == nil {
			t.Errorf("of a closed cluster %s is known", name)
		}
	}
}
