package rotate

import (
	"slices"
	"strings"

	policyv1 "k8s.io/api/policy/v1"

	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
)

// inside takes over what a cluster's own API said. What is not among the snapshot's lists was not to be read.
func inside(s *snapshot.Snapshot, o *Observed) {
	k := s.Kubernetes
	if k == nil {
		k = new(snapshot.Kubernetes)
	}
	o.Nodes = take(s, "nodes", k.Nodes, func(n snapshot.Node) (Node, bool) { return Node{n.Name, n.Pool, n.Created, n.Ready}, true })
	o.Budgets = take(s, "poddisruptionbudgets", k.PDBs, func(b policyv1.PodDisruptionBudget) (string, bool) {
		return b.Namespace + "/" + b.Name, b.Status.ExpectedPods > 0 && b.Status.DisruptionsAllowed == 0
	})
	o.Webhooks = take(s, "webhooks", k.Webhooks, func(w snapshot.Webhook) (string, bool) { return w.Configuration + "/" + w.Name, holdsPods(w) })
	o.Requests = requested(s, k.CSRs)
	// Tokens that service accounts name are not all: those made by hand are named by nobody.
	if k.Tokens.Complete {
		tokens := []Token{}
		for _, t := range k.Tokens.List {
			if t.InvalidSince.IsZero() { // the others are refused already
				tokens = append(tokens, Token{t.Namespace + "/" + t.Secret, t.Namespace + "/" + t.ServiceAccount, t.LastUsed})
			}
		}
		slices.SortFunc(tokens, func(a, b Token) int { return strings.Compare(a.Secret, b.Secret) })
		o.Tokens = Have(tokens)
	} else {
		o.Tokens = Lack[[]Token](missing(s, "secrets"))
	}
}

// take picks from a list what counts, unless the list was not read.
func take[T, V any](s *snapshot.Snapshot, resource string, list []T, pick func(T) (V, bool)) Known[[]V] {
	if list == nil {
		return Lack[[]V](missing(s, resource))
	}
	picked := []V{}
	for _, item := range list {
		if v, ok := pick(item); ok {
			picked = append(picked, v)
		}
	}
	return Have(picked)
}

// missing is why a resource was not read.
func missing(s *snapshot.Snapshot, resource string) posture.Gap {
	if g := s.Gap(snapshot.PartKubernetes + "/" + resource); g != nil {
		return *g
	}
	return posture.Gap{Part: snapshot.PartKubernetes + "/" + resource, Call: "list " + resource, Error: "not read"}
}

// holdsPods reports whether a webhook that does not answer keeps pods from being made. GKE's own are its matter.
func holdsPods(w snapshot.Webhook) bool {
	if w.FailurePolicy == "Ignore" || strings.HasSuffix(w.Name, ".gke.io") || strings.HasSuffix(w.Configuration, ".gke.io") {
		return false
	}
	return slices.ContainsFunc(w.Rules, func(r snapshot.WebhookRule) bool {
		return has(r.Operations, "CREATE") && has(r.Groups, "") && has(r.Resources, "pods")
	})
}

func has(list []string, word string) bool {
	return slices.Contains(list, word) || slices.Contains(list, "*") || slices.Contains(list, word+"/*") || slices.Contains(list, "*/*")
}
