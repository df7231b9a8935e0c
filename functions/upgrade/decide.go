package upgrade

import (
	"fmt"
	"strings"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"

	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
)

// Parts of which gaps are named beside those of package snapshot.
const (
	partVersions      = "versions"
	partMaintenance   = "maintenance_policy"
	partNotifications = "notifications"
)

// maxEvents and nextWindows bound what is shown.
const (
	maxEvents   = 20
	nextWindows = 3
)

// Decide says what is to be done about a cluster's versions, in which order, by when and why. It is a pure function. Notes are what GKE
// has notified of; nil if nobody could read them. What was not read is a gap, and never nothing to be done.
func Decide(now time.Time, s *snapshot.Snapshot, notes []Note, p Policy) posture.Upgrade {
	if s.Cluster == nil {
		return posture.Upgrade{Time: now.UTC(), Resource: s.Resource, Control: posture.Versions{Auto: "unknown"}, Gaps: s.Gaps}
	}
	return newDecision(now, s, notes, p).shown
}

// A decision is an upgrade in the making. What acting needs of it stays beside what is shown.
type decision struct {
	now     time.Time
	s       *snapshot.Snapshot
	cluster *pb.Cluster
	notes   []Note
	policy  Policy

	control    version
	pools      []version // in the order of the cluster's
	managed    []bool
	end        time.Time // of the support that the channel gives; zero if not known
	openings   openings
	uncertain  bool // when windows open cannot be read
	exclusions []exclusion
	affects    []affect
	steps      []step
	wishes     []wish

	shown posture.Upgrade
}

func newDecision(now time.Time, s *snapshot.Snapshot, notes []Note, p Policy) *decision {
	now = now.UTC()
	d := &decision{now: now, s: s, cluster: s.Cluster, notes: notes, policy: p.withDefaults()}
	d.shown = posture.Upgrade{Time: now, Resource: s.Resource, Channel: channel(s.Cluster)}
	d.gaps()
	d.controlPlane()
	d.nodePools()
	d.maintenance()
	d.events()
	d.affects = bulletinsFor(notes, d.control, d.pools)
	d.bulletins()
	d.steps = plan(d.goals())
	d.actions()
	d.deadlines()
	return d
}

// channel is the cluster's release channel, "none" outside of them.
func channel(c *pb.Cluster) string {
	if ch := c.GetReleaseChannel().GetChannel(); ch != 0 {
		return ch.String()
	}
	return "none"
}

func (d *decision) extended() bool {
	return d.cluster.GetReleaseChannel().GetChannel() == pb.ReleaseChannel_EXTENDED
}

func (d *decision) gap(part, call, format string, args ...any) {
	d.shown.Gaps = append(d.shown.Gaps, posture.Gap{Part: part, Call: call, Error: fmt.Sprintf(format, args...)})
}

// gaps takes over those of the snapshot that matter here, and names what nobody asked for.
func (d *decision) gaps() {
	for _, g := range d.s.Gaps {
		whole, _, _ := strings.Cut(g.Part, "/")
		switch whole {
		case snapshot.PartCluster, snapshot.PartServerConfig, snapshot.PartUpgrade, snapshot.PartPoolUpgrade, snapshot.PartOperations:
			d.shown.Gaps = append(d.shown.Gaps, g)
		}
	}
	if d.s.Upgrade == nil && d.s.Gap(snapshot.PartUpgrade) == nil {
		d.gap(snapshot.PartUpgrade, "FetchClusterUpgradeInfo", "was not asked for")
	}
	if d.s.ServerConfig == nil && d.s.Gap(snapshot.PartServerConfig) == nil {
		d.gap(snapshot.PartServerConfig, "GetServerConfig", "was not asked for")
	}
	for _, p := range d.cluster.GetNodePools() {
		if part := snapshot.PartPoolUpgrade + "/" + p.GetName(); d.s.PoolUpgrades[p.GetName()] == nil && d.s.Gap(part) == nil {
			d.gap(part, "FetchNodePoolUpgradeInfo", "was not asked for")
		}
	}
	d.notified()
}

// notified names why bulletins may be missing.
func (d *decision) notified() {
	if d.notes == nil {
		d.gap(partNotifications, "Pub/Sub", "the bulletins that GKE notified of were not read")
		return
	}
	n := d.cluster.GetNotificationConfig().GetPubsub()
	switch {
	case !n.GetEnabled() || n.GetTopic() == "":
		d.gap(partNotifications, "Pub/Sub", "the cluster notifies of no security bulletins: notification_config.pubsub is off")
	case len(n.GetFilter().GetEventType()) > 0 && !hasBulletins(n.GetFilter()):
		d.gap(partNotifications, "Pub/Sub", "the cluster notifies of no security bulletins: notification_config.pubsub.filter leaves them out")
	default:
		return
	}
	d.shown.Gaps[len(d.shown.Gaps)-1].Fix = "with a topic of the cluster's project: " + d.update("--notification-config=pubsub=ENABLED,pubsub-topic=projects/"+
		d.s.Resource.Project+"/topics/TOPIC,filter=SecurityBulletinEvent|UpgradeEvent|UpgradeInfoEvent")
}

func hasBulletins(f *pb.NotificationConfig_Filter) bool {
	for _, t := range f.GetEventType() {
		if t == pb.NotificationConfig_SECURITY_BULLETIN_EVENT {
			return true
		}
	}
	return false
}

// goals are where the cluster is to go: where GKE would take it, and what mends bulletins.
func (d *decision) goals() goals {
	g := goals{control: d.control, newest: d.newest}
	if !d.control.known() {
		return goals{} // nobody can say what is newer
	}
	info := d.s.Upgrade
	g.patch, _ = parse(info.GetPatchTargetVersion())
	g.minor, _ = parse(info.GetMinorTargetVersion())
	for i, p := range d.cluster.GetNodePools() {
		m := member{name: p.GetName(), at: d.pools[i], managed: d.managed[i]}
		own := d.s.PoolUpgrades[p.GetName()]
		for _, text := range []string{own.GetPatchTargetVersion(), own.GetMinorTargetVersion()} {
			if v, ok := parse(text); ok {
				m.goal = newer(m.goal, v)
			}
		}
		for _, a := range d.affects {
			m.fix = newer(m.fix, a.pools[i])
		}
		m.goal = newer(m.goal, m.fix)
		g.pools = append(g.pools, m)
	}
	for _, a := range d.affects {
		if fix := a.fix(); fix.sameMinor(d.control) {
			g.patch = newer(g.patch, fix)
		} else {
			g.minor = newer(g.minor, fix)
		}
	}
	if !g.minor.newerThan(g.control) && d.near(d.end) {
		g.minor = d.newest(d.control.major, d.control.minor+1, false)
	}
	return g
}

// near reports whether support ends soon, so that a next minor is due even if GKE names none yet.
func (d *decision) near(end time.Time) bool { return !end.IsZero() && end.Sub(d.now) <= d.policy.Near }

// newest is the newest version of a minor that can be had here.
func (d *decision) newest(major, minor int, forNodes bool) version {
	alias := newestOf(major, minor)
	best := version{}
	for _, v := range versions(d.valid(forNodes)) {
		if v.sameMinor(alias) {
			best = newer(best, v)
		}
	}
	if best.known() {
		return best
	}
	return alias
}

// valid are the versions of the cluster's channel, or those for clusters and pools outside of channels.
func (d *decision) valid(forNodes bool) []string {
	for _, c := range d.s.ServerConfig.GetChannels() {
		if c.GetChannel() == d.cluster.GetReleaseChannel().GetChannel() && d.shown.Channel != "none" {
			return c.GetValidVersions()
		}
	}
	if forNodes {
		return d.s.ServerConfig.GetValidNodeVersions()
	}
	return d.s.ServerConfig.GetValidMasterVersions()
}
