package facts

import (
	"slices"
	"testing"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
)

func yes() *bool { v := true; return &v }
func no() *bool  { v := false; return &v }

func workload(spec corev1.PodSpec, windows bool) *snapshot.Workload {
	return &snapshot.Workload{Namespace: "a", Kind: "Deployment", Name: "web", Templates: []snapshot.Template{{Spec: &spec, Pods: 1, Windows: windows}}}
}

// What a container says counts before what its pod says; what neither says is as Kubernetes has it.
func TestFaults(t *testing.T) {
	runtimeDefault := &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}
	root, user := int64(0), int64(1000)
	safe := &corev1.SecurityContext{RunAsNonRoot: yes(), AllowPrivilegeEscalation: no(), SeccompProfile: runtimeDefault}
	one := func(c *corev1.SecurityContext, p *corev1.PodSecurityContext) corev1.PodSpec {
		return corev1.PodSpec{SecurityContext: p, Containers: []corev1.Container{{Name: "c", SecurityContext: c}}}
	}
	for _, tt := range []struct {
		name                                             string
		spec                                             corev1.PodSpec
		privileged, caps, root, escalation, seccomp, any bool
	}{
		{name: "says nothing", spec: one(nil, nil), root: true, escalation: true, seccomp: true},
		{name: "restricted", spec: one(safe, nil)},
		{name: "the pod says it", spec: one(&corev1.SecurityContext{AllowPrivilegeEscalation: no()}, &corev1.PodSecurityContext{RunAsNonRoot: yes(), SeccompProfile: runtimeDefault})},
		{name: "a container against its pod", spec: one(&corev1.SecurityContext{RunAsNonRoot: no(), AllowPrivilegeEscalation: no()}, &corev1.PodSecurityContext{RunAsNonRoot: yes(), SeccompProfile: runtimeDefault}), root: true},
		{name: "another user", spec: one(&corev1.SecurityContext{RunAsUser: &user, AllowPrivilegeEscalation: no(), SeccompProfile: runtimeDefault}, nil)},
		{name: "root by number", spec: one(&corev1.SecurityContext{RunAsUser: &root, AllowPrivilegeEscalation: no(), SeccompProfile: runtimeDefault}, nil), root: true},
		{name: "privileged", spec: one(&corev1.SecurityContext{Privileged: yes(), RunAsNonRoot: yes(), AllowPrivilegeEscalation: no(), SeccompProfile: runtimeDefault}, nil), privileged: true, seccomp: true},
		{name: "a capability of the baseline", spec: one(&corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"CHOWN"}}, RunAsNonRoot: yes(), AllowPrivilegeEscalation: no(), SeccompProfile: runtimeDefault}, nil)},
		{name: "another", spec: one(&corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: []corev1.Capability{"SYS_ADMIN"}}, RunAsNonRoot: yes(), AllowPrivilegeEscalation: no(), SeccompProfile: runtimeDefault}, nil), caps: true},
		{name: "unconfined", spec: one(&corev1.SecurityContext{RunAsNonRoot: yes(), AllowPrivilegeEscalation: no(), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeUnconfined}}, nil), seccomp: true},
		{name: "in an init container", spec: corev1.PodSpec{InitContainers: []corev1.Container{{Name: "c", SecurityContext: &corev1.SecurityContext{Privileged: yes(), RunAsNonRoot: yes(), AllowPrivilegeEscalation: no()}}}}, privileged: true, seccomp: true},
		{name: "in a debugger's", spec: corev1.PodSpec{EphemeralContainers: []corev1.EphemeralContainer{{EphemeralContainerCommon: corev1.EphemeralContainerCommon{Name: "c"}}}}, root: true, escalation: true, seccomp: true},
	} {
		f := faultsOf(workload(tt.spec, false))
		if got := []bool{len(f.privileged) > 0, len(f.capabilities) > 0, len(f.root) > 0, len(f.escalation) > 0, len(f.seccomp) > 0}; !slices.Equal(got, []bool{tt.privileged, tt.caps, tt.root, tt.escalation, tt.seccomp}) {
			t.Errorf("%s: %+v", tt.name, f)
		}
	}
	host := &corev1.WindowsSecurityContextOptions{HostProcess: yes()}
	if f := faultsOf(workload(one(&corev1.SecurityContext{WindowsOptions: host}, nil), true)); len(f.privileged) != 1 || len(f.root)+len(f.seccomp)+len(f.escalation) > 0 {
		t.Errorf("on Windows: %+v", f)
	}
	if f := faultsOf(workload(one(nil, &corev1.PodSecurityContext{WindowsOptions: host}), true)); len(f.privileged) != 1 {
		t.Errorf("on Windows, by the pod: %+v", f)
	}
}

// A pod's word counts before its account's, and without either it has a token.
func TestMounts(t *testing.T) {
	for _, tt := range []struct {
		pod, account *bool
		there, gap   bool
		want         bool
	}{
		{nil, nil, true, false, true}, {nil, no(), true, false, false}, {yes(), no(), true, false, true}, {no(), yes(), true, false, false},
		{nil, nil, false, false, true}, {no(), nil, false, true, false},
	} {
		s := &snapshot.Snapshot{Resource: shop, Cluster: &pb.Cluster{}, Kubernetes: &snapshot.Kubernetes{}}
		if tt.there {
			s.Kubernetes.ServiceAccounts = []corev1.ServiceAccount{{ObjectMeta: named("a", "default"), AutomountServiceAccountToken: tt.account}}
		}
		if tt.gap {
			s.Gaps = []posture.Gap{{Part: "kubernetes/serviceaccounts"}}
		}
		if got, gap := newBuilder(s).mounts(workload(corev1.PodSpec{AutomountServiceAccountToken: tt.pod}, false)); got != tt.want || gap != nil {
			t.Errorf("%+v: %v, %v", tt, got, gap)
		}
	}
	s := &snapshot.Snapshot{Resource: shop, Cluster: &pb.Cluster{}, Kubernetes: &snapshot.Kubernetes{}, Gaps: []posture.Gap{{Part: "kubernetes/serviceaccounts"}}}
	if _, gap := newBuilder(s).mounts(workload(corev1.PodSpec{}, false)); gap == nil {
		t.Error("it is known without the account")
	}
}

var now = time.Date(2026, 11, 28, 6, 0, 0, 0, time.UTC)

// control is a cluster with webhooks, budgets and what is behind them.
func control() *snapshot.Snapshot {
	all := []snapshot.WebhookRule{{Operations: []string{"*"}, Groups: []string{"*"}, Resources: []string{"*/*"}, Scope: "*"}}
	some := []snapshot.WebhookRule{{Operations: []string{"CREATE"}, Groups: []string{"apps"}, Resources: []string{"deployments"}, Scope: "Namespaced"}}
	not := &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "kubernetes.io/metadata.name", Operator: "NotIn", Values: []string{"kube-system"}}}}
	hook := func(name, service string, rules []snapshot.WebhookRule, ns *metav1.LabelSelector, labels map[string]string) snapshot.Webhook {
		return snapshot.Webhook{Kind: "ValidatingWebhookConfiguration", Configuration: "c", Name: name, FailurePolicy: "Fail", Service: service, Rules: rules, NamespaceSelector: ns, Labels: labels}
	}
	addon := map[string]string{"addonmanager.kubernetes.io/mode": "Reconcile"}
	service := func(ns, name, app string) corev1.Service {
		return corev1.Service{ObjectMeta: named(ns, name), Spec: corev1.ServiceSpec{Selector: map[string]string{"app": app}}}
	}
	return &snapshot.Snapshot{Time: now, Resource: shop, Cluster: &pb.Cluster{}, Kubernetes: &snapshot.Kubernetes{
		Namespaces: []corev1.Namespace{{ObjectMeta: metav1.ObjectMeta{Name: "kube-system", Labels: map[string]string{"kubernetes.io/metadata.name": "kube-system"}}}},
		Workloads:  []snapshot.Workload{pods("a", "hook", 1, false, "app", "hook")}, Services: []corev1.Service{service("a", "hook", "hook"), service("a", "dead", "none"), service("kube-system", "gke", "x")},
		Webhooks: []snapshot.Webhook{
			hook("alive", "a/hook", some, not, nil), hook("dead", "a/dead", some, not, nil), hook("gone", "a/none", some, not, addon), hook("wide", "a/hook", all, nil, nil),
			hook("gke", "kube-system/gke", all, nil, addon), hook("x.config.common-webhooks.networking.gke.io", "", some, nil, nil), hook("inkubesystem", "kube-system/gke", all, nil, nil),
		},
		PDBs: []policyv1.PodDisruptionBudget{
			{ObjectMeta: metav1.ObjectMeta{Namespace: "a", Name: "tight", CreationTimestamp: metav1.NewTime(now.Add(-100 * time.Hour))}, Status: policyv1.PodDisruptionBudgetStatus{
				ExpectedPods: 3, CurrentHealthy: 3, DesiredHealthy: 3, Conditions: []metav1.Condition{{Type: policyv1.DisruptionAllowedCondition, Status: metav1.ConditionFalse, LastTransitionTime: metav1.NewTime(now.Add(-2 * time.Hour))}},
			}},
		},
		CSRs: []snapshot.CSR{
			{Name: "node", Signer: "kubernetes.io/kubelet-serving", User: "system:node:n1", CommonName: "system:node:n1", Organizations: []string{"system:nodes"}},
			{Name: "eve", Signer: "kubernetes.io/kube-apiserver-client-kubelet", User: "eve@example.com", CommonName: "system:node:n1", Organizations: []string{"system:nodes"}},
			{Name: "masters", Signer: "kubernetes.io/kube-apiserver-client-kubelet", User: "system:node:n1", CommonName: "system:node:n1", Organizations: []string{"system:nodes", "system:masters"}},
		},
	}}
}

func TestWebhooks(t *testing.T) {
	for name, want := range map[string][4]bool{ // managed, unreachable, kube_system, everything
		"alive": {}, "dead": {false, true}, "gone": {false, true}, "wide": {false, false, true, true}, "gke": {true, true, true, true},
		"x.config.common-webhooks.networking.gke.io": {true, false, true}, "inkubesystem": {false, true, true, true},
	} {
		v, _ := item(t, control(), "webhook", "c/"+name)
		if got := [4]bool{v["managed"].(bool), v["unreachable"].(bool), v["kube_system"].(bool), v["everything"].(bool)}; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	s := control()
	s.Kubernetes.Services, s.Gaps = nil, []posture.Gap{{Part: "kubernetes/services"}}
	if _, unknown := item(t, s, "webhook", "c/alive"); unknown["unreachable"] == nil {
		t.Error("without services it is known who answers")
	}
}

func TestBudgetsAndRequests(t *testing.T) {
	if v, _ := item(t, control(), "pdb", "tight"); v["allowed"] != int64(0) || v["minutes"] != int64(120) {
		t.Errorf("%v", v)
	}
	for name, want := range map[string]bool{"node": true, "eve": false, "masters": false} {
		if v, _ := item(t, control(), "csr", name); v["kubelet"] != want {
			t.Errorf("%s: %v", name, v)
		}
	}
}

func TestServiceAccountsAndNamespaces(t *testing.T) {
	s := access()
	s.Kubernetes.Namespaces = append(s.Kubernetes.Namespaces, corev1.Namespace{ObjectMeta: named("", "default")})
	s.Kubernetes.Workloads = []snapshot.Workload{pods("default", "web", 1, false)}
	s.Kubernetes.Services = []corev1.Service{{ObjectMeta: named("default", "kubernetes")}, {ObjectMeta: named("default", "web")}}
	s.Kubernetes.NetworkPolicies = []networkingv1.NetworkPolicy{}
	s.Kubernetes.Tokens = snapshot.Tokens{Complete: true, List: []snapshot.Token{{Namespace: "team", Secret: "t", ServiceAccount: "ci", LastUsed: now}}}
	s.Kubernetes.Guards = []snapshot.Guard{{Kind: "K8sPSP", Name: "x", Enforced: true, Excluded: []string{"default"}}, {Kind: "ClusterPolicy", Name: "told", Enforced: false}}
	ci, unknown := item(t, s, "service_account", "ci")
	if ci["granted"] != true || len(ci["tokens"].([]any)) != 1 || len(unknown) != 0 {
		t.Errorf("%v, %v", ci, unknown)
	}
	def, _ := item(t, s, "ns", "default")
	if objects := def["objects"].([]any); len(objects) != 2 || def["guard"] != "" {
		t.Errorf("%v", def)
	}
	if team, _ := item(t, s, "ns", "team"); team["guard"] != "K8sPSP x" {
		t.Errorf("%v", team)
	}
	s.Gaps = []posture.Gap{{Part: snapshot.PartTokens}, {Part: "kubernetes/guards"}}
	s.Kubernetes.Tokens = snapshot.Tokens{}
	if _, unknown := item(t, s, "service_account", "ci"); unknown["tokens"] == nil {
		t.Error("there is no token, though nobody could look")
	}
	if _, unknown := item(t, s, "ns", "default"); unknown["guard"] == nil {
		t.Error("nobody guards it, though nobody could look")
	}
}

// What IAM says of accounts, and where it meets the cluster.
func TestIAM(t *testing.T) {
	s := access()
	s.Cluster.WorkloadIdentityConfig = &pb.WorkloadIdentityConfig{WorkloadPool: "p.svc.id.goog"}
	s.IAM.Policies[0].Audit = []snapshot.AuditConfig{{Service: "container.googleapis.com", Types: []string{"DATA_READ"}}, {Service: "storage.googleapis.com", Types: []string{"DATA_WRITE"}}}
	s.IAM.Policies[0].Bindings = append(s.IAM.Policies[0].Bindings, snapshot.Binding{Role: "roles/logging.logWriter", Members: []string{"serviceAccount:n@p.iam.gserviceaccount.com"}})
	s.IAM.Unused = []snapshot.Unused{{Member: "user:eve@example.com", Role: "roles/editor", Text: "unused"}}
	s.IAM.Accounts = []snapshot.Account{{Email: "n@p.iam.gserviceaccount.com", Pools: []string{"pool-1"}, Keys: []snapshot.Key{{ID: "k"}}, Bindings: []snapshot.Binding{
		{Role: "roles/iam.workloadIdentityUser", Members: []string{"serviceAccount:p.svc.id.goog[team/ci]", "serviceAccount:p.svc.id.goog[team/gone]", "serviceAccount:other.svc.id.goog[team/gone]"}},
		{Role: "roles/iam.serviceAccountTokenCreator", Members: []string{"user:eve@example.com"}}, {Role: "roles/iam.serviceAccountViewer", Members: []string{"user:bob@example.com"}},
	}}}
	v, _ := item(t, s, "iam_account", "n@p.iam.gserviceaccount.com")
	if !slices.Equal(v["missing"].([]any), []any{"team/gone"}) || len(v["actors"].([]any)) != 1 || !slices.Equal(v["roles"].([]any), []any{"roles/logging.logWriter"}) || v["node"] != true {
		t.Errorf("%v", v)
	}
	editor, _ := item(t, s, "iam_binding", "projects/p roles/editor user:eve@example.com")
	if editor["unused"] != true || editor["inherited"] != true || editor["scope"] != "project p" {
		t.Errorf("%v", editor)
	}
	if got := World(s).Vars["iam"].(map[string]any)["data_access"]; !slices.Equal(got.([]any), []any{"DATA_READ"}) {
		t.Errorf("%v", got)
	}
	s.Gaps = []posture.Gap{{Part: "iam/accounts/n@p.iam.gserviceaccount.com/keys"}, {Part: "iam/accounts/n@p.iam.gserviceaccount.com/policy"}, {Part: "iam/unused"}}
	if _, unknown := item(t, s, "iam_account", "n@p.iam.gserviceaccount.com"); unknown["keys"] == nil || unknown["actors"] == nil || unknown["missing"] == nil {
		t.Errorf("%v", unknown)
	}
	if _, unknown := item(t, s, "iam_binding", "projects/p roles/editor user:eve@example.com"); unknown["unused"] == nil {
		t.Errorf("%v", unknown)
	}
}
