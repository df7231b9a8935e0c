package rotate

import (
	"fmt"
	"strings"
	"time"

	"tiercel.dev/internal/posture"
)

// shown is where the rotation stands, for people.
func (n *next) shown() posture.Rotation {
	r := &n.r
	v := posture.Rotation{
		Time: n.now, Resource: r.Resource, State: string(r.State), Since: r.Since, Started: r.Began, By: r.By, Reason: r.Reason,
		Blockers: r.Blockers, Next: n.following(), Commands: Commands(r, n.p.guides(r.Resource)), Deadlines: n.deadlines(), Gaps: n.gaps,
	}
	if r.CA.Fingerprint != "" {
		ca := r.CA
		v.CA = &ca
	}
	v.Left = r.Left
	if r.Stage().open() && n.o.Cluster != nil {
		v.Left = n.leftBehind()
	}
	if n.o.Cluster != nil && !n.o.Audit.OK {
		v.Gaps = append(v.Gaps, n.o.Audit.Gap)
	}
	for _, g := range []posture.Gap{n.o.Uses.Gap, n.o.Approved.Gap} {
		if g.Error != "" {
			v.Gaps = append(v.Gaps, g)
		}
	}
	return v
}

// following is what happens next, and who does it.
func (n *next) following() string {
	r := &n.r
	if !r.Gone.IsZero() {
		return "the cluster is gone; its record is put away a day later"
	}
	if n.waits != "" && r.State != Blocked {
		return "waits for " + n.waits
	}
	guided := n.p.guides(r.Resource)
	switch r.State {
	case Idle, Done:
		return "nothing is to be done"
	case Due:
		if guided {
			return "somebody approves the start"
		}
		return "somebody starts it: the policy only advises"
	case Approved:
		return "Tiercel starts it"
	case Starting:
		return "GKE starts"
	case NodesRecreating:
		return "GKE makes the nodes anew"
	case ClientsPending:
		return "people move clients and tokens, and say so"
	case Ready:
		if r.Given != nil {
			return "Tiercel completes it"
		}
		return "somebody else approves the completion, or GKE completes it"
	case Completing:
		return "GKE completes"
	case Verifying:
		return "Tiercel looks whether all works with the new authority"
	case Blocked:
		return "somebody clears what blocks it; then it goes on as " + string(r.From)
	case Foreign:
		return "whoever started it completes it, or GKE does; Tiercel watches"
	case Expired:
		return "Google's support, or a new cluster"
	}
	return ""
}

// deadlines are the days by which something happens by itself.
func (n *next) deadlines() (all []posture.Deadline) {
	r := &n.r
	add := func(at time.Time, kind, what string, severity posture.Severity) {
		all = append(all, posture.Deadline{Time: at, What: what, Kind: kind, Resource: r.Resource, Severity: severity})
	}
	if r.Stage().open() && !r.Began.IsZero() {
		at, severity := r.Began.Add(automatic), posture.Medium
		if at.Sub(n.now) < 3*day {
			severity = posture.High
		}
		if at.Sub(n.now) < day {
			severity = posture.Critical
		}
		add(at, "rotation", "GKE tries to complete the rotation by itself, and goes on trying", severity)
	}
	if r.CA.Fingerprint == "" {
		return all
	}
	if !r.Stage().open() && r.Stage() != Verifying && n.left() <= n.p.Days[0] && r.State != Expired {
		add(r.CA.NotAfter.Add(-early), "rotation", "GKE starts a rotation by itself, whatever the maintenance window says", n.urgency())
	}
	add(r.CA.NotAfter, "ca", "the certificate authority expires, and the cluster is lost in general", n.urgency())
	return all
}

// Commands are what a person runs where a record stands: Tiercel's own where it may act, and gcloud's where not.
func Commands(r *Record, guided bool) []string {
	cluster := posture.Quote(r.Resource.Cluster)
	where := fmt.Sprintf("%s --location %s --project %s", cluster, posture.Quote(r.Resource.Location), posture.Quote(r.Resource.Project))
	approve := "tiercel rotation approve " + cluster + " --project " + posture.Quote(r.Resource.Project) + " --location " + posture.Quote(r.Resource.Location)
	gcloud := "gcloud container clusters update " + where
	credentials := "gcloud container clusters get-credentials " + where
	tokens := "kubectl get secrets -A --field-selector type=kubernetes.io/service-account-token"
	switch r.Stage() {
	case Due, Approved:
		if guided {
			return []string{approve + " --phase start"}
		}
		return []string{gcloud + " --start-credential-rotation"}
	case Starting:
		if r.State == Blocked && guided {
			return []string{"gcloud container operations list --location " + posture.Quote(r.Resource.Location) + " --project " + posture.Quote(r.Resource.Project),
				approve + " --phase start --acknowledge " + ackStart}
		}
	case NodesRecreating:
		return fixes(r)
	case ClientsPending, Ready:
		commands := []string{credentials, tokens}
		if guided {
			return append(commands, approve+" --phase complete")
		}
		return append(commands, gcloud+" --complete-credential-rotation")
	case Completing:
		if r.State == Blocked && guided {
			return []string{approve + " --phase complete --acknowledge " + ackComplete}
		}
	case Foreign:
		return []string{credentials, tokens, gcloud + " --complete-credential-rotation"}
	case Verifying:
		return []string{credentials, "kubectl get nodes"}
	}
	return nil
}

// fixes are the commands among what blockers say.
func fixes(r *Record) (commands []string) {
	for _, b := range r.Blockers {
		if strings.HasPrefix(b.Fix, "gcloud ") {
			commands = append(commands, b.Fix)
		}
	}
	return commands
}
