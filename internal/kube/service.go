package kube

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// A Service is what is kept of one.
type Service struct {
	Name, Type string // "ClusterIP", "NodePort", "LoadBalancer", "ExternalName"
	External   bool   // reachable from outside of the cluster
	selector   labels.Selector
}

const (
	servicesPage = 500
	maxServices  = 5000 // of a namespace
)

// Services returns the services of the namespace that select a pod with these labels, as they were at most a minute ago.
func (c *Client) Services(ctx context.Context, namespace string, pod map[string]string) ([]Service, error) {
	all, err := get(ctx, c, c.all.services, "list", "services/"+namespace, "", func(ctx context.Context) ([]Service, error) {
		return c.services(ctx, namespace)
	})
	var selected []Service
	for _, s := range all {
		if s.selector.Matches(labels.Set(pod)) {
			selected = append(selected, s)
		}
	}
	return selected, err
}

// services lists those with a selector.
func (c *Client) services(ctx context.Context, namespace string) (all []Service, err error) {
	for next, seen := "", 0; ; {
		page, err := c.core.Services(namespace).List(ctx, metav1.ListOptions{Limit: servicesPage, Continue: next})
		if err != nil {
			return nil, err
		}
		for i := range page.Items {
			if s := &page.Items[i]; len(s.Spec.Selector) > 0 {
				all = append(all, Service{
					Name: s.Name, Type: string(s.Spec.Type), External: external(s), selector: labels.SelectorFromSet(s.Spec.Selector),
				})
			}
		}
		if next, seen = page.Continue, seen+len(page.Items); next == "" {
			return all, nil
		}
		if seen >= maxServices {
			return all, fmt.Errorf("more than %d", maxServices)
		}
	}
}

// negStatus is there when a load balancer sends to the pods themselves: an Ingress or a Gateway in front of a service.
// https://cloud.google.com/kubernetes-engine/docs/how-to/standalone-neg
const negStatus = "cloud.google.com/neg-status"

func external(s *corev1.Service) bool {
	return s.Spec.Type == corev1.ServiceTypeLoadBalancer || s.Spec.Type == corev1.ServiceTypeNodePort ||
		len(s.Spec.ExternalIPs) > 0 || s.Annotations[negStatus] != ""
}
