package snapshot

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"tiercel.dev/internal/gke"
	"tiercel.dev/internal/kube"
	"tiercel.dev/internal/posture"
)

// Kube reads what clusters' own APIs say. It is safe for concurrent use.
type Kube struct {
	Clusters *kube.Clusters
	// Secrets ask as the identity that may list secrets; nil if there is none.
	Secrets *kube.Clusters
}

// Read fills in s.Kubernetes. Each list is a part of its own: what one may not read is a gap, and the others are there. A cluster
// that does not answer is one gap in all of them.
func (k *Kube) Read(ctx context.Context, s *Snapshot) {
	c := gke.NewCluster(s.Resource.Project, s.Cluster)
	client, ok := k.connect(ctx, s, c)
	if !ok {
		return
	}
	r := &reading{ctx: ctx, client: client, s: s, k: &Kubernetes{}}
	r.groups()
	for _, l := range lists {
		r.list(l)
	}
	r.custom()
	r.pods()
	r.together(k)
	s.Kubernetes = r.k
	r.k.Tokens = k.tokens(ctx, s, c, r.named)
}

// connect finds out whether the cluster answers at all.
func (k *Kube) connect(ctx context.Context, s *Snapshot, c *gke.Cluster) (*kube.Client, bool) {
	client, err := k.Clusters.Of(c)
	if err == nil {
		_, err = client.Groups(ctx)
	}
	switch {
	case err == nil, errors.Is(err, kube.ErrForbidden):
		return client, true
	}
	s.Gaps = append(s.Gaps, posture.Gap{Part: PartKubernetes, Call: "connect", Error: err.Error(), Fix: reach(c.Endpoints)})
	return nil, false
}

// reach says how the cluster could be reached.
func reach(e gke.Endpoints) string {
	if e.DNS != "" {
		return "grant container.clusters.connect to the function's service account: its DNS endpoint takes nobody without"
	}
	fix := "let the cluster be reached by its DNS endpoint (gcloud container clusters update --enable-dns-access)"
	if e.Private != "" {
		fix += ", or give the function Direct VPC egress to a network that reaches " + e.Private
	}
	return fix
}

// A reading is one reading of one cluster.
type reading struct {
	ctx    context.Context
	client *kube.Client
	s      *Snapshot
	k      *Kubernetes
	served []string // API groups; nil if that is not known
	named  []Token
	refused,
	asked int
}

func (r *reading) groups() {
	names, err := r.client.Groups(r.ctx)
	if err != nil {
		r.s.Gaps = append(r.s.Gaps, posture.Gap{
			Part: PartKubernetes + "/groups", Call: "get /apis", Error: err.Error(),
			Fix: "bind the ClusterRole system:discovery to the function's service account",
		})
		return
	}
	r.served, r.k.Groups = names, names
}

// A list is one resource and what is kept of it.
type list struct {
	part string
	gvr  schema.GroupVersionResource
	new  func() runtime.Object
	// begin makes what was read not null, even if it is empty; undo takes back a list that broke off.
	begin func(*Kubernetes) (undo func())
	take  func(*reading, runtime.Object)
}

func (r *reading) list(l list) {
	undo := l.begin(r.k)
	if !r.note(l.part, l.gvr, r.client.Each(r.ctx, l.gvr, l.new, func(o runtime.Object) { l.take(r, o) })) {
		undo()
	}
}

// note counts a request, and reports whether it was answered.
func (r *reading) note(part string, gvr schema.GroupVersionResource, err error) bool {
	r.asked++
	if err == nil {
		return true
	}
	r.refused++
	r.s.Gaps = append(r.s.Gaps, listGap(part, gvr, err))
	return false
}

// together makes one gap of those of all lists.
func (r *reading) together(k *Kube) {
	if r.refused < r.asked {
		return
	}
	var why string
	r.s.Gaps = slices.DeleteFunc(r.s.Gaps, func(g posture.Gap) bool {
		of := len(g.Part) > len(PartKubernetes) && g.Part[:len(PartKubernetes)+1] == PartKubernetes+"/"
		if of && why == "" {
			why = g.Error
		}
		return of
	})
	r.s.Gaps = append(r.s.Gaps, posture.Gap{
		Part: PartKubernetes, Call: "list", Permission: "container.clusters.connect, and the ClusterRole tiercel-audit", Error: fmt.Sprintf("all %d lists: %s", r.asked, why),
		Fix: "scripts/bootstrap --cluster …, which applies infra/kubernetes/audit.yaml",
	})
}
