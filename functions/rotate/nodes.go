package rotate

import (
	"fmt"
	"slices"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"

	"tiercel.dev/internal/posture"
)

// isFailure tells what nobody need wait for.
func isFailure(b blocker) bool { return b.kind == "failed" }

// oldNodes names the pools with nodes that are older than the rotation, or of which nobody knows. A pool is new if each of its nodes
// is younger, or if GKE has carried out an operation on it since.
func (n *next) oldNodes() (all []blocker) {
	if n.r.Began.IsZero() {
		return nil
	}
	for _, p := range n.o.Cluster.GetNodePools() {
		all = append(all, n.oldIn(p)...)
	}
	if len(n.o.Cluster.GetNodePools()) == 0 {
		all = append(all, n.oldAnywhere()...)
	}
	return all
}

// since is when the nodes of a pool must have been made at the earliest.
func (n *next) since(pool string) time.Time {
	since := n.r.Began
	for _, a := range n.r.Again {
		if a.Pool == pool && a.Since.After(since) {
			since = a.Since
		}
	}
	return since
}

func (n *next) oldIn(p *pb.NodePool) []blocker {
	since := n.since(p.GetName())
	last, found := n.recreation(p.GetName(), since)
	if found && last.Done && last.Error == "" {
		return nil
	}
	fix := fmt.Sprintf("gcloud container clusters upgrade %s --location %s --node-pool %s --cluster-version %s",
		posture.Quote(n.r.Resource.Cluster), posture.Quote(n.r.Resource.Location), posture.Quote(p.GetName()), posture.Quote(p.GetVersion()))
	if n.o.Nodes.OK {
		if old := older(n.o.Nodes.Value, p.GetName(), since); len(old) == 0 {
			return nil
		} else if !found || last.Error == "" {
			return []blocker{{"nodes " + p.GetName(), posture.Blocker{
				What: fmt.Sprintf("node pool %s has %d nodes older than the rotation: %s", p.GetName(), len(old), list(old)), Fix: fix,
			}}}
		}
	}
	if found && last.Error != "" {
		return []blocker{{"failed", posture.Blocker{What: fmt.Sprintf("node pool %s was not made anew: operation %s failed: %s", p.GetName(), last.Name, last.Error), Fix: fix}}}
	}
	return []blocker{unknown("nodes "+p.GetName(), "nobody knows whether the nodes of node pool "+p.GetName()+" are new", n.o.Nodes.Gap, id("nodes-unknown", p.GetName(), stamp(since)))}
}

// oldAnywhere is for clusters whose pools are Google's own matter.
func (n *next) oldAnywhere() []blocker {
	if !n.o.Nodes.OK {
		return []blocker{unknown("nodes", "nobody knows whether the nodes are new", n.o.Nodes.Gap, id("nodes-unknown", stamp(n.r.Began)))}
	}
	if old := older(n.o.Nodes.Value, "", n.r.Began); len(old) > 0 {
		return []blocker{{"nodes", posture.Blocker{What: fmt.Sprintf("%d nodes are older than the rotation: %s", len(old), list(old))}}}
	}
	return nil
}

// recreation is the last operation by which GKE made the nodes of a pool anew since a time.
func (n *next) recreation(pool string, since time.Time) (last Operation, found bool) {
	for _, op := range n.o.Operations.Value {
		if op.Pool == pool && op.Type == pb.Operation_UPGRADE_NODES && !op.Start.Before(since) && (!found || op.Start.After(last.Start)) {
			last, found = op, true
		}
	}
	return last, found
}

// older are the nodes of a pool, or of all if it is empty, that were made before a time.
func older(nodes []Node, pool string, since time.Time) (names []string) {
	for _, node := range nodes {
		if (pool == "" || node.Pool == pool) && node.Created.Before(since) {
			names = append(names, node.Name)
		}
	}
	slices.Sort(names)
	return names
}
