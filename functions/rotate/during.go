package rotate

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"tiercel.dev/internal/posture"
)

// Blockers of calls that came to nothing: a person who approves once more says by them that he has looked.
const (
	ackStart    = "start-failed"
	ackComplete = "complete-failed"
)

// starting follows the call that starts.
func (n *next) starting() {
	op, blockers, wait := n.outcome(n.r.Start, Start, ackStart)
	switch {
	case len(blockers) > 0:
		n.block(posture.High, blockers)
	case wait != "":
		n.waits = wait
		if n.r.State == Blocked { // what was missing is known now
			n.free()
		}
	default:
		if op.Start.After(n.r.Start.At) {
			n.r.Began = op.Start
		}
		n.stay(nil)
		n.to(NodesRecreating, posture.Medium, "GKE serves two addresses and makes the nodes anew")
	}
}

// outcome is what became of a call: nothing to say against it, why it came to nothing, or what is waited for.
func (n *next) outcome(c *Call, phase Phase, ack string) (op Operation, blockers []blocker, wait string) {
	failed := func(what, fix string) []blocker {
		return []blocker{{ack, posture.Blocker{What: what, Fix: fix, Acknowledge: ack}}}
	}
	switch {
	case c.Refused != "":
		return op, failed("GKE refused to "+string(phase)+": "+c.Refused, "mend that, and approve the "+string(phase)+" again"), ""
	case c.Operation == "":
		return op, n.lost(c, phase, failed), waiting(n.now, c)
	case !n.o.Operations.OK:
		return op, []blocker{unknown("operations", "operation "+c.Operation+" could not be followed", n.o.Operations.Gap, "")}, ""
	}
	op, found := n.operation(c.Operation)
	switch {
	case found && !op.Done:
		return op, nil, "operation " + op.Name + " to end"
	case found && op.Error != "":
		return op, failed("operation "+op.Name+" failed: "+op.Error, "mend that, and approve the "+string(phase)+" again"), ""
	case found:
		return op, nil, ""
	}
	// GKE does not list operations for ever. The audit log tells of them for 400 days.
	if !n.o.Audit.OK {
		return op, []blocker{unknown("audit", "operation "+c.Operation+" is not listed, and the audit log could not be read", n.o.Audit.Gap, "")}, ""
	}
	for _, e := range n.o.Audit.Value {
		if e.Operation == c.Operation && e.Phase == phase {
			if e.Failed {
				return op, failed("operation "+c.Operation+" failed", "mend that, and approve the "+string(phase)+" again"), ""
			}
			return op, nil, ""
		}
	}
	if n.now.Sub(c.At) < settle {
		return op, nil, "operation " + c.Operation + " to be listed"
	}
	return op, failed("operation "+c.Operation+" is neither listed nor in the audit log", "look whether the rotation runs, and approve the "+string(phase)+" again if not"), ""
}

// waiting is what a call waits for whose answer was lost.
func waiting(now time.Time, c *Call) string {
	if now.Sub(c.At) < settle {
		return "a trace of the call of " + stamp(c.At)
	}
	return ""
}

// lost is for a call whose answer nobody has: after a time-out it may have been carried out. It is never made again: what GKE did
// would show in the audit log by now, and a person is to look.
func (n *next) lost(c *Call, phase Phase, failed func(what, fix string) []blocker) []blocker {
	if n.now.Sub(c.At) < settle {
		return nil
	}
	if !n.o.Audit.OK {
		return []blocker{unknown("audit", "nobody knows whether GKE took the call of "+stamp(c.At)+", since the audit log could not be read", n.o.Audit.Gap, "")}
	}
	return failed("GKE was asked to "+string(phase)+" on "+stamp(c.At)+", the answer was lost, and there is no trace of it",
		"see gcloud container operations list; if the call has left no trace there either, approve the "+string(phase)+" again")
}

// recreating waits for the nodes.
func (n *next) recreating() {
	blockers := n.unacked(n.oldNodes(), Complete)
	if len(blockers) == 0 {
		if n.waits = n.busy(0); n.waits != "" {
			return
		}
		n.r.Blockers, n.r.Kinds = nil, nil
		n.r.Nodes = n.now
		n.to(ClientsPending, posture.Medium, "all nodes are new: clients are to move")
		return
	}
	// While GKE is at it, and in the first day, old nodes are what this state is there for.
	if n.busy(0) != "" || n.now.Sub(n.nodesSince()) < day && !slices.ContainsFunc(blockers, isFailure) {
		if n.r.State == Blocked {
			n.free()
		}
		n.stay(blockers)
		n.waits = "GKE to make the nodes anew"
		return
	}
	n.block(posture.High, blockers)
}

// nodesSince is since when GKE has been to make nodes anew.
func (n *next) nodesSince() time.Time {
	since := n.r.Began
	for _, a := range n.r.Again {
		if a.Since.After(since) {
			since = a.Since
		}
	}
	return since
}

// pending waits for whoever uses the old credentials.
func (n *next) pending() {
	if old := n.unacked(n.oldNodes(), Complete); len(old) > 0 {
		n.stay(old)
		n.to(NodesRecreating, posture.Medium, reason(n.r.Blockers))
		return
	}
	blockers := n.unacked(n.clients(), Complete)
	n.stay(blockers)
	if len(blockers) == 0 {
		n.to(Ready, posture.Medium, "nothing uses the old credentials that nobody answers for")
	}
}

// ready waits for the second approval.
func (n *next) ready() {
	if blockers := n.unacked(append(n.oldNodes(), n.clients()...), Complete); len(blockers) > 0 {
		n.stay(blockers)
		n.r.Given = nil
		n.to(ClientsPending, posture.Medium, reason(n.r.Blockers))
		return
	}
	if n.r.Given != nil {
		if why := n.lapsed(Complete); why != "" {
			n.r.Given = nil
			n.stay(nil)
			n.to(Ready, posture.Medium, why)
			return
		}
	}
	if n.r.Given == nil {
		n.waits = "a second approval"
		return
	}
	if blockers := n.running(); len(blockers) > 0 {
		n.block(posture.High, blockers)
		return
	}
	if n.free() {
		return
	}
	if n.waits = n.unsoaked(); n.waits != "" {
		return
	}
	n.r.Finish = &Call{At: n.now, Approval: *n.r.Given}
	n.r.Given = nil
	n.to(Completing, posture.Medium, "approved by "+n.r.Finish.Approval.By)
	n.call = Complete
}

// unsoaked is why the completion waits, though all is well and approved.
func (n *next) unsoaked() string {
	if n.now.Sub(n.o.At).Abs() > fresh {
		return "a fresh look at the cluster"
	}
	if busy := n.busy(0); busy != "" {
		return busy
	}
	if ripe := n.r.Nodes.Add(n.p.Soak); n.now.Before(ripe) {
		return stamp(ripe) + ", " + short(n.p.Soak) + " after the last new node"
	}
	return ""
}

// requires is GKE's answer where a pool still has the old credentials.
var requires = regexp.MustCompile(`(?i)node ?pool "?([a-z][-a-z0-9]*)"? requires recreation`)

// completing follows the call that completes. That it has worked, the new authority shows.
func (n *next) completing() {
	op, blockers, wait := n.outcome(n.r.Finish, Complete, ackComplete)
	if text := n.r.Finish.Refused + op.Error; len(blockers) > 0 && requires.MatchString(text) {
		pool := requires.FindStringSubmatch(text)[1]
		n.r.Again = append(n.r.Again, Again{pool, n.now})
		n.r.Finish, n.r.Nodes = nil, time.Time{}
		n.stay(nil)
		n.to(NodesRecreating, posture.High, fmt.Sprintf("GKE says that node pool %q is to be made anew", pool))
		return
	}
	switch {
	case len(blockers) > 0:
		n.block(posture.High, blockers)
	case wait != "":
		n.waits = wait
		if n.r.State == Blocked {
			n.free()
		}
	default:
		n.waits = "GKE to show the new certificate authority"
		if n.now.Sub(n.r.Finish.At) > day {
			n.block(posture.High, []blocker{{"ca", posture.Blocker{
				What: "the operation that completes has ended, and GKE still shows the old certificate authority", Fix: "ask Google's support",
			}}})
		}
	}
}

// renewed sees that another authority is in force: a rotation was completed, by whomever.
func (n *next) renewed() bool {
	if !n.o.CA.OK || n.r.CA.Fingerprint == "" || n.o.CA.Value.Fingerprint == n.r.CA.Fingerprint {
		return false
	}
	stage := n.r.Stage()
	left := n.leftBehind()
	n.r.Old, n.r.CA, n.r.CASeen = n.r.CA, n.o.CA.Value, n.now
	n.r.Blockers, n.r.Kinds, n.r.Given, n.r.Acks = nil, nil, nil, nil
	n.r.Ended, n.r.Left = n.now, left
	n.close()
	severity, why := posture.Medium, ""
	switch {
	case stage == Completing:
		n.r.Ender = n.r.Finish.Approval.By
		why = "completed, as " + n.r.Ender + " had approved"
	case stage.open() || stage == Verifying:
		n.r.Ender = n.completer()
		why = "completed by " + n.r.Ender + ", without us"
	default:
		n.r.Began, n.r.By = time.Time{}, ""
		n.r.Ender = n.completer()
		why = "the certificate authority was replaced, by a rotation whose start nobody saw; completed by " + n.r.Ender
	}
	if len(left) > 0 {
		severity = posture.High
		why += "; left behind: " + summary(left)
	}
	n.to(Verifying, severity, why)
	return true
}

// completer is who completed a rotation that we did not.
func (n *next) completer() string {
	for _, e := range slices.Backward(n.o.Audit.Value) {
		if e.Phase == Complete && !e.Failed && e.Time.After(n.r.Began) {
			return named(e.Principal)
		}
	}
	if !n.o.Audit.OK {
		return "somebody: the audit log could not be read"
	}
	return "GKE itself"
}

// leftBehind are those that used the old credentials when they ended, or about whom nobody knows.
func (n *next) leftBehind() (who []string) {
	if !n.r.Stage().open() {
		return nil
	}
	for _, b := range append(n.oldNodes(), n.clients()...) {
		by := ""
		for _, a := range n.r.Acks {
			if a.Phase == Complete && a.ID == b.Acknowledge && a.ID != "" {
				by = " (" + a.By + " answers for it)"
			}
		}
		if by != "" && slices.Contains([]string{kindClient, kindClients, kindIssued}, b.kind) {
			continue // it has moved, or another was asked for, somebody said
		}
		who = append(who, b.What+by)
	}
	return who
}
