package upgrade

import (
	"fmt"
	"strings"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
)

// maintenance shows when GKE may upgrade by itself.
func (d *decision) maintenance() {
	policy := d.cluster.GetMaintenancePolicy()
	d.exclusions = exclusionsOf(policy.GetWindow(), d.end)
	for _, e := range d.exclusions {
		d.shown.Exclusions = append(d.shown.Exclusions, e.text(d.now))
	}
	for _, p := range d.cluster.GetNodePools() {
		if e := p.GetMaintenancePolicy().GetExclusionUntilEndOfSupport(); e.GetEnabled() {
			d.shown.Exclusions = append(d.shown.Exclusions, fmt.Sprintf("node pool %s: stops its upgrades until the end of support", p.GetName()))
		}
	}
	d.shown.Budget = budgetText(policy.GetDisruptionBudget())
	var err error
	if d.openings, err = openingsOf(policy.GetWindow(), d.now); err != nil {
		d.uncertain = true
		d.gap(partMaintenance, "GetCluster", "%v", err)
		d.shown.Windows = "not known"
		return
	}
	sum, _ := d.openings.available(d.now, nil)
	d.shown.Windows = fmt.Sprintf("%s; %s within 32 days", d.openings.text, hoursText(sum))
	if left, _ := d.openings.available(d.now, closed(d.exclusions, d.now.Add(horizon))); left < sum {
		d.shown.Windows += fmt.Sprintf(", %s of them outside of exclusions", hoursText(left))
	}
	d.shown.Next = d.openings.next(d.now, nextWindows)
}

func hoursText(t time.Duration) string {
	return strings.TrimSuffix(fmt.Sprintf("%.1f", t.Hours()), ".0") + " h"
}

func budgetText(b *pb.DisruptionBudget) string {
	var parts []string
	if t := b.GetPatchVersionDisruptionInterval(); t != nil {
		parts = append(parts, fmt.Sprintf("%s between two patches", daysText(t.AsDuration())))
	}
	if t := b.GetMinorVersionDisruptionInterval(); t != nil {
		parts = append(parts, fmt.Sprintf("%s between two minors", daysText(t.AsDuration())))
	}
	if t := b.GetLastDisruptionTime(); t != nil {
		parts = append(parts, "the last upgrade was on "+t.AsTime().UTC().Format(time.DateOnly))
	}
	if t := b.GetLastMinorVersionDisruptionTime(); t != nil {
		parts = append(parts, "the last of a minor on "+t.AsTime().UTC().Format(time.DateOnly))
	}
	return strings.Join(parts, ", ")
}

func daysText(t time.Duration) string {
	if n := t.Hours() / 24; n != 1 {
		return strings.TrimSuffix(fmt.Sprintf("%.1f", n), ".0") + " days"
	}
	return "1 day"
}

// stopped is the exclusion that keeps GKE, and us, from upgrading a part now; nil if none does.
func (d *decision) stopped(p part) *exclusion {
	for i, e := range d.exclusions {
		if e.active(d.now) && e.stops(p) {
			return &d.exclusions[i]
		}
	}
	return nil
}
