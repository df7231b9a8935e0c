package kube

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Tolerations returns those that a DaemonSet gives its pods, as they are now; not nil if there is the DaemonSet.
func (c *Client) Tolerations(ctx context.Context, namespace, name string) ([]corev1.Toleration, error) {
	d, err := c.apps.DaemonSets(namespace).Get(quiet(ctx), name, metav1.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("get daemonsets/%s/%s: %w", namespace, name, plain(err))
	}
	return append([]corev1.Toleration{}, d.Spec.Template.Spec.Tolerations...), nil
}
