package upgrade

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"

	"tiercel.dev/internal/posture"
)

// A wish is an action that Tiercel can do by itself, if it is allowed to.
type wish struct {
	act    Act
	pool   string
	to     version
	action int // which of the actions shown
}

// act appends an action.
func (d *decision) act(a posture.Action) { d.shown.Actions = append(d.shown.Actions, a) }

// wishes notes that the last action is one that Tiercel can do.
func (d *decision) wish(a Act, pool string, to version) {
	d.wishes = append(d.wishes, wish{a, pool, to, len(d.shown.Actions) - 1})
}

// actions are what is to be done, in order: first what keeps upgrades from going on, then the upgrades, then settings.
func (d *decision) actions() {
	d.failures()
	d.twoSteps()
	for i, p := range d.cluster.GetNodePools() {
		d.poolTroubles(i, p)
	}
	d.longExclusions()
	d.ahead()
	for i, s := range d.steps {
		d.act(d.action(s))
		if i == 0 && s.to.exact() {
			d.wishStep(s)
		}
	}
	d.byHand()
	for i := range d.shown.Pools {
		d.management(&d.shown.Pools[i])
	}
	d.settings()
}

// wishStep has the first step be one that Tiercel can do: the others wait for it.
func (d *decision) wishStep(s step) {
	switch {
	case s.pool != "":
		d.wish(PoolUpgrade, s.pool, s.to)
	case s.to.sameMinor(s.from):
		d.wish(ControlPatch, "", s.to)
	}
}

// action is a step of the plan for people.
func (d *decision) action(s step) posture.Action {
	what, side, disruption := "the control plane", d.shown.Control, "none"
	if zonal(d.s.Resource.Location) {
		disruption = "restarts control plane"
	}
	if s.pool != "" {
		what, disruption = "node pool "+s.pool, "recreates nodes"
		for _, p := range d.shown.Pools {
			if p.Name == s.pool {
				side = p.Versions
			}
		}
	}
	a := posture.Action{
		What: fmt.Sprintf("upgrade %s from %s to %s", what, s.from.text, s.to.text), Severity: posture.Low, Disruption: disruption,
		Commands: []string{d.upgrade(s)},
	}
	why := d.reasons(&a, s, side)
	a.Why = strings.Join(why, "; ")
	return a
}

// zonal reports whether a location is a zone: europe-west1-b, and not europe-west1.
func zonal(location string) bool { return strings.Count(location, "-") > 1 }

// reasons says why a step is to be done, and sets by when, and how bad it is if it is not.
func (d *decision) reasons(a *posture.Action, s step, side posture.Versions) (why []string) {
	for _, b := range d.mended(s) {
		why = append(why, fmt.Sprintf("mends %s (%s)", b.event.GetBulletinId(), b.severity()))
		a.Severity = max(a.Severity, b.severity())
		a.By = earlier(a.By, d.due(b))
	}
	switch s.reason {
	case tooFar:
		why = append(why, fmt.Sprintf("it is more than %d minors behind the control plane, which GKE does not support", maxSkew))
		a.Severity = posture.Critical
	case blocks:
		why = append(why, fmt.Sprintf("it is %d minors behind the control plane, whose next minor waits for it", maxSkew))
		a.Severity = max(a.Severity, posture.High)
	}
	if !s.to.sameMinor(s.from) {
		if end := d.endOf(s.from, side); !end.IsZero() {
			why = append(why, fmt.Sprintf("support of %s ends on %s", newestOf(s.from.major, s.from.minor).text, end.Format(time.DateOnly)))
			a.Severity = max(a.Severity, urgency(d.now, end))
			a.By = earlier(a.By, end)
		}
	}
	switch {
	case len(why) > 0:
	case s.pool != "" && s.to.newerThan(d.control):
		why = append(why, "follows the control plane")
	default:
		why = append(why, "GKE's target for it is newer than what runs")
	}
	if auto := d.byItself(s, side); auto != "" {
		why = append(why, auto)
	}
	return why
}

// endOf is when the support of a version ends that one side has, or the control plane; zero if nobody says. On the Extended channel it may
// stay longer, for a fee.
func (d *decision) endOf(at version, side posture.Versions) time.Time {
	if runs, ok := parse(side.Current); !ok || !runs.sameMinor(at) {
		if side = d.shown.Control; !d.control.sameMinor(at) {
			return time.Time{}
		}
	}
	if d.extended() && !side.EndOfExtended.IsZero() {
		return side.EndOfExtended
	}
	return side.EndOfStandard
}

// byItself says whether GKE does a step without anybody.
func (d *decision) byItself(s step, side posture.Versions) string {
	minor := !s.to.sameMinor(s.from)
	switch {
	case side.Auto == "off":
		return "automatic upgrades are off"
	case side.Auto == "paused", side.Auto == "minor paused" && minor:
		return "automatic upgrades are paused: " + cmp.Or(strings.Join(side.Paused, ", "), unsaid)
	case side.Auto == "active" && (s.to.text == side.PatchTarget || s.to.text == side.MinorTarget):
		return "GKE does it by itself in a maintenance window, unless you do it before"
	}
	return ""
}

// earlier is the earlier of two times that are known.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// ahead tells of pools that are newer than the control plane: they cannot go back, so the control plane has to follow.
func (d *decision) ahead() {
	for i, p := range d.shown.Pools {
		if !p.SkewUnknown && p.Skew < 0 && d.control.known() {
			d.act(posture.Action{
				What: fmt.Sprintf("bring the control plane to at least %s", d.pools[i].text), Severity: posture.Critical, Disruption: "restarts control plane",
				Why: fmt.Sprintf("node pool %s is newer than the control plane, which GKE does not support; node pools cannot go back over a minor, "+
					"so the other way is a new pool at the control plane's version", p.Name),
				Link: "https://cloud.google.com/kubernetes-engine/versioning#version_skew",
			})
		}
	}
}

// management tells of pools that GKE does not upgrade or repair.
func (d *decision) management(p *posture.PoolUpgrade) {
	if !p.AutoUpgrade {
		why := "nobody upgrades its nodes unless you do"
		if d.shown.Channel != "none" {
			why += "; in a release channel it cannot be switched off, so this is an anomaly"
		}
		d.act(posture.Action{
			What: "turn automatic upgrades of node pool " + p.Name + " on", Why: why, Severity: posture.High, Disruption: "none",
			Commands: []string{d.pool("update", p.Name, "--enable-autoupgrade")},
		})
		d.wish(AutoUpgrade, p.Name, version{})
	}
	if !p.AutoRepair {
		d.act(posture.Action{
			What: "turn automatic repairs of node pool " + p.Name + " on", Why: "nodes that fail their health checks stay as they are",
			Severity: posture.Medium, Disruption: "none", Commands: []string{d.pool("update", p.Name, "--enable-autorepair")},
		})
		d.wish(AutoRepair, p.Name, version{})
	}
}

// settings tells of what is wrong with the cluster's settings for upgrades.
func (d *decision) settings() {
	if d.shown.Channel == "none" {
		d.act(posture.Action{
			What: "put the cluster into a release channel", By: noChannelEnds, Severity: max(posture.Medium, urgency(d.now, noChannelEnds)), Disruption: "none",
			Why:      "clusters without one are taken into Stable then; STABLE and EXTENDED are the others to choose from",
			Commands: []string{d.update("--release-channel=regular")}, Link: "https://cloud.google.com/kubernetes-engine/docs/concepts/release-channels",
		})
	}
	for _, e := range d.exclusions {
		if e.past(d.now) {
			d.act(posture.Action{
				What: "remove maintenance exclusion " + e.name, Why: "it ended on " + e.to.Format(time.DateOnly), Severity: posture.Info, Disruption: "none",
				Commands: []string{d.update("--remove-maintenance-exclusion=" + e.name)},
			})
		}
	}
	if d.uncertain || d.openings.always {
		return
	}
	if sum, longest := d.openings.available(d.now, nil); sum < leastHours*time.Hour || longest < shortestOpen {
		d.act(posture.Action{
			What: "widen the maintenance window", Severity: posture.Medium, Disruption: "none", Link: exclusions,
			Why: fmt.Sprintf("maintenance is possible for %s within 32 days, %s at a time at most; GKE wants %d h, and %s at a time", hoursText(sum),
				hoursText(longest), leastHours, hoursText(shortestOpen)),
			Commands: []string{d.update("--maintenance-window-start=START", "--maintenance-window-end=END", "--maintenance-window-recurrence=RRULE")},
		})
	}
}

// longExclusions tells of exclusions that stop all upgrades for long.
func (d *decision) longExclusions() {
	for _, e := range d.exclusions {
		if e.past(d.now) || e.support || e.scope != pb.MaintenanceExclusionOptions_NO_UPGRADES {
			continue
		}
		if n := e.length(); n == 0 || n > d.policy.LongExclusion {
			d.act(posture.Action{
				What: "shorten or remove maintenance exclusion " + e.name, Severity: posture.High, Disruption: "none", Link: exclusions,
				Why:      fmt.Sprintf("it stops all upgrades, security patches too, for %s", cmp.Or(lengthText(n), "as long as nobody says when it ends")),
				Commands: []string{d.update("--remove-maintenance-exclusion=" + e.name)},
			})
		}
	}
}

func lengthText(t time.Duration) string {
	if t == 0 {
		return ""
	}
	return daysText(t)
}
