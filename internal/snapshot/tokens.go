package snapshot

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"tiercel.dev/internal/gke"
	"tiercel.dev/internal/kube"
	"tiercel.dev/internal/posture"
)

// Labels in which the API server notes how static tokens are used, and from when on it refuses those that are not.
// https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#legacy-serviceaccount-token-cleaner
const (
	lastUsedLabel     = "kubernetes.io/legacy-token-last-used"
	invalidSinceLabel = "kubernetes.io/legacy-token-invalid-since"

	tokenSelector = "type=" + string(corev1.SecretTypeServiceAccountToken)
)

var secrets = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}

// Tokens reads the static tokens of the cluster's service accounts, and nothing else; what it could not read is among the gaps,
// in PartTokens or in PartKubernetes.
func (k *Kube) Tokens(ctx context.Context, c *gke.Cluster) (Tokens, []posture.Gap) {
	var s Snapshot
	client, ok := k.connect(ctx, &s, c)
	if !ok {
		return Tokens{}, s.Gaps
	}
	named, err := namedTokens(ctx, client)
	if err != nil {
		s.Gaps = append(s.Gaps, listGap("serviceaccounts", corev1.SchemeGroupVersion.WithResource("serviceaccounts"), err))
	}
	t := k.tokens(ctx, &s, c, named)
	return t, s.Gaps
}

// tokens are all that there are, if the identity for that may list them, and else those that service accounts name.
func (k *Kube) tokens(ctx context.Context, s *Snapshot, c *gke.Cluster, named []Token) Tokens {
	if k.Secrets == nil {
		s.Gaps = append(s.Gaps, posture.Gap{
			Part: PartTokens, Call: "list secrets", Permission: "list of secrets, for an identity of its own", Withheld: true,
			Error: "no identity is set up that may list secrets", Fix: "see infra/kubernetes/tokens.yaml: its identity sees the names of static tokens, never one's data",
		})
		return Tokens{List: named}
	}
	client, err := k.Secrets.Of(c)
	all := []Token{}
	if err == nil {
		err = client.EachMetadata(ctx, secrets, tokenSelector, func(m metav1.ObjectMeta) { all = append(all, newToken(&m)) })
	}
	if err != nil {
		g := listGap("secrets", secrets, err)
		if g.Permission != "" {
			g.Fix = "scripts/bootstrap --count-tokens --cluster …, which applies infra/kubernetes/tokens.yaml"
		}
		s.Gaps = append(s.Gaps, g)
		return Tokens{List: named}
	}
	return Tokens{Complete: true, List: all}
}

// newToken reads a secret's metadata. A day that cannot be read is none.
func newToken(m *metav1.ObjectMeta) Token {
	day := func(label string) time.Time {
		t, err := time.Parse(time.DateOnly, m.Labels[label])
		if err != nil {
			return time.Time{}
		}
		return t
	}
	return Token{
		Namespace: m.Namespace, Secret: m.Name, ServiceAccount: m.Annotations[corev1.ServiceAccountNameKey], Created: m.CreationTimestamp.Time,
		LastUsed: day(lastUsedLabel), InvalidSince: day(invalidSinceLabel),
	}
}

// tokensOf are the secrets that a service account names. They may be other secrets than tokens, or gone.
func tokensOf(a *corev1.ServiceAccount) (all []Token) {
	for _, s := range a.Secrets {
		all = append(all, Token{Namespace: a.Namespace, Secret: s.Name, ServiceAccount: a.Name})
	}
	return all
}

func namedTokens(ctx context.Context, client *kube.Client) ([]Token, error) {
	named := []Token{}
	err := client.Each(ctx, corev1.SchemeGroupVersion.WithResource("serviceaccounts"), func() runtime.Object { return &corev1.ServiceAccountList{} },
		func(o runtime.Object) { named = append(named, tokensOf(o.(*corev1.ServiceAccount))...) })
	return named, err
}

// listGap is why a list could not be read, and what gives the permission.
func listGap(part string, r schema.GroupVersionResource, err error) posture.Gap {
	g := posture.Gap{
		Part: PartKubernetes + "/" + part, Call: "list " + r.GroupResource().String(), Error: err.Error(),
		Passing: !errors.Is(err, kube.ErrForbidden) && !errors.Is(err, kube.ErrNotFound),
	}
	if errors.Is(err, kube.ErrForbidden) {
		g.Permission = fmt.Sprintf("list of %s in API group %q", r.Resource, r.Group)
		g.Fix = "scripts/bootstrap --cluster …, which applies infra/kubernetes/audit.yaml"
	}
	return g
}
