// Package netpol writes network policies for namespaces that have none: one that denies everything, and one to begin with that
// allows what the namespace's services say it is for. Nobody applies them but people, who read them first: what pods ask of
// others no API tells.
package netpol

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation"

	"tiercel.dev/functions/harden/facts"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
)

// A Proposal is for one namespace.
type Proposal struct {
	Namespace string
	// Allow and Deny are YAML files. Allow goes first: what it allows is not interrupted then.
	Allow, Deny string
	// Commands try both without effect, and then apply them, from files of the names that [Proposal.Files] gives.
	Commands []string
}

// Files are the names under which commands expect the files.
func (p Proposal) Files() (allow, deny string) {
	return p.Namespace + "-allow.yaml", p.Namespace + "-default-deny.yaml"
}

// For writes proposals for the namespaces with pods that no policy is for, in order; none if it is not known which these are.
func For(s *snapshot.Snapshot) ([]Proposal, error) {
	n := facts.Network(s)
	if n == nil || s.Kubernetes.Services == nil || s.Kubernetes.CustomPolicies == nil {
		return nil, nil
	}
	var all []Proposal
	for _, ns := range n.Namespaces {
		if ns.Level != "none" || ns.Pods == 0 {
			continue
		}
		p, err := propose(s.Kubernetes, ns.Name)
		if err != nil {
			return nil, fmt.Errorf("namespace %q: %w", ns.Name, err)
		}
		all = append(all, p)
	}
	return all, nil
}

func propose(k *snapshot.Kubernetes, namespace string) (Proposal, error) {
	p := Proposal{Namespace: namespace}
	// A dump is anybody's: the name becomes one of files.
	if wrong := validation.IsDNS1123Label(namespace); len(wrong) > 0 {
		return p, errors.New(wrong[0])
	}
	var err error
	if p.Deny, err = text(denyHead, Deny(namespace)); err != nil {
		return p, err
	}
	if p.Allow, err = text(allowHead, Allow(k, namespace)...); err != nil {
		return p, err
	}
	allow, deny := p.Files()
	both := " -f " + posture.Quote(allow) + " -f " + posture.Quote(deny)
	p.Commands = []string{"kubectl apply --dry-run=server" + both, "kubectl apply" + both}
	return p, nil
}

const (
	denyHead  = "# Denies all that pods of the namespace send and receive and no other policy allows.\n"
	allowHead = "# To begin with: what services of the namespace are for, names, and what pods of the namespace say to each other.\n" +
		"# Whatever else they ask of others has to be added: no API tells it.\n"
)

// Deny denies everything.
func Deny(namespace string) networkingv1.NetworkPolicy {
	return policy(namespace, "default-deny", networkingv1.NetworkPolicySpec{PolicyTypes: []networkingv1.PolicyType{
		networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress,
	}})
}

// Allow allows each service's pods to be reached at its ports, and all pods names and each other.
func Allow(k *snapshot.Kubernetes, namespace string) []networkingv1.NetworkPolicy {
	all := []networkingv1.NetworkPolicy{policy(namespace, "allow-names-and-own", networkingv1.NetworkPolicySpec{
		PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress},
		Ingress:     []networkingv1.NetworkPolicyIngressRule{{From: []networkingv1.NetworkPolicyPeer{{PodSelector: &metav1.LabelSelector{}}}}},
		Egress:      append([]networkingv1.NetworkPolicyEgressRule{names(), {To: []networkingv1.NetworkPolicyPeer{{PodSelector: &metav1.LabelSelector{}}}}}, metadata(k, namespace)...),
	})}
	for i := range k.Services {
		s := &k.Services[i]
		if s.Namespace != namespace || len(s.Spec.Selector) == 0 || s.Spec.Type == corev1.ServiceTypeExternalName || len(s.Spec.Ports) == 0 {
			continue
		}
		rule := networkingv1.NetworkPolicyIngressRule{Ports: ports(s)}
		if !outside(k, s) {
			rule.From = []networkingv1.NetworkPolicyPeer{{NamespaceSelector: &metav1.LabelSelector{}}}
		}
		all = append(all, policy(namespace, "allow-to-"+s.Name, networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: s.Spec.Selector}, PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress},
			Ingress: []networkingv1.NetworkPolicyIngressRule{rule},
		}))
	}
	slices.SortFunc(all[1:], func(a, b networkingv1.NetworkPolicy) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// maxName is of objects' names.
const maxName = 253

func policy(namespace, name string, spec networkingv1.NetworkPolicySpec) networkingv1.NetworkPolicy {
	return networkingv1.NetworkPolicy{
		TypeMeta:   metav1.TypeMeta{APIVersion: networkingv1.SchemeGroupVersion.String(), Kind: "NetworkPolicy"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name[:min(len(name), maxName)]}, Spec: spec,
	}
}

// ports are the pods', not the service's: policies see packets as pods do.
func ports(s *corev1.Service) (all []networkingv1.NetworkPolicyPort) {
	for _, p := range s.Spec.Ports {
		port, protocol := p.TargetPort, p.Protocol
		if port == (intstr.IntOrString{}) {
			port = intstr.FromInt32(p.Port)
		}
		if protocol == "" {
			protocol = corev1.ProtocolTCP
		}
		all = append(all, networkingv1.NetworkPolicyPort{Protocol: &protocol, Port: &port})
	}
	return all
}

// outside reports whether somebody outside of the cluster reaches the service: by its own address, or through an Ingress.
func outside(k *snapshot.Kubernetes, s *corev1.Service) bool {
	if s.Spec.Type == corev1.ServiceTypeLoadBalancer || s.Spec.Type == corev1.ServiceTypeNodePort || len(s.Spec.ExternalIPs) > 0 {
		return true
	}
	to := func(b *networkingv1.IngressBackend) bool {
		return b != nil && b.Service != nil && b.Service.Name == s.Name
	}
	return slices.ContainsFunc(k.Ingresses, func(o networkingv1.Ingress) bool {
		return o.Namespace == s.Namespace && (to(o.Spec.DefaultBackend) || slices.ContainsFunc(o.Spec.Rules, func(r networkingv1.IngressRule) bool {
			return r.HTTP != nil && slices.ContainsFunc(r.HTTP.Paths, func(p networkingv1.HTTPIngressPath) bool { return to(&p.Backend) })
		}))
	})
}

func port(protocol corev1.Protocol, number int32) networkingv1.NetworkPolicyPort {
	p := intstr.FromInt32(number)
	return networkingv1.NetworkPolicyPort{Protocol: &protocol, Port: &p}
}

func addresses(blocks ...string) (all []networkingv1.NetworkPolicyPeer) {
	for _, b := range blocks {
		all = append(all, networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: b}})
	}
	return all
}

// names lets pods look up names: at kube-dns, at the cache on their node, and at Cloud DNS, which answers at the metadata server.
// https://cloud.google.com/kubernetes-engine/docs/how-to/nodelocal-dns-cache
func names() networkingv1.NetworkPolicyEgressRule {
	to := networkingv1.NetworkPolicyPeer{
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": "kube-system"}},
		PodSelector:       &metav1.LabelSelector{MatchLabels: map[string]string{"k8s-app": "kube-dns"}},
	}
	return networkingv1.NetworkPolicyEgressRule{
		To:    append([]networkingv1.NetworkPolicyPeer{to}, addresses("169.254.20.10/32", "169.254.169.254/32")...),
		Ports: []networkingv1.NetworkPolicyPort{port(corev1.ProtocolUDP, 53), port(corev1.ProtocolTCP, 53)},
	}
}

// metadata lets pods get tokens of the Google service account that they act as, if any does.
// https://cloud.google.com/kubernetes-engine/docs/how-to/workload-identity#gke_mds
func metadata(k *snapshot.Kubernetes, namespace string) []networkingv1.NetworkPolicyEgressRule {
	if !slices.ContainsFunc(k.ServiceAccounts, func(a corev1.ServiceAccount) bool {
		return a.Namespace == namespace && a.Annotations[facts.ActsAs] != ""
	}) {
		return nil
	}
	return []networkingv1.NetworkPolicyEgressRule{
		{To: addresses("169.254.169.252/32"), Ports: []networkingv1.NetworkPolicyPort{port(corev1.ProtocolTCP, 987), port(corev1.ProtocolTCP, 988)}},
		{To: addresses("169.254.169.254/32"), Ports: []networkingv1.NetworkPolicyPort{port(corev1.ProtocolTCP, 80)}},
	}
}

// text is the policies as a file for kubectl.
func text(head string, policies ...networkingv1.NetworkPolicy) (string, error) {
	var b strings.Builder
	b.WriteString(head)
	for i := range policies {
		raw, err := json.Marshal(policies[i])
		if err != nil {
			return "", err
		}
		var v map[string]any
		if err := json.Unmarshal(raw, &v); err != nil {
			return "", err
		}
		out, err := yaml.Marshal(v)
		if err != nil {
			return "", err
		}
		if i > 0 {
			b.WriteString("---\n")
		}
		b.Write(out)
	}
	return b.String(), nil
}
