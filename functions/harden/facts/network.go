package facts

import (
	pb "cloud.google.com/go/container/apiv1/containerpb"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
)

// Levels of how far network policies reach in a namespace, the last the best.
const (
	levelNone    = "none"
	levelPartial = "partial"
	levelIngress = "default deny ingress"
	levelDeny    = "default deny"
)

// Network is how far network policies reach in a cluster; nil if namespaces, pods or policies could not be read.
//
// A pod is covered if some policy denies it anything: one that is selected only by policies that allow everything is not. A
// namespace has default deny if that holds of every pod that may ever be in it.
func Network(s *snapshot.Snapshot) *posture.Network {
	k := s.Kubernetes
	if k == nil || k.Namespaces == nil || k.Workloads == nil || k.NetworkPolicies == nil {
		return nil
	}
	engine := Engine(s.Cluster)
	n := &posture.Network{Enforced: engine != "none", Engine: engine}
	workloads := map[string][]snapshot.Workload{}
	for _, w := range k.Workloads {
		workloads[w.Namespace] = append(workloads[w.Namespace], w)
	}
	for i := range k.Namespaces {
		name := k.Namespaces[i].Name
		if SystemNamespace(name) {
			continue
		}
		ns := reach(name, policiesOf(k, name, k.Namespaces[i].Labels), workloads[name])
		n.Pods, n.Covered = n.Pods+ns.Pods, n.Covered+ns.Covered
		n.Namespaces = append(n.Namespaces, ns)
	}
	return n
}

// Engine is what heeds network policies in the cluster: Dataplane V2, Calico, or none. Calico's policies are off without its add-on,
// whatever the cluster's setting says, and its setting is what has the nodes heed them.
func Engine(c *pb.Cluster) string {
	switch {
	case c.GetNetworkConfig().GetDatapathProvider() == pb.DatapathProvider_ADVANCED_DATAPATH, c.GetAutopilot().GetEnabled():
		return "Dataplane V2"
	case c.GetNetworkPolicy().GetEnabled() && !c.GetAddonsConfig().GetNetworkPolicyConfig().GetDisabled():
		return "Calico"
	}
	return "none"
}

// A policy is a network policy of any kind, as far as it says what pods of one namespace are denied.
type policy struct {
	pods            labels.Selector
	ingress, egress direction
}

// A direction is what a policy does to what comes in, or goes out.
type direction struct {
	isolates bool // what no policy allows is denied
	allows   bool // everything
}

// policiesOf are those that may select pods of a namespace. A selector that the API server would refuse selects nothing.
func policiesOf(k *snapshot.Kubernetes, namespace string, labelsOf map[string]string) (all []policy) {
	for i := range k.NetworkPolicies {
		p := &k.NetworkPolicies[i]
		selector, err := metav1.LabelSelectorAsSelector(&p.Spec.PodSelector)
		if p.Namespace != namespace || err != nil {
			continue
		}
		ingress, egress := directions(&p.Spec)
		all = append(all, policy{selector, ingress, egress})
	}
	for _, p := range k.CustomPolicies {
		if p.Namespace != "" && p.Namespace != namespace {
			continue
		}
		for _, s := range p.Subjects {
			if !selects(s.Namespaces, labelsOf) {
				continue
			}
			selector, err := metav1.LabelSelectorAsSelector(orAll(s.Pods))
			if err == nil {
				all = append(all, policy{selector, direction{isolates: p.DenyIngress}, direction{isolates: p.DenyEgress}})
			}
		}
	}
	return all
}

// directions are what a policy's types say, with the API's defaults: ingress always, egress if there is a rule for it.
// https://kubernetes.io/docs/reference/kubernetes-api/policy-resources/network-policy-v1/#NetworkPolicySpec
func directions(s *networkingv1.NetworkPolicySpec) (ingress, egress direction) {
	ingress.isolates, egress.isolates = len(s.PolicyTypes) == 0, len(s.PolicyTypes) == 0 && len(s.Egress) > 0
	for _, t := range s.PolicyTypes {
		ingress.isolates = ingress.isolates || t == networkingv1.PolicyTypeIngress
		egress.isolates = egress.isolates || t == networkingv1.PolicyTypeEgress
	}
	for _, r := range s.Ingress {
		ingress.allows = ingress.allows || len(r.From) == 0 && len(r.Ports) == 0
	}
	for _, r := range s.Egress {
		egress.allows = egress.allows || len(r.To) == 0 && len(r.Ports) == 0
	}
	return ingress, egress
}

// orAll is the selector, or the one that selects all if there is none.
func orAll(s *metav1.LabelSelector) *metav1.LabelSelector {
	if s == nil {
		return &metav1.LabelSelector{}
	}
	return s
}

func selects(s *metav1.LabelSelector, of map[string]string) bool {
	selector, err := metav1.LabelSelectorAsSelector(orAll(s))
	return err == nil && selector.Matches(labels.Set(of))
}

// denied is what some pods are denied: each policy that isolates adds a direction, and one that allows everything takes it away.
func denied(policies []policy, chosen func(policy) bool) (ingress, egress bool) {
	var in, out direction
	for _, p := range policies {
		if chosen(p) {
			in.isolates, in.allows = in.isolates || p.ingress.isolates, in.allows || p.ingress.isolates && p.ingress.allows
			out.isolates, out.allows = out.isolates || p.egress.isolates, out.allows || p.egress.isolates && p.egress.allows
		}
	}
	return in.isolates && !in.allows, out.isolates && !out.allows
}

// reach is how far policies reach in a namespace. Pods on the host's network are beyond all of them, and not counted.
func reach(name string, policies []policy, workloads []snapshot.Workload) posture.Namespace {
	ns := posture.Namespace{Name: name, Level: levelNone}
	for _, w := range workloads {
		for _, t := range w.Templates {
			if t.Spec.HostNetwork || t.Pods == 0 {
				continue
			}
			ns.Pods += t.Pods
			ingress, egress := denied(policies, func(p policy) bool { return p.pods.Matches(labels.Set(t.Labels)) })
			if ingress || egress {
				ns.Covered += t.Pods
			}
		}
	}
	// Pods without labels that any policy asks for are selected by those alone that select all.
	ingress, egress := denied(policies, func(p policy) bool { return p.pods.Empty() })
	switch {
	case ingress && egress:
		ns.Level = levelDeny
	case ingress:
		ns.Level = levelIngress
	case ns.Covered > 0 || len(policies) > 0:
		ns.Level = levelPartial
	}
	return ns
}
