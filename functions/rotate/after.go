package rotate

import (
	"fmt"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"

	"tiercel.dev/internal/posture"
)

// shortest is what a new authority's time must at least be: GKE gives 30 years, and gave 5 before 2022.
const shortest = 10 * 365 * day

// verify waits until everything works with the new authority.
func (n *next) verify() {
	blockers := n.running()
	if life := n.r.CA.NotAfter.Sub(n.r.CA.NotBefore); life < shortest {
		blockers = append(blockers, blocker{"life", posture.Blocker{
			What:        fmt.Sprintf("the new certificate authority is good for %d days, and not for 30 years", int(life/day)),
			Acknowledge: "short-authority",
		}})
	}
	switch {
	case !n.o.Nodes.OK:
		blockers = append(blockers, unknown("unreachable", "the cluster's API did not say how its nodes are", n.o.Nodes.Gap, "nodes-unverified"))
	default:
		if bad := unready(n.o.Nodes.Value); bad != "" {
			blockers = append(blockers, blocker{"unready", posture.Blocker{
				What: "nodes are not ready: " + bad, Fix: "look at their kubelets' logs for x509 errors; making the node pool anew gives it the new credentials",
				Acknowledge: id("unready", bad),
			}})
		}
	}
	if blockers = n.unacked(blockers, Complete); len(blockers) > 0 {
		if n.now.Sub(n.r.Ended) < day {
			n.stay(blockers)
			n.waits = "the cluster to settle"
			return
		}
		n.block(posture.High, blockers)
		return
	}
	began := n.r.Began
	if began.IsZero() {
		began = n.r.Ended
	}
	n.r.Leaks = after(n.r.Leaks, began)
	ended, by, left := n.r.Ended, n.r.Ender, n.r.Left
	n.clear()
	n.r.Ended, n.r.Ender, n.r.Left = ended, by, left
	n.r.Round++
	n.to(Done, posture.Low, fmt.Sprintf("the new certificate authority is good until %s", n.r.CA.NotAfter.UTC().Format(time.DateOnly)))
}

// after are the leaks that a rotation begun at that time has not mended: what was made since then is of the new keys.
func after(leaks []Leak, began time.Time) (later []Leak) {
	for _, l := range leaks {
		if l.At.After(began) {
			later = append(later, l)
		}
	}
	return later
}

// unready names nodes that are not well.
func unready(nodes []Node) string {
	var names []string
	for _, node := range nodes {
		if !node.Ready {
			names = append(names, node.Name)
		}
	}
	return list(names)
}

// running is that the cluster itself is well.
func (n *next) running() []blocker {
	if s := n.o.Cluster.GetStatus(); s != pb.Cluster_RUNNING {
		return []blocker{{"status", posture.Blocker{What: "the cluster is " + s.String(), Fix: "see gcloud container clusters describe"}}}
	}
	return nil
}
