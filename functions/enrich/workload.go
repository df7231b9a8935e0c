package enrich

import (
	"context"
	"errors"
	"sync"

	"tiercel.dev/alert"
	"tiercel.dev/internal/kube"
)

var errName = errors.New("no pod has such a name, namespace or uid")

// findWorkload finds what the alert's pod belongs to, and the services that select it. err says why it need not try.
func (e *Enricher) findWorkload(ctx context.Context, f *facts, client *kube.Client, err error) {
	named := f.alert.GetPod()
	if err == nil && !(name.MatchString(named.GetNamespace()) && name.MatchString(named.GetName()) && name.MatchString(named.GetUid())) {
		err = errName
	}
	var pod kube.Pod
	if err == nil {
		pod, err = client.Pod(ctx, named.GetNamespace(), named.GetName(), named.GetUid())
	}
	if err != nil {
		f.lack("owners", err)
		f.lack("services", err)
		return
	}
	// Pods do not move.
	if pod.Node != f.alert.GetNode().GetName() {
		f.doubt("pod %s/%s runs on node %s", named.GetNamespace(), named.GetName(), pod.Node)
	}
	var (
		owners             []kube.Owner
		services           []kube.Service
		noOwner, noService error
		both               sync.WaitGroup
	)
	both.Go(func() { owners, noOwner = client.Owners(ctx, named.GetNamespace(), pod) })
	both.Go(func() { services, noService = client.Services(ctx, named.GetNamespace(), pod.Labels) })
	both.Wait()
	for _, o := range owners {
		f.Owners = append(f.Owners, &alert.Owner{ApiVersion: o.APIVersion, Kind: o.Kind, Name: o.Name, Uid: o.UID})
	}
	for _, s := range services {
		f.Services = append(f.Services, &alert.Service{Name: s.Name, Type: s.Type, External: s.External})
	}
	if noOwner != nil {
		f.lack("owners", noOwner)
	}
	if noService != nil {
		f.lack("services", noService)
	}
	f.knowsOwners, f.knowsServices = noOwner == nil, noService == nil
}
