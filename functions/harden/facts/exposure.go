package facts

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"tiercel.dev/rules/check"
)

// exposure fills the set service: services, and ingresses in front of them.
func (b *builder) exposure() {
	b.lists([]string{"service"}, "services", "ingresses")
	b.begin("service")
	for i := range b.k.Services {
		b.service(&b.k.Services[i])
	}
	for i := range b.k.Ingresses {
		b.ingress(&b.k.Ingresses[i])
	}
}

func (b *builder) service(s *corev1.Service) {
	ports := []string{}
	for _, p := range s.Spec.Ports {
		ports = append(ports, fmt.Sprintf("%d/%s", p.Port, p.Protocol))
	}
	internal := s.Annotations["networking.gke.io/load-balancer-type"] == "Internal" || s.Annotations["cloud.google.com/load-balancer-type"] == "Internal"
	b.add("service", check.Item{Resource: b.at("Service", s.Namespace, s.Name), Value: map[string]any{
		"kind": "Service", "namespace": s.Namespace, "name": s.Name, "system": SystemNamespace(s.Namespace), "type": string(s.Spec.Type),
		"load_balancer": s.Spec.Type == corev1.ServiceTypeLoadBalancer, "internal": internal, "external_ips": texts(s.Spec.ExternalIPs),
		"sources": texts(s.Spec.LoadBalancerSourceRanges), "open": len(s.Spec.LoadBalancerSourceRanges) == 0 || anywhere(s.Spec.LoadBalancerSourceRanges),
		"ports": texts(ports), "certificate": true, "plain_http": false,
	}})
}

func anywhere(ranges []string) bool {
	return slices.Contains(ranges, "0.0.0.0/0") || slices.Contains(ranges, "::/0")
}

// ingress says whether it has a certificate: Google's, one that was uploaded, or a secret's.
// https://cloud.google.com/kubernetes-engine/docs/how-to/managed-certs
func (b *builder) ingress(o *networkingv1.Ingress) {
	a := o.Annotations
	class := a["kubernetes.io/ingress.class"]
	if class == "" && o.Spec.IngressClassName != nil {
		class = *o.Spec.IngressClassName
	}
	certificate := a["networking.gke.io/managed-certificates"] != "" || a["ingress.gcp.kubernetes.io/pre-shared-cert"] != "" || len(o.Spec.TLS) > 0
	b.add("service", check.Item{Resource: b.at("Ingress", o.Namespace, o.Name), Value: map[string]any{
		"kind": "Ingress", "namespace": o.Namespace, "name": o.Name, "system": SystemNamespace(o.Namespace), "type": class, "load_balancer": false,
		"internal": class == "gce-internal", "external_ips": []any{}, "sources": []any{}, "open": false, "ports": []any{}, "certificate": certificate,
		"plain_http": a["kubernetes.io/ingress.allow-http"] != "false",
	}})
}
