package facts

import (
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
	"tiercel.dev/rules/check"
)

// ActsAs is the annotation of Kubernetes service accounts that names the Google one they act as.
const ActsAs = "iam.gke.io/gcp-service-account"

// serviceAccounts fills the set: what each may, who has its token, and which static tokens it has.
func (b *builder) serviceAccounts() {
	if b.k.ServiceAccounts == nil {
		b.lists([]string{"service_account"}, "serviceaccounts")
		return
	}
	b.begin("service_account")
	tokens := map[string][]snapshot.Token{}
	for _, t := range b.k.Tokens.List {
		tokens[t.Namespace+"/"+t.ServiceAccount] = append(tokens[t.Namespace+"/"+t.ServiceAccount], t)
	}
	mounting := map[string][]string{} // workloads whose pods have the account's token
	for i := range b.k.Workloads {
		w := &b.k.Workloads[i]
		if mounts, _ := b.mounts(w); mounts && live(w) > 0 {
			key := w.Namespace + "/" + account(w)
			mounting[key] = append(mounting[key], w.Kind+" "+w.Name)
		}
	}
	for i := range b.k.ServiceAccounts {
		a := &b.k.ServiceAccounts[i]
		key := a.Namespace + "/" + a.Name
		granted := b.granted["system:serviceaccount:"+a.Namespace+":"+a.Name]
		b.add("service_account", check.Item{
			Resource: b.at("ServiceAccount", a.Namespace, a.Name), Unknown: b.accountGaps(len(tokens[key]) > 0, len(granted) > 0),
			Value: map[string]any{
				"namespace": a.Namespace, "name": a.Name, "system": SystemNamespace(a.Namespace), "default": a.Name == "default",
				"automount": a.AutomountServiceAccountToken == nil || *a.AutomountServiceAccountToken, "acts_as": a.Annotations[ActsAs],
				"tokens": tokenValues(tokens[key]), "mounting": texts(mounting[key]), "granted": len(granted) > 0,
			},
		})
	}
}

func tokenValues(all []snapshot.Token) []any {
	out := []any{}
	for _, t := range all {
		v := map[string]any{"secret": t.Secret, "last_used": "", "invalid_since": ""}
		if !t.LastUsed.IsZero() {
			v["last_used"] = t.LastUsed.Format("2006-01-02")
		}
		if !t.InvalidSince.IsZero() {
			v["invalid_since"] = t.InvalidSince.Format("2006-01-02")
		}
		out = append(out, v)
	}
	return out
}

// accountGaps are what is not known of an account. A token that was found is one, though there may be more.
func (b *builder) accountGaps(hasToken, isGranted bool) map[string]*posture.Gap {
	unknown := map[string]*posture.Gap{}
	if gap := b.s.Gap(snapshot.PartTokens); gap != nil && !hasToken {
		unknown["tokens"] = gap
	}
	if gap := b.gap("pods"); gap != nil {
		unknown["mounting"] = gap
	}
	for _, list := range []string{"rolebindings", "clusterrolebindings"} {
		if gap := b.gap(list); gap != nil && !isGranted {
			unknown["granted"] = gap
		}
	}
	return unknown
}
