package upgrade

import (
	"fmt"
	"slices"
	"time"

	"tiercel.dev/internal/posture"
)

// noChannelEnds is when GKE takes clusters that are in no release channel into Stable.
// https://cloud.google.com/kubernetes-engine/docs/concepts/release-channels#no-channel
var noChannelEnds = time.Date(2027, 6, 14, 0, 0, 0, 0, time.UTC)

const (
	// fee is what extended support costs beyond the end of standard support.
	fee        = "$0.50 per cluster and hour more"
	exclusions = "https://cloud.google.com/kubernetes-engine/docs/concepts/maintenance-windows-and-exclusions"
)

// urgency is the severity of what happens at a time.
func urgency(now, at time.Time) posture.Severity {
	switch left := at.Sub(now); {
	case left <= 0:
		return posture.Critical
	case left <= 30*day:
		return posture.High
	case left <= 90*day:
		return posture.Medium
	case left <= 180*day:
		return posture.Low
	}
	return posture.Info
}

func (d *decision) deadline(at time.Time, kind string, r posture.Resource, severity posture.Severity, format string, args ...any) {
	d.shown.Deadlines = append(d.shown.Deadlines, posture.Deadline{
		Time: at, What: fmt.Sprintf(format, args...), Kind: kind, Resource: r, Severity: severity,
	})
}

// deadlines are what happens at a time if nobody does anything, the next first.
func (d *decision) deadlines() {
	r, v := d.s.Resource, d.shown.Control
	d.supportEnds(r, v, d.control)
	for i, p := range d.shown.Pools {
		// A pool of the control plane's minor has its support.
		if !d.pools[i].sameMinor(d.control) {
			pool := r
			pool.Pool = p.Name
			d.supportEnds(pool, p.Versions, d.pools[i])
		}
	}
	if d.shown.Channel == "none" {
		d.deadline(noChannelEnds, "channel", r, urgency(d.now, noChannelEnds), "clusters in no release channel are taken into Stable")
	}
	for _, e := range d.exclusions {
		if !e.to.IsZero() && e.to.After(d.now) {
			d.deadline(e.to, "exclusion", r, posture.Info, "maintenance exclusion %s ends: GKE does %s by itself again", e.name, e.scopeText())
		}
	}
	slices.SortStableFunc(d.shown.Deadlines, func(a, b posture.Deadline) int { return a.Time.Compare(b.Time) })
}

// supportEnds tells of the ends of a version's support. What it costs is said with it.
func (d *decision) supportEnds(r posture.Resource, v posture.Versions, at version) {
	minor := "its version"
	if at.known() {
		minor = newestOf(at.major, at.minor).text
	}
	if !v.EndOfStandard.IsZero() {
		severity, then := urgency(d.now, v.EndOfStandard), forced
		if d.extended() {
			severity, then = min(severity, posture.Medium), "from then on extended support costs "+fee
		}
		d.deadline(v.EndOfStandard, "support", r, severity, "standard support of %s %s: %s", minor, d.ends(v.EndOfStandard), then)
	}
	if d.extended() && !v.EndOfExtended.IsZero() {
		d.deadline(v.EndOfExtended, "support", r, urgency(d.now, v.EndOfExtended),
			"extended support of %s %s: %s", minor, d.ends(v.EndOfExtended), forced)
	}
}

// forced is what the end of support means.
const forced = "GKE upgrades it by itself then, whatever windows and exclusions say"

// ends is the verb of what ends at a time.
func (d *decision) ends(at time.Time) string {
	if at.After(d.now) {
		return "ends"
	}
	return "has ended"
}
