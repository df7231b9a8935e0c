package kube

import (
	"context"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// An Owner is what made a pod, or what made that.
type Owner struct {
	APIVersion, Kind, Name, UID string
}

// maxOwners bounds the chain: references may run in a circle.
const maxOwners = 8

// Owners are what the pod belongs to, from what made it upward. The chain goes on through Kubernetes' own kinds and ends at
// one of another, whose owner only its own API would tell. With an error come those found so far.
func (c *Client) Owners(ctx context.Context, namespace string, p Pod) (chain []Owner, err error) {
	for next := p.owner; next != nil && len(chain) < maxOwners; {
		chain = append(chain, *next)
		if next, err = c.ownerOf(ctx, namespace, *next); err != nil {
			return chain, err
		}
	}
	return chain, nil
}

// ownerOf is nil for what has no owner, or is of a kind that is not read.
func (c *Client) ownerOf(ctx context.Context, namespace string, o Owner) (*Owner, error) {
	group, _, _ := strings.Cut(o.APIVersion, "/")
	read := c.reader(group, o.Kind)
	if read == nil {
		return nil, nil
	}
	what := strings.ToLower(o.Kind) + "s/" + namespace + "/" + o.Name
	return get(ctx, c, c.all.owners, "get", what, o.UID, func(ctx context.Context) (*Owner, error) {
		object, err := read(ctx, namespace, o.Name)
		if err != nil {
			return nil, err
		}
		if string(object.GetUID()) != o.UID {
			return nil, fmt.Errorf("%w: the one of that name is another", ErrNotFound)
		}
		return ownerOf(object), nil
	})
}

// reader gets an object of one of the kinds that are followed.
func (c *Client) reader(group, kind string) func(ctx context.Context, namespace, name string) (metav1.Object, error) {
	switch group + "/" + kind {
	case "apps/ReplicaSet":
		return func(ctx context.Context, ns, name string) (metav1.Object, error) {
			return c.apps.ReplicaSets(ns).Get(ctx, name, metav1.GetOptions{})
		}
	case "apps/Deployment":
		return func(ctx context.Context, ns, name string) (metav1.Object, error) {
			return c.apps.Deployments(ns).Get(ctx, name, metav1.GetOptions{})
		}
	case "apps/StatefulSet":
		return func(ctx context.Context, ns, name string) (metav1.Object, error) {
			return c.apps.StatefulSets(ns).Get(ctx, name, metav1.GetOptions{})
		}
	case "apps/DaemonSet":
		return func(ctx context.Context, ns, name string) (metav1.Object, error) {
			return c.apps.DaemonSets(ns).Get(ctx, name, metav1.GetOptions{})
		}
	case "batch/Job":
		return func(ctx context.Context, ns, name string) (metav1.Object, error) {
			return c.batch.Jobs(ns).Get(ctx, name, metav1.GetOptions{})
		}
	case "batch/CronJob":
		return func(ctx context.Context, ns, name string) (metav1.Object, error) {
			return c.batch.CronJobs(ns).Get(ctx, name, metav1.GetOptions{})
		}
	}
	return nil
}

// ownerOf is the controller, or else the first owner.
func ownerOf(object metav1.Object) *Owner {
	all := object.GetOwnerReferences()
	if len(all) == 0 {
		return nil
	}
	ref := metav1.GetControllerOfNoCopy(object)
	if ref == nil {
		ref = &all[0]
	}
	return &Owner{APIVersion: ref.APIVersion, Kind: ref.Kind, Name: ref.Name, UID: string(ref.UID)}
}
