package upgrade

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/reflect/protoreflect"

	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
)

// What GKE says of automatic upgrades, and why they are paused. The enums of clusters and of node pools have the same names and
// other numbers.
var (
	clusterAuto = map[pb.ClusterUpgradeInfo_AutoUpgradeStatus]string{
		pb.ClusterUpgradeInfo_ACTIVE: "active", pb.ClusterUpgradeInfo_MINOR_UPGRADE_PAUSED: "minor paused",
		pb.ClusterUpgradeInfo_UPGRADE_PAUSED: "paused",
	}
	poolAuto = map[pb.NodePoolUpgradeInfo_AutoUpgradeStatus]string{
		pb.NodePoolUpgradeInfo_ACTIVE: "active", pb.NodePoolUpgradeInfo_MINOR_UPGRADE_PAUSED: "minor paused",
		pb.NodePoolUpgradeInfo_UPGRADE_PAUSED: "paused",
	}
	clusterPaused = map[pb.ClusterUpgradeInfo_AutoUpgradePausedReason]string{
		pb.ClusterUpgradeInfo_MAINTENANCE_WINDOW:                      outside,
		pb.ClusterUpgradeInfo_MAINTENANCE_EXCLUSION_NO_UPGRADES:       excluded,
		pb.ClusterUpgradeInfo_MAINTENANCE_EXCLUSION_NO_MINOR_UPGRADES: excludedMinor,
		pb.ClusterUpgradeInfo_CLUSTER_DISRUPTION_BUDGET:               "the disruption budget wants more time since the last upgrade",
		pb.ClusterUpgradeInfo_CLUSTER_DISRUPTION_BUDGET_MINOR_UPGRADE: "the disruption budget wants more time since the last minor upgrade",
		pb.ClusterUpgradeInfo_SYSTEM_CONFIG:                           byGoogle,
		pb.ClusterUpgradeInfo_AUTO_UPGRADE_PAUSED_REASON_UNSPECIFIED:  unsaid,
	}
	poolPaused = map[pb.NodePoolUpgradeInfo_AutoUpgradePausedReason]string{
		pb.NodePoolUpgradeInfo_MAINTENANCE_WINDOW:                      outside,
		pb.NodePoolUpgradeInfo_MAINTENANCE_EXCLUSION_NO_UPGRADES:       excluded,
		pb.NodePoolUpgradeInfo_MAINTENANCE_EXCLUSION_NO_MINOR_UPGRADES: excludedMinor,
		pb.NodePoolUpgradeInfo_SYSTEM_CONFIG:                           byGoogle,
		pb.NodePoolUpgradeInfo_AUTO_UPGRADE_PAUSED_REASON_UNSPECIFIED:  unsaid,
	}
)

const (
	outside       = "the maintenance window is not open now, which is normal"
	excluded      = "a maintenance exclusion stops all upgrades"
	excludedMinor = "a maintenance exclusion stops minor upgrades"
	byGoogle      = "Google has paused it"
	unsaid        = "GKE does not say why"
)

// auto is the severest of what GKE says of automatic upgrades; "unknown" if it says nothing that is known.
func auto[E comparable](words map[E]string, all []E) string {
	found := "unknown"
	for _, word := range []string{"active", "minor paused", "paused"} {
		if slices.ContainsFunc(all, func(e E) bool { return words[e] == word }) {
			found = word
		}
	}
	return found
}

// paused says why upgrades are paused.
func paused[E interface {
	comparable
	protoreflect.Enum
}](words map[E]string, all []E) (out []string) {
	for _, e := range all {
		out = append(out, cmp.Or(words[e], "a reason that this program does not know: "+name(e)))
	}
	return out
}

// told is what GKE says of the upgrades of a cluster or a pool alike.
type told interface {
	GetPatchTargetVersion() string
	GetMinorTargetVersion() string
	GetUpgradeDetails() []*pb.UpgradeDetails
	GetEndOfStandardSupportTimestamp() string
	GetEndOfExtendedSupportTimestamp() string
}

// side fills in what is alike. The part names the gap if a time cannot be read.
func (d *decision) side(v *posture.Versions, at version, part string, info told) {
	if target, ok := parse(info.GetPatchTargetVersion()); ok && target.newerThan(at) {
		v.PatchTarget = target.text
	}
	if target, ok := parse(info.GetMinorTargetVersion()); ok && target.newerThan(at) {
		v.MinorTarget = target.text
	}
	for _, text := range []string{info.GetPatchTargetVersion(), info.GetMinorTargetVersion()} {
		if _, ok := parse(text); text != "" && !ok {
			d.gap(part, callOf(part), "the target %q is no version", text)
		}
	}
	v.EndOfStandard = d.moment(part, "end_of_standard_support_timestamp", info.GetEndOfStandardSupportTimestamp())
	v.EndOfExtended = d.moment(part, "end_of_extended_support_timestamp", info.GetEndOfExtendedSupportTimestamp())
	if last := latest(info.GetUpgradeDetails()); last != nil {
		v.LastUpgrade = lastText(last)
		v.UpgradeFailing = last.GetState() == pb.UpgradeDetails_FAILED || d.stuck(last)
	}
}

// moment reads a time of the API's; it is a gap if it is none.
func (d *decision) moment(part, field, text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		d.gap(part, callOf(part), "%s: %q is no time", field, text)
	}
	return t.UTC()
}

// callOf is the method that tells of the upgrades of a cluster, or of a pool.
func callOf(part string) string {
	if part == snapshot.PartUpgrade {
		return "FetchClusterUpgradeInfo"
	}
	return "FetchNodePoolUpgradeInfo"
}

// latest is the upgrade that began last.
func latest(all []*pb.UpgradeDetails) *pb.UpgradeDetails {
	if len(all) == 0 {
		return nil
	}
	return slices.MaxFunc(all, func(a, b *pb.UpgradeDetails) int {
		return a.GetStartTime().AsTime().Compare(b.GetStartTime().AsTime())
	})
}

func lastText(u *pb.UpgradeDetails) string {
	return fmt.Sprintf("%s: %s to %s, %s, %s", name(u.GetState()), u.GetInitialVersion(), u.GetTargetVersion(), name(u.GetStartType()),
		u.GetStartTime().AsTime().UTC().Format(time.RFC3339))
}

// stuck reports whether an upgrade has run for too long.
func (d *decision) stuck(u *pb.UpgradeDetails) bool {
	return u.GetState() == pb.UpgradeDetails_RUNNING && u.GetStartTime() != nil && d.now.Sub(u.GetStartTime().AsTime()) > d.policy.Stuck
}

func (d *decision) controlPlane() {
	c, v := d.cluster, &d.shown.Control
	v.Current, v.Auto = c.GetCurrentMasterVersion(), "unknown"
	var ok bool
	if d.control, ok = parse(v.Current); !ok {
		d.gap(partVersions, "GetCluster", "current_master_version: %q is no version", v.Current)
	}
	if info := d.s.Upgrade; info != nil {
		d.side(v, d.control, snapshot.PartUpgrade, info)
		v.Auto, v.Paused = auto(clusterAuto, info.GetAutoUpgradeStatus()), paused(clusterPaused, info.GetPausedReason())
		if v.EndOfStandard.IsZero() {
			d.gap(snapshot.PartUpgrade, "FetchClusterUpgradeInfo", "GKE names no end of support")
		}
	}
	v.UpgradeFailing = v.UpgradeFailing || d.failedNoted("", d.control)
	if v.EndOfStandard.IsZero() {
		v.EndOfStandard, v.EndOfExtended = d.supportNoted()
	}
	if d.end = v.EndOfStandard; d.extended() && !v.EndOfExtended.IsZero() {
		d.end = v.EndOfExtended
	}
}

func (d *decision) nodePools() {
	for _, p := range d.cluster.GetNodePools() {
		at, ok := parse(p.GetVersion())
		if !ok {
			d.gap(partVersions, "GetCluster", "node_pools[%s].version: %q is no version", p.GetName(), p.GetVersion())
		}
		managed := d.cluster.GetAutopilot().GetEnabled()
		d.pools, d.managed = append(d.pools, at), append(d.managed, managed)
		u := posture.PoolUpgrade{
			Name: p.GetName(), AutoUpgrade: managed || p.GetManagement().GetAutoUpgrade(), AutoRepair: managed || p.GetManagement().GetAutoRepair(),
			Versions: posture.Versions{Current: p.GetVersion(), Auto: "unknown"},
		}
		if u.SkewUnknown = !ok || !d.control.known() || at.major != d.control.major; !u.SkewUnknown {
			u.Skew = at.behind(d.control)
		}
		if info := d.s.PoolUpgrades[p.GetName()]; info != nil {
			d.side(&u.Versions, at, snapshot.PartPoolUpgrade+"/"+p.GetName(), info)
			u.Auto, u.Paused = auto(poolAuto, info.GetAutoUpgradeStatus()), paused(poolPaused, info.GetPausedReason())
		}
		u.UpgradeFailing = u.UpgradeFailing || d.failedNoted(p.GetName(), at)
		if !u.AutoUpgrade {
			u.Auto = "off"
		}
		d.shown.Pools = append(d.shown.Pools, u)
	}
}
