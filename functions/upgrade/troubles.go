package upgrade

import (
	"fmt"
	"slices"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"

	"tiercel.dev/internal/posture"
)

// failures tells of upgrades that have failed, or do not end.
func (d *decision) failures() {
	if d.shown.Control.UpgradeFailing {
		d.act(posture.Action{
			What: "find out why the control plane's last upgrade failed or does not end", Why: d.shown.Control.LastUpgrade, Severity: posture.High,
			Link: upgradeTroubles, Commands: []string{d.gcloud("operations", "list")},
		})
	}
	for _, p := range d.shown.Pools {
		if p.UpgradeFailing {
			d.act(posture.Action{
				What: "find out why the last upgrade of node pool " + p.Name + " failed or does not end", Why: p.LastUpgrade, Severity: posture.High,
				Link: upgradeTroubles, Commands: []string{d.gcloud("operations", "list")},
			})
		}
	}
	if s := d.cluster.GetStatus(); s != pb.Cluster_RUNNING && s != pb.Cluster_RECONCILING {
		d.act(posture.Action{
			What: "bring the cluster to RUNNING", Why: "it is " + s.String() + ", and upgrades wait for it" + conditions(d.cluster.GetConditions()),
			Severity: posture.High, Commands: []string{d.gcloud("clusters", "describe", d.s.Resource.Cluster)},
		})
	}
}

const upgradeTroubles = "https://cloud.google.com/kubernetes-engine/docs/troubleshooting/upgrades"

func conditions(all []*pb.StatusCondition) string {
	text := ""
	for _, c := range all {
		text += "; " + c.GetMessage()
	}
	return text
}

// twoSteps tells of an upgrade of the control plane that is to be completed, or rolled back.
func (d *decision) twoSteps() {
	r := d.s.Upgrade.GetRollbackSafeUpgradeStatus()
	if r.GetMode() != pb.RollbackSafeUpgradeStatus_KCP_MINOR_UPGRADE_ROLLBACK_SAFE_MODE {
		return
	}
	end := when(r.GetControlPlaneUpgradeRollbackEndTime())
	d.act(posture.Action{
		What: "complete the control plane's minor upgrade, or roll it back", By: end, Severity: posture.Medium, Disruption: "none",
		Why: fmt.Sprintf("it runs %s and behaves as %s, from %s", d.cluster.GetCurrentMasterVersion(), d.cluster.GetCurrentEmulatedVersion(),
			r.GetPreviousVersion()),
		Link: "https://cloud.google.com/kubernetes-engine/docs/how-to/two-step-control-plane-upgrades",
	})
	if !end.IsZero() {
		d.deadline(end, "upgrade", d.s.Resource, posture.Medium, "the control plane's minor upgrade can be rolled back no more")
	}
}

func (d *decision) poolTroubles(i int, p *pb.NodePool) {
	if s := p.GetStatus(); s == pb.NodePool_ERROR || s == pb.NodePool_RUNNING_WITH_ERROR {
		d.act(posture.Action{
			What: "mend node pool " + p.GetName(), Severity: posture.High, Commands: []string{d.pool("describe", p.GetName())},
			Why: "it is " + s.String() + ", and its upgrades may fail" + conditions(p.GetConditions()),
		})
	}
	if b := p.GetUpdateInfo().GetBlueGreenInfo(); b.GetPhase() != 0 {
		d.blueGreen(p.GetName(), b)
	}
	if u := p.GetUpgradeSettings(); !d.managed[i] && u.GetStrategy() != pb.NodePoolUpdateStrategy_BLUE_GREEN && u != nil &&
		u.GetMaxSurge() == 0 && u.GetMaxUnavailable() == 0 {
		d.act(posture.Action{
			What: "let upgrades of node pool " + p.GetName() + " take a node more, or away", Severity: posture.High, Disruption: "none",
			Why:      "max_surge and max_unavailable are both 0, so no upgrade can go on",
			Commands: []string{d.pool("update", p.GetName(), "--max-surge-upgrade=1", "--max-unavailable-upgrade=0")},
		})
	}
	d.held(p.GetName())
}

// blueGreen tells of a blue-green upgrade that waits for somebody, or for its soak time.
func (d *decision) blueGreen(pool string, b *pb.NodePool_UpdateInfo_BlueGreenInfo) {
	phase := b.GetPhase()
	if phase != pb.NodePool_UpdateInfo_BlueGreenInfo_NODE_POOL_SOAKING && phase != pb.NodePool_UpdateInfo_BlueGreenInfo_DRAINING_BLUE_POOL {
		return // the others pass within minutes
	}
	end, err := time.Parse(time.RFC3339, b.GetBluePoolDeletionStartTime())
	if err != nil {
		end = time.Time{} // nobody has set one yet
	}
	d.act(posture.Action{
		What: "complete the blue-green upgrade of node pool " + pool + ", or roll it back", By: end, Severity: posture.Medium,
		Why:        fmt.Sprintf("it is at %s, to %s: nodes of both versions run, and are paid for", name(phase), b.GetGreenPoolVersion()),
		Commands:   []string{d.pool("complete-upgrade", pool), d.pool("rollback", pool)},
		Disruption: "recreates nodes",
	})
	if !end.IsZero() {
		r := d.s.Resource
		r.Pool = pool
		d.deadline(end, "upgrade", r, posture.Low, "the blue nodes of the upgrade are deleted: it can be rolled back no more")
	}
}

// recent is how long a disruption that GKE told of is taken to last.
const recent = 2 * day

// held tells of disruption budgets of pods that hold an upgrade up.
func (d *decision) held(pool string) {
	all := d.infos(pool)
	i := slices.IndexFunc(all, func(i info) bool {
		return i.GetEventType() == pb.UpgradeInfoEvent_DISRUPTION_EVENT && d.now.Sub(i.at) < recent
	})
	if i < 0 {
		return
	}
	pods := ""
	for _, p := range all[i].GetDisruptionEvent().GetPdbBlockedPod() {
		pods += fmt.Sprintf(" %s/%s", p.GetNamespace(), p.GetName())
	}
	d.act(posture.Action{
		What: "let pods move while node pool " + pool + " is upgraded", Severity: posture.Medium, Disruption: "moves workloads",
		Why:  "a PodDisruptionBudget keeps node " + all[i].GetDisruptionEvent().GetPdbBlockedNode() + " from being drained:" + pods,
		Link: upgradeTroubles,
	})
}
