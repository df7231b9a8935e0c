package snapshot

import (
	"errors"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"tiercel.dev/internal/kube"
	"tiercel.dev/internal/posture"
)

var (
	cilium      = schema.GroupVersion{Group: "cilium.io", Version: "v2"}
	adminPolicy = schema.GroupVersion{Group: "policy.networking.k8s.io", Version: "v1alpha1"}
	gatekeeper  = schema.GroupVersion{Group: "constraints.gatekeeper.sh", Version: "v1beta1"}
	kyverno     = schema.GroupVersion{Group: "kyverno.io", Version: "v1"}
)

// custom reads what is there only where somebody installed it. Of a cluster whose groups are not known neither is this.
func (r *reading) custom() {
	if r.served == nil {
		for _, part := range []string{"custompolicies", "guards"} {
			r.s.Gaps = append(r.s.Gaps, posture.Gap{
				Part: PartKubernetes + "/" + part, Call: "get /apis", Error: "it is not known which API groups the cluster serves",
				Fix: "bind the ClusterRole system:discovery to the function's service account",
			})
		}
		return
	}
	policies, guards := []CustomPolicy{}, []Guard{}
	ok := customOf(r, "custompolicies", cilium.WithResource("ciliumnetworkpolicies"), func(p ciliumPolicy) {
		policies = append(policies, p.policies("CiliumNetworkPolicy")...)
	})
	ok = customOf(r, "custompolicies", cilium.WithResource("ciliumclusterwidenetworkpolicies"), func(p ciliumPolicy) {
		policies = append(policies, p.policies("CiliumClusterwideNetworkPolicy")...)
	}) && ok
	for kind, resource := range map[string]string{
		"AdminNetworkPolicy": "adminnetworkpolicies", "BaselineAdminNetworkPolicy": "baselineadminnetworkpolicies",
	} {
		ok = customOf(r, "custompolicies", adminPolicy.WithResource(resource), func(p adminNetworkPolicy) {
			policies = append(policies, p.policy(kind))
		}) && ok
	}
	if ok {
		r.k.CustomPolicies = policies
	}
	ok = customOf(r, "guards", kyverno.WithResource("clusterpolicies"), func(p kyvernoPolicy) {
		if g, is := p.guard(); is {
			guards = append(guards, g)
		}
	})
	if r.constraints(&guards) && ok {
		r.k.Guards = guards
	}
}

// customOf reads a resource if it is served, and reports whether nothing is missing.
func customOf[T any](r *reading, part string, gvr schema.GroupVersionResource, each func(T)) bool {
	if !slices.Contains(r.served, gvr.Group) {
		return true
	}
	err := kube.EachCustom(r.ctx, r.client, gvr, each)
	if errors.Is(err, kube.ErrNotFound) {
		return true // the group is there, and this one of it is not
	}
	return r.note(part, gvr, err)
}

// constraints reads those of Gatekeeper's templates that do what Pod Security does; each template is a resource of its own.
func (r *reading) constraints(guards *[]Guard) bool {
	if !slices.Contains(r.served, gatekeeper.Group) {
		return true
	}
	names, err := r.client.Resources(r.ctx, gatekeeper)
	if err != nil {
		return r.note("guards", gatekeeper.WithResource("*"), err)
	}
	ok := true
	for _, name := range names {
		if strings.HasPrefix(name, "k8spsp") && !strings.Contains(name, "/") {
			ok = customOf(r, "guards", gatekeeper.WithResource(name), func(c constraint) { *guards = append(*guards, c.guard()) }) && ok
		}
	}
	return ok
}

// A ciliumPolicy is what is read of one.
// https://docs.cilium.io/en/stable/security/policy/language/
type ciliumPolicy struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     *ciliumRule       `json:"spec"`
	Specs    []ciliumRule      `json:"specs"`
}

type ciliumRule struct {
	EndpointSelector  *metav1.LabelSelector `json:"endpointSelector"` // absent in a policy for nodes
	Ingress           []any                 `json:"ingress"`
	IngressDeny       []any                 `json:"ingressDeny"`
	Egress            []any                 `json:"egress"`
	EgressDeny        []any                 `json:"egressDeny"`
	EnableDefaultDeny struct {
		Ingress *bool `json:"ingress"`
		Egress  *bool `json:"egress"`
	} `json:"enableDefaultDeny"`
}

// policies is one for each rule: each selects for itself.
func (p ciliumPolicy) policies(kind string) (all []CustomPolicy) {
	rules := p.Specs
	if p.Spec != nil {
		rules = append([]ciliumRule{*p.Spec}, rules...)
	}
	for _, r := range rules {
		c := CustomPolicy{
			Kind: kind, Namespace: p.Metadata.Namespace, Name: p.Metadata.Name,
			DenyIngress: denies(r.EnableDefaultDeny.Ingress, r.Ingress, r.IngressDeny), DenyEgress: denies(r.EnableDefaultDeny.Egress, r.Egress, r.EgressDeny),
		}
		if r.EndpointSelector != nil {
			if s, ok := ciliumSubject(r.EndpointSelector); ok {
				c.Subjects = []Subject{s}
			}
		}
		all = append(all, c)
	}
	return all
}

// denies is Cilium's default: a direction with any rule is denied what no rule allows.
func denies(told *bool, allow, deny []any) bool {
	if told != nil {
		return *told
	}
	return len(allow)+len(deny) > 0
}

const (
	ciliumNamespace       = "io.kubernetes.pod.namespace"
	ciliumNamespaceLabels = "io.cilium.k8s.namespace.labels."
)

// ciliumSubject parts a selector of endpoints, whose labels have their source in front, in those of pods and of their namespace.
// What selects by another source than Kubernetes, such as reserved:host, selects no pods.
func ciliumSubject(s *metav1.LabelSelector) (Subject, bool) {
	var namespaces, pods metav1.LabelSelector
	place := func(key string) (*metav1.LabelSelector, string, bool) {
		if source, rest, ok := strings.Cut(key, ":"); ok {
			if source != "k8s" && source != "any" {
				return nil, "", false
			}
			key = rest
		}
		if key == ciliumNamespace {
			return &namespaces, namespaceNameLabel, true
		}
		if label, ok := strings.CutPrefix(key, ciliumNamespaceLabels); ok {
			return &namespaces, label, true
		}
		return &pods, key, true
	}
	for key, value := range s.MatchLabels {
		to, label, ok := place(key)
		if !ok {
			return Subject{}, false
		}
		if to.MatchLabels == nil {
			to.MatchLabels = map[string]string{}
		}
		to.MatchLabels[label] = value
	}
	for _, e := range s.MatchExpressions {
		to, label, ok := place(e.Key)
		if !ok {
			return Subject{}, false
		}
		e.Key = label
		to.MatchExpressions = append(to.MatchExpressions, e)
	}
	return Subject{Namespaces: &namespaces, Pods: &pods}, true
}

// namespaceNameLabel is on each namespace, with its name.
const namespaceNameLabel = "kubernetes.io/metadata.name"

// An adminNetworkPolicy is what is read of one, or of a baseline one.
// https://network-policy-api.sigs.k8s.io/reference/spec/
type adminNetworkPolicy struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		Subject struct {
			Namespaces *metav1.LabelSelector `json:"namespaces"`
			Pods       *struct {
				NamespaceSelector metav1.LabelSelector `json:"namespaceSelector"`
				PodSelector       metav1.LabelSelector `json:"podSelector"`
			} `json:"pods"`
		} `json:"subject"`
		Ingress []adminRule `json:"ingress"`
		Egress  []adminRule `json:"egress"`
	} `json:"spec"`
}

type adminRule struct {
	Action string      `json:"action"` // Allow, Deny, Pass
	From   []adminPeer `json:"from"`
	To     []adminPeer `json:"to"`
	Ports  []any       `json:"ports"`
}

type adminPeer struct {
	Namespaces *metav1.LabelSelector `json:"namespaces"`
}

func (p adminNetworkPolicy) policy(kind string) CustomPolicy {
	c := CustomPolicy{Kind: kind, Name: p.Metadata.Name, DenyIngress: deniesAll(p.Spec.Ingress), DenyEgress: deniesAll(p.Spec.Egress)}
	switch s := p.Spec.Subject; {
	case s.Pods != nil:
		c.Subjects = []Subject{{Namespaces: &s.Pods.NamespaceSelector, Pods: &s.Pods.PodSelector}}
	case s.Namespaces != nil:
		c.Subjects = []Subject{{Namespaces: s.Namespaces}}
	}
	return c
}

// deniesAll reports whether a rule denies what all pods send, or to all of them.
func deniesAll(rules []adminRule) bool {
	return slices.ContainsFunc(rules, func(r adminRule) bool {
		return r.Action == "Deny" && len(r.Ports) == 0 && slices.ContainsFunc(slices.Concat(r.From, r.To), func(p adminPeer) bool {
			return p.Namespaces != nil && len(p.Namespaces.MatchLabels)+len(p.Namespaces.MatchExpressions) == 0
		})
	})
}

// A constraint is what is read of one of Gatekeeper's.
// https://open-policy-agent.github.io/gatekeeper/website/docs/howto#constraints
type constraint struct {
	Kind     string            `json:"kind"`
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		EnforcementAction string `json:"enforcementAction"`
		Match             struct {
			Namespaces         []string `json:"namespaces"`
			ExcludedNamespaces []string `json:"excludedNamespaces"`
		} `json:"match"`
	} `json:"spec"`
}

func (c constraint) guard() Guard {
	return Guard{
		Kind: c.Kind, Name: c.Metadata.Name, Namespaces: c.Spec.Match.Namespaces, Excluded: c.Spec.Match.ExcludedNamespaces,
		Enforced: c.Spec.EnforcementAction == "" || c.Spec.EnforcementAction == "deny",
	}
}

// A kyvernoPolicy is what is read of one.
// https://kyverno.io/docs/policy-types/cluster-policy/validate/#pod-security
type kyvernoPolicy struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		ValidationFailureAction string `json:"validationFailureAction"`
		Rules                   []struct {
			Validate *struct {
				FailureAction string `json:"failureAction"`
				PodSecurity   any    `json:"podSecurity"`
			} `json:"validate"`
		} `json:"rules"`
	} `json:"spec"`
}

func (p kyvernoPolicy) guard() (Guard, bool) {
	for _, r := range p.Spec.Rules {
		if r.Validate == nil || r.Validate.PodSecurity == nil {
			continue
		}
		action := r.Validate.FailureAction
		if action == "" {
			action = p.Spec.ValidationFailureAction
		}
		return Guard{Kind: "ClusterPolicy", Name: p.Metadata.Name, Enforced: strings.EqualFold(action, "enforce")}, true
	}
	return Guard{}, false
}
