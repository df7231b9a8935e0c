package rotate

import (
	"fmt"
	"math"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"

	"tiercel.dev/internal/posture"
)

// left is how many whole days are left of the authority.
func (n *next) left() int { return int(math.Floor(n.r.CA.NotAfter.Sub(n.now).Hours() / 24)) }

// expired ends everything where the authority's time is over.
func (n *next) expired() bool {
	if !n.o.CA.OK || n.now.Before(n.o.CA.Value.NotAfter) {
		return false
	}
	n.r.CA = n.o.CA.Value
	if n.r.State != Expired {
		n.r.Blockers, n.r.Kinds, n.r.Given = nil, nil, nil
		n.to(Expired, posture.Critical, "the certificate authority expired on "+stamp(n.r.CA.NotAfter))
	}
	return true
}

// rest is where nothing is under way.
func (n *next) rest() {
	if !n.o.CA.OK {
		n.block(posture.Medium, []blocker{unknown("ca", "the certificate authority could not be read: nobody knows when it expires", n.o.CA.Gap, "")})
		return
	}
	if n.free() {
		return
	}
	if why, severity := n.wanted(); why != "" {
		n.clear()
		n.to(Due, severity, why)
	}
}

// wanted is why a rotation is due, and how much.
func (n *next) wanted() (why string, severity posture.Severity) {
	left := n.left()
	switch {
	case len(n.r.Leaks) > 0:
		l := n.r.Leaks[len(n.r.Leaks)-1]
		return fmt.Sprintf("a verified alert of %s (%s, alert %s) says that a credential is in other hands", stamp(l.At), l.Rule, l.Alert), posture.Critical
	case left <= n.p.Days[0]:
		return fmt.Sprintf("the certificate authority expires in %d days, on %s", left, stamp(n.r.CA.NotAfter)), n.urgency()
	case expiring(n.o.Cluster):
		return "GKE says that the certificate authority is about to expire", posture.High
	case n.p.MaxAge > 0 && n.now.Sub(n.r.CA.NotBefore) >= n.p.MaxAge:
		return fmt.Sprintf("the credentials are %d days old", int(n.now.Sub(n.r.CA.NotBefore).Hours()/24)), posture.Low
	}
	return "", 0
}

func expiring(c *pb.Cluster) bool {
	for _, condition := range c.GetConditions() {
		//lint:ignore SA1019 the code that came after it has no word for this
		if condition.GetCode() == pb.StatusCondition_CA_EXPIRING {
			return true
		}
	}
	return false
}

// urgency is how near the authority's end is.
func (n *next) urgency() posture.Severity {
	switch left := n.left(); {
	case left <= n.p.Days[2]:
		return posture.Critical
	case left <= n.p.Days[1]:
		return posture.High
	case left <= n.p.Days[0]:
		return posture.Medium
	}
	return posture.Info
}

// due waits for people. What would be in the way is shown, so that they can clear it before they approve.
func (n *next) due() {
	n.stay(n.preflight())
	if why, _ := n.wanted(); why == "" && n.o.CA.OK {
		n.clear()
		n.to(Idle, posture.Low, "it is not due any more")
	}
}

// approved waits for its hour.
func (n *next) approved() {
	if why := n.lapsed(Start); why != "" {
		n.r.Given = nil
		n.to(Due, posture.Medium, why)
		return
	}
	if blockers := n.unacked(n.preflight(), Start); len(blockers) > 0 {
		n.block(posture.High, blockers)
		return
	}
	if n.free() {
		return
	}
	if n.waits = n.notNow(); n.waits != "" {
		return
	}
	n.r.Start = &Call{At: n.now, Approval: *n.r.Given}
	n.r.Given, n.r.Acks = nil, nil
	n.r.Began, n.r.By = n.now, n.r.Start.Approval.By
	n.to(Starting, posture.Medium, "approved by "+n.r.By)
	n.call = Start
}

// lapsed is why the approval in force is none any more.
func (n *next) lapsed(phase Phase) string {
	g := n.r.Given
	switch {
	case g == nil || g.Phase != phase:
		return "there is no approval"
	case !n.now.Before(g.Expires):
		return "the approval by " + g.By + " has expired"
	case g.CA != n.r.CA.Fingerprint:
		return "the approval by " + g.By + " is for another certificate authority"
	case !n.p.guides(n.r.Resource):
		return "the policy lets nothing be called for this cluster"
	case !n.p.approves(g.By):
		return g.By + " may not approve any more"
	case phase == Complete && n.p.TwoPeople && n.r.Start != nil && sameAddress(n.r.Start.Approval.By, g.By):
		return g.By + " approved the start, and another is to approve the completion"
	}
	return ""
}

// notNow is why GKE is not to be asked at this moment, though nothing is wrong.
func (n *next) notNow() string {
	if n.now.Sub(n.o.At).Abs() > fresh {
		return "a fresh look at the cluster"
	}
	if busy := n.busy(lag); busy != "" {
		return busy
	}
	for _, d := range n.p.NoGo {
		if n.now.UTC().Weekday() == d {
			return "another day than a " + d.String()
		}
	}
	return ""
}

// cover is for how long after a start people must be there: GKE tries to complete on the seventh day.
const cover = automatic + day

// frozen is the freeze that a start now would run into.
func (n *next) frozen() (Freeze, bool) {
	for _, f := range n.p.Freezes {
		if f.From.Before(n.now.Add(cover)) && n.now.Before(f.Until) {
			return f, true
		}
	}
	return Freeze{}, false
}

func short(d time.Duration) string { return fmt.Sprintf("%.0f h", d.Hours()) }
