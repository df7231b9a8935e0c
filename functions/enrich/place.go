package enrich

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/internal/gke"
	"tiercel.dev/internal/kube"
)

// clusterTimeout is how long an alert waits for GKE's list of clusters; the list itself may take longer, for those after it.
const clusterTimeout = 5 * time.Second

// A name is one that Google Cloud or Kubernetes could have given. Others are not asked about: they end in addresses and keys.
var name = regexp.MustCompile(`^[a-z0-9]([a-z0-9.:-]{0,251}[a-z0-9])?$`)

// place checks that project, cluster, node and pod exist and belong together, and takes with it what it learns of them.
func (e *Enricher) place(ctx context.Context, f *facts) {
	if f.cluster = e.findCluster(ctx, f); f.cluster == nil {
		return
	}
	f.ofCluster()
	ctx, cancel := context.WithTimeout(ctx, e.cfg.Kube.Timeout())
	defer cancel()
	client, err := e.cfg.Kube.Of(f.cluster)
	e.findNode(ctx, f, client, err)
	if f.alert.GetKind() == alert.KindAlert && f.alert.GetPod() != nil {
		if err == nil {
			err = e.allow(ctx, f)
		}
		e.findWorkload(ctx, f, client, err)
	}
	if f.Verification != alert.Unverified {
		f.Verification = alert.Verified
	}
}

// findCluster returns nil for a cluster that does not exist, or of which nobody knows.
func (e *Enricher) findCluster(ctx context.Context, f *facts) *gke.Cluster {
	c := f.alert.GetCluster()
	for _, part := range []struct{ what, name string }{
		{"project", c.GetProject()}, {"location", c.GetLocation()}, {"cluster", c.GetName()},
	} {
		if part.name == "" {
			f.doubt("the alert names no %s", part.what)
			return nil
		}
		if !name.MatchString(part.name) {
			f.doubt("no %s has the name %q", part.what, part.name)
			return nil
		}
	}
	if !slices.Contains(e.cfg.Projects, c.Project) {
		f.doubt("project %s is none of those that sensors run in", c.Project)
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, clusterTimeout)
	defer cancel()
	found, err := e.cfg.Clusters.Find(ctx, c.Project, c.Location, c.Name)
	switch {
	case errors.Is(err, gke.ErrNoCluster):
		f.doubt("%v", err)
	case err != nil:
		f.doubt("GKE could not tell: %v", err)
		f.lack("cluster", err)
	}
	return found
}

func (f *facts) ofCluster() {
	c := f.cluster
	f.ClusterResource, f.ClusterUid = c.Resource(), c.UID
	f.ReleaseChannel, f.ControlPlaneVersion, f.Autopilot = c.Channel, c.Version, c.Autopilot
	for _, key := range slices.Sorted(maps.Keys(c.Labels)) {
		f.ClusterLabels = append(f.ClusterLabels, &alert.Label{Key: key, Value: c.Labels[key]})
	}
}

// findNode believes the cluster alone. Where that cannot be asked, a name that fits one of its instance groups tells the
// node pool, and proves nothing.
func (e *Enricher) findNode(ctx context.Context, f *facts, client *kube.Client, err error) {
	named := f.alert.GetNode().GetName()
	switch {
	case named == "":
		f.doubt("the alert names no node")
		return
	case !name.MatchString(named):
		f.doubt("no node has the name %q", named)
		return
	}
	var n kube.Node
	if err == nil {
		n, err = client.Node(ctx, named)
	}
	switch {
	case errors.Is(err, kube.ErrNotFound):
		f.doubt("cluster %s has no node %s", f.cluster.Name, named)
	case err != nil:
		f.doubt("the cluster could not tell: %v", err)
		f.lack("node", err)
		f.nodeByName(named)
	default:
		f.knowsNode = true
		f.NodePool, f.NodeVersion, f.NodeResource = n.Pool, n.Version, n.Resource
		if machines := "//compute.googleapis.com/projects/" + f.cluster.Project + "/"; n.Resource != "" && !strings.HasPrefix(n.Resource, machines) {
			f.doubt("node %s is the machine %s of another project", named, n.Resource)
		}
	}
}

func (f *facts) nodeByName(named string) {
	if pool, zone := f.cluster.PoolOf(named); pool != nil {
		f.NodePool = pool.Name
		f.NodeResource = fmt.Sprintf("//compute.googleapis.com/projects/%s/zones/%s/instances/%s", f.cluster.Project, zone, named)
	}
}
