package snapshot

import (
	"crypto/x509"
	"encoding/pem"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"

	"tiercel.dev/internal/kube"
)

func takeNode(_ *reading, o *corev1.Node) []Node {
	n := kube.NodeOf(o)
	return []Node{{Name: n.Name, Pool: n.Pool, Version: n.Version, Created: n.Created, Ready: n.Ready, OS: n.OS}}
}

func takeServiceAccount(r *reading, o *corev1.ServiceAccount) []corev1.ServiceAccount {
	r.named = append(r.named, tokensOf(o)...)
	trim(o)
	return []corev1.ServiceAccount{*o}
}

func takeMutating(_ *reading, o *admissionv1.MutatingWebhookConfiguration) (all []Webhook) {
	for _, w := range o.Webhooks {
		one := newWebhook(w.ClientConfig, w.FailurePolicy, w.TimeoutSeconds, w.Rules)
		one.Kind, one.Configuration, one.Labels, one.Name = "MutatingWebhookConfiguration", o.Name, o.Labels, w.Name
		one.NamespaceSelector, one.ObjectSelector, one.Conditions = w.NamespaceSelector, w.ObjectSelector, len(w.MatchConditions)
		all = append(all, one)
	}
	return all
}

func takeValidating(_ *reading, o *admissionv1.ValidatingWebhookConfiguration) (all []Webhook) {
	for _, w := range o.Webhooks {
		one := newWebhook(w.ClientConfig, w.FailurePolicy, w.TimeoutSeconds, w.Rules)
		one.Kind, one.Configuration, one.Labels, one.Name = "ValidatingWebhookConfiguration", o.Name, o.Labels, w.Name
		one.NamespaceSelector, one.ObjectSelector, one.Conditions = w.NamespaceSelector, w.ObjectSelector, len(w.MatchConditions)
		all = append(all, one)
	}
	return all
}

// newWebhook has the API's defaults for what is not set.
func newWebhook(c admissionv1.WebhookClientConfig, policy *admissionv1.FailurePolicyType, timeout *int32, rules []admissionv1.RuleWithOperations) Webhook {
	w := Webhook{FailurePolicy: string(admissionv1.Fail), TimeoutSeconds: 10, URL: c.URL != nil}
	if policy != nil {
		w.FailurePolicy = string(*policy)
	}
	if timeout != nil {
		w.TimeoutSeconds = *timeout
	}
	if c.Service != nil {
		w.Service = c.Service.Namespace + "/" + c.Service.Name
	}
	for _, r := range rules {
		rule := WebhookRule{Groups: r.APIGroups, Resources: r.Resources, Scope: string(admissionv1.AllScopes)}
		if r.Scope != nil {
			rule.Scope = string(*r.Scope)
		}
		for _, o := range r.Operations {
			rule.Operations = append(rule.Operations, string(o))
		}
		w.Rules = append(w.Rules, rule)
	}
	return w
}

func takeCSR(_ *reading, o *certificatesv1.CertificateSigningRequest) []CSR {
	c := CSR{
		Name: o.Name, Created: o.CreationTimestamp.Time, Signer: o.Spec.SignerName, User: o.Spec.Username, State: "pending",
		Issued: len(o.Status.Certificate) > 0,
	}
	for _, condition := range o.Status.Conditions {
		switch condition.Type {
		case certificatesv1.CertificateApproved:
			c.State = "approved"
		case certificatesv1.CertificateDenied:
			c.State = "denied"
		case certificatesv1.CertificateFailed:
			c.State = "failed"
		}
	}
	c.subject(o.Spec.Request)
	return []CSR{c}
}

// subject reads whose certificate is asked for. The API server lets nothing in that is none; an older one may have.
func (c *CSR) subject(request []byte) {
	block, _ := pem.Decode(request)
	if block == nil {
		c.Unreadable = true
		return
	}
	r, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		c.Unreadable = true
		return
	}
	c.CommonName, c.Organizations = r.Subject.CommonName, r.Subject.Organization
}
