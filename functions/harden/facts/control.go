package facts

import (
	"slices"
	"strings"
	"time"

	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
	"tiercel.dev/rules/check"
)

// webhooks fills the set: what each could block, and whether somebody answers.
func (b *builder) webhooks() {
	b.lists([]string{"webhook"}, "mutatingwebhookconfigurations", "validatingwebhookconfigurations")
	b.begin("webhook")
	system := map[string]string{"kubernetes.io/metadata.name": "kube-system"}
	for i := range b.k.Namespaces {
		if b.k.Namespaces[i].Name == "kube-system" && len(b.k.Namespaces[i].Labels) > 0 {
			system = b.k.Namespaces[i].Labels
		}
	}
	for _, w := range b.k.Webhooks {
		unknown := map[string]*posture.Gap{}
		for _, list := range []string{"services", "pods"} {
			if gap := b.gap(list); gap != nil && w.Service != "" {
				unknown["unreachable"] = gap
			}
		}
		namespace, _, _ := strings.Cut(w.Service, "/")
		inside := slices.ContainsFunc(w.Rules, func(r snapshot.WebhookRule) bool { return r.Scope != "Cluster" })
		b.add("webhook", check.Item{Resource: b.at(w.Kind, "", w.Configuration+"/"+w.Name), Unknown: unknown, Value: map[string]any{
			"kind": w.Kind, "configuration": w.Configuration, "name": w.Name, "fail": w.FailurePolicy == "Fail", "timeout": int64(w.TimeoutSeconds),
			"service": w.Service, "managed": w.Service == "" && strings.HasSuffix(w.Name, ".gke.io") || w.Service != "" && SystemNamespace(namespace) && labelled(w.Labels),
			"kube_system": inside && selects(w.NamespaceSelector, system), "everything": everything(w), "unreachable": w.Service != "" && !b.answers(w.Service),
		}})
	}
}

// everything reports whether a webhook is asked about all that is written.
func everything(w snapshot.Webhook) bool {
	return w.Conditions == 0 && (w.ObjectSelector == nil || len(w.ObjectSelector.MatchLabels)+len(w.ObjectSelector.MatchExpressions) == 0) &&
		slices.ContainsFunc(w.Rules, func(r snapshot.WebhookRule) bool {
			return slices.Contains(r.Groups, "*") && (slices.Contains(r.Resources, "*") || slices.Contains(r.Resources, "*/*"))
		})
}

// answers reports whether there is a service of that name, and a pod behind it if it selects any.
func (b *builder) answers(name string) bool {
	s := b.services[name]
	if s == nil {
		return false
	}
	if len(s.Spec.Selector) == 0 {
		return true // its endpoints are somebody's own affair
	}
	selector := labels.SelectorFromSet(s.Spec.Selector)
	for _, w := range b.k.Workloads {
		for _, t := range w.Templates {
			if w.Namespace == s.Namespace && t.Pods > 0 && selector.Matches(labels.Set(t.Labels)) {
				return true
			}
		}
	}
	return false
}

// budgets fills the set pdb.
func (b *builder) budgets() {
	if b.k.PDBs == nil {
		b.lists([]string{"pdb"}, "poddisruptionbudgets")
		return
	}
	b.begin("pdb")
	for i := range b.k.PDBs {
		p := &b.k.PDBs[i]
		v := map[string]any{
			"namespace": p.Namespace, "name": p.Name, "system": SystemNamespace(p.Namespace), "allowed": int64(p.Status.DisruptionsAllowed),
			"expected": int64(p.Status.ExpectedPods), "healthy": int64(p.Status.CurrentHealthy), "desired": int64(p.Status.DesiredHealthy),
			"minutes": int64(b.s.Time.Sub(since(p)) / time.Minute),
		}
		b.add("pdb", check.Item{Resource: b.at("PodDisruptionBudget", p.Namespace, p.Name), Value: v})
	}
}

// since when it allows what it allows; without a condition, since it is there.
func since(p *policyv1.PodDisruptionBudget) time.Time {
	for _, c := range p.Status.Conditions {
		if c.Type == policyv1.DisruptionAllowedCondition && c.Status == metav1.ConditionFalse {
			return c.LastTransitionTime.Time
		}
	}
	return p.CreationTimestamp.Time
}

// requests fills the set csr.
func (b *builder) requests() {
	if b.k.CSRs == nil {
		b.lists([]string{"csr"}, "certificatesigningrequests")
		return
	}
	b.begin("csr")
	for _, c := range b.k.CSRs {
		b.add("csr", check.Item{Resource: b.at("CertificateSigningRequest", "", c.Name), Value: map[string]any{
			"name": c.Name, "signer": c.Signer, "user": c.User, "common_name": c.CommonName, "organizations": texts(c.Organizations), "unreadable": c.Unreadable,
			"state": c.State, "issued": c.Issued, "hours": int64(b.s.Time.Sub(c.Created) / time.Hour), "masters": slices.Contains(c.Organizations, mastersGroup),
			"kubelet": kubelet(c),
		}})
	}
}

// kubelet reports whether a node asks for its own certificate.
func kubelet(c snapshot.CSR) bool {
	return (c.Signer == "kubernetes.io/kubelet-serving" || c.Signer == "kubernetes.io/kube-apiserver-client-kubelet") &&
		strings.HasPrefix(c.CommonName, "system:node:") && slices.Equal(c.Organizations, []string{"system:nodes"}) &&
		(c.User == c.CommonName || !strings.Contains(c.User, "@") && !strings.HasPrefix(c.User, "system:serviceaccount:"))
}

// nodes fills the set.
func (b *builder) nodes() {
	if b.k.Nodes == nil {
		b.lists([]string{"node"}, "nodes")
		return
	}
	b.begin("node")
	for _, n := range b.k.Nodes {
		b.add("node", check.Item{Resource: b.at("Node", "", n.Name), Value: map[string]any{
			"name": n.Name, "pool": n.Pool, "version": n.Version, "created": n.Created, "days": int64(b.s.Time.Sub(n.Created) / (24 * time.Hour)),
			"ready": n.Ready, "os": n.OS,
		}})
	}
}

const (
	persistentDisks = "pd.csi.storage.gke.io"
	diskKey         = "disk-encryption-kms-key"
)

// storage is the variable: by which keys the disks of volumes are encrypted.
func (b *builder) storage() {
	if b.k.StorageClasses == nil {
		b.lists([]string{"storage"}, "storageclasses")
		return
	}
	without, with := []string{}, []string{}
	for i := range b.k.StorageClasses {
		switch c := &b.k.StorageClasses[i]; {
		case c.Provisioner != persistentDisks && c.Provisioner != "kubernetes.io/gce-pd":
		case c.Parameters[diskKey] != "":
			with = append(with, c.Name)
		default:
			without = append(without, c.Name)
		}
	}
	b.world.Vars["storage"] = map[string]any{"with_key": texts(with), "without_key": texts(without)}
}
