package upgrade

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tiercel.dev/internal/posture"
)

// events shows what GKE has told of upgrades, and what runs now.
func (d *decision) events() {
	for _, n := range d.notes {
		if text := n.text(); text != "" {
			d.shown.Events = append(d.shown.Events, posture.Event{Time: n.Published, Text: text})
		}
	}
	slices.SortStableFunc(d.shown.Events, func(a, b posture.Event) int { return b.Time.Compare(a.Time) })
	d.shown.Events = d.shown.Events[:min(len(d.shown.Events), maxEvents)]
	for _, o := range d.s.Operations {
		if !ended(o) {
			d.shown.Running = append(d.shown.Running, fmt.Sprintf("%s since %s: %s", o.GetOperationType(), o.GetStartTime(), o.GetTargetLink()))
		}
	}
}

func ended(o *pb.Operation) bool { return o.GetStatus() == pb.Operation_DONE }

// text is a notification in a line; empty for what is shown elsewhere.
func (n Note) text() string {
	switch m := n.message().(type) {
	case *pb.UpgradeEvent:
		return fmt.Sprintf("upgrade of %s from %s to %s began", whose(m.GetResourceType(), m.GetResource()), m.GetCurrentVersion(), m.GetTargetVersion())
	case *pb.UpgradeAvailableEvent:
		return fmt.Sprintf("%s can be had for %s", m.GetVersion(), whose(m.GetResourceType(), ""))
	case *pb.UpgradeInfoEvent:
		return infoText(m)
	}
	return ""
}

func infoText(m *pb.UpgradeInfoEvent) string {
	text := name(m.GetEventType())
	if m.GetEventType() == pb.UpgradeInfoEvent_EVENT_TYPE_UNSPECIFIED || m.GetEventType() == pb.UpgradeInfoEvent_UPGRADE_LIFECYCLE {
		text = fmt.Sprintf("upgrade of %s from %s to %s %s", whose(m.GetResourceType(), m.GetResource()), m.GetCurrentVersion(), m.GetTargetVersion(),
			name(m.GetState()))
	}
	if node := m.GetDisruptionEvent().GetPdbBlockedNode(); node != "" {
		text += fmt.Sprintf(": %s on node %s", name(m.GetDisruptionEvent().GetDisruptionType()), node)
	}
	if m.GetDescription() != "" {
		text += ": " + m.GetDescription()
	}
	return text
}

// whose is the control plane or a pool, by the type and the path that a notification gives.
func whose(t pb.UpgradeResourceType, resource string) string {
	if t == pb.UpgradeResourceType_MASTER {
		return "the control plane"
	}
	if pool := poolOf(resource); pool != "" {
		return "node pool " + pool
	}
	return "node pools"
}

// poolOf is the pool at the end of a path: projects/1/locations/l/clusters/c/nodePools/p.
func poolOf(resource string) string {
	_, pool, _ := strings.Cut(resource, "/nodePools/")
	return pool
}

// An info is what GKE told of an upgrade, and of when.
type info struct {
	*pb.UpgradeInfoEvent
	at time.Time
}

// infos are what GKE told of the upgrades of a pool, or of the control plane if it is not named.
func (d *decision) infos(pool string) (all []info) {
	for _, n := range d.notes {
		m, ok := n.message().(*pb.UpgradeInfoEvent)
		if !ok {
			continue
		}
		if control := m.GetResourceType() == pb.UpgradeResourceType_MASTER; control && pool == "" || !control && pool != "" && poolOf(m.GetResource()) == pool {
			i := info{m, n.Published}
			if t := cmp.Or(m.GetEndTime(), m.GetStartTime()); t != nil {
				i.at = t.AsTime()
			}
			all = append(all, i)
		}
	}
	return all
}

// failedNoted reports whether the last upgrade that GKE told of has failed, and was not made up for.
func (d *decision) failedNoted(pool string, at version) bool {
	var last info
	for _, i := range d.infos(pool) {
		if i.GetState() != 0 && !i.at.Before(last.at) {
			last = i
		}
	}
	if last.GetState() != pb.UpgradeInfoEvent_FAILED {
		return false
	}
	if target, ok := parse(last.GetTargetVersion()); ok && at.known() && !target.newerThan(at) {
		return false
	}
	// GKE's own list, if it knows a later one, says more.
	details := d.s.Upgrade.GetUpgradeDetails()
	if pool != "" {
		details = d.s.PoolUpgrades[pool].GetUpgradeDetails()
	}
	later := latest(details)
	return later == nil || !later.GetStartTime().AsTime().After(last.at)
}

// supportNoted are the ends of support that GKE notified of for the control plane's minor; zero if of none.
func (d *decision) supportNoted() (standard, extended time.Time) {
	var newest time.Time
	for _, n := range d.notes {
		m, ok := n.message().(*pb.UpgradeInfoEvent)
		if !ok || m.GetStandardSupportEndTime() == nil || n.Published.Before(newest) {
			continue
		}
		if v, ok := parse(m.GetCurrentVersion()); ok && v.sameMinor(d.control) {
			newest, standard, extended = n.Published, when(m.GetStandardSupportEndTime()), when(m.GetExtendedSupportEndTime())
		}
	}
	return standard, extended
}

// when is a time, zero if there is none.
func when(t *timestamppb.Timestamp) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.AsTime()
}
