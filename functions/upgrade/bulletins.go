package upgrade

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tiercel.dev/internal/posture"
)

const bulletinPage = "https://cloud.google.com/kubernetes-engine/security-bulletins"

// bulletins shows those that affect the cluster, each once: GKE tells of the control plane and of nodes one by one.
func (d *decision) bulletins() {
	for _, a := range d.affects {
		b := a.shown()
		i := slices.IndexFunc(d.shown.Bulletins, func(o posture.Bulletin) bool { return o.ID == b.ID })
		if i < 0 {
			d.shown.Bulletins = append(d.shown.Bulletins, b)
			continue
		}
		have, _ := parse(d.shown.Bulletins[i].FixedBy)
		d.shown.Bulletins[i].FixedBy = newer(have, a.fix()).text
	}
}

// mended are the bulletins that a step puts right.
func (d *decision) mended(s step) (all []affect) {
	for _, a := range d.affects {
		word := "NODE"
		if s.pool == "" {
			word = "CONTROL"
		}
		if !about(a.event, word) {
			continue
		}
		before, _ := affects(a.event, s.from)
		if after, _ := affects(a.event, s.to); before && !after {
			all = append(all, a)
		}
	}
	return all
}

// due is by when a bulletin is to be followed, zero if nobody says.
func (d *decision) due(a affect) time.Time {
	switch a.severity() {
	case posture.Critical:
		return a.published.Add(d.policy.Critical)
	case posture.High:
		return a.published.Add(d.policy.High)
	}
	return time.Time{}
}

// byHand are actions for bulletins that no upgrade puts right: GKE asks for steps by hand, or names no version.
func (d *decision) byHand() {
	told := map[string]bool{}
	for _, a := range d.affects {
		id := a.event.GetBulletinId()
		manual := a.event.GetManualStepsRequired()
		if told[id] || !manual && d.fixes(a) {
			continue
		}
		told[id] = true
		why := "GKE names no version that mends it yet"
		if manual {
			why = "an upgrade alone does not mend it: the bulletin says what to do by hand"
		}
		link := a.shown().Link
		if link == "" {
			link = bulletinPage
		}
		d.act(posture.Action{
			What: "follow security bulletin " + id, Why: fmt.Sprintf("%s: %s", why, strings.TrimSpace(a.event.GetBriefDescription())),
			By: d.due(a), Severity: a.severity(), Link: link,
		})
	}
}

// fixes reports whether it is known which version mends all that a bulletin affects.
func (d *decision) fixes(a affect) bool {
	if a.hit && !a.control.known() {
		return false
	}
	for i, hit := range a.pool {
		if hit && !a.pools[i].known() {
			return false
		}
	}
	return true
}
