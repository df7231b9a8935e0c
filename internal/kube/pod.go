package kube

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A Pod is what is kept of one.
type Pod struct {
	Node   string // on which it runs
	Labels map[string]string
	owner  *Owner // what made it
}

// Pod returns the pod of that uid, as it was at most five minutes ago. One of the same name that was made anew is not it:
// [ErrNotFound].
func (c *Client) Pod(ctx context.Context, namespace, name, uid string) (Pod, error) {
	what := "pods/" + namespace + "/" + name
	return get(ctx, c, c.all.pods, "get", what, uid, func(ctx context.Context) (Pod, error) {
		p, err := c.core.Pods(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return Pod{}, err
		}
		// The mirror of a static pod has a uid of its own; the node knows the pod by the hash of its file.
		if string(p.UID) != uid && p.Annotations[corev1.MirrorPodAnnotationKey] != uid {
			return Pod{}, fmt.Errorf("%w: the pod of that name is another", ErrNotFound)
		}
		return Pod{Node: p.Spec.NodeName, Labels: p.Labels, owner: ownerOf(p)}, nil
	})
}
