package rotate

import (
	"slices"
	"time"

	"tiercel.dev/internal/posture"
)

// begun is the last start in the audit log that nothing has completed since; ok is false if the log was not to be read. A
// completion of GKE's own may not be in it: a new authority says the same.
func (n *next) begun() (e Event, open, ok bool) {
	if !n.o.Audit.OK {
		return Event{}, false, false
	}
	for _, e := range slices.Backward(n.o.Audit.Value) {
		if e.Failed {
			continue
		}
		if e.Phase == Complete {
			return Event{}, false, true
		}
		if !e.Time.After(n.r.Closed) || n.o.CA.OK && !n.o.CA.Value.NotBefore.Before(e.Time) {
			return Event{}, false, true
		}
		return e, true, true
	}
	return Event{}, false, true
}

// close notes that the start which the record tells of is over. A later one may be in the log already.
func (n *next) close() {
	for _, e := range n.o.Audit.Value {
		if e.Phase == Start && !e.Failed && (e.Time.Equal(n.r.Began) || n.ours(e)) {
			n.r.Closed = e.Time
		}
	}
}

// ours reports whether a start is the one that the record tells of. By its operation if GKE named that; if its answer was lost, by
// the account and the time.
func (n *next) ours(e Event) bool {
	c := n.r.Start
	switch {
	case c == nil || c.Refused != "":
		return false
	case c.Operation != "":
		return e.Operation == c.Operation
	}
	return n.o.Account != "" && e.Principal == n.o.Account && e.Time.After(c.At.Add(-callWithin)) && e.Time.Before(c.At.Add(settle))
}

// foreign finds what somebody else has begun. It reports whether that is all there is to decide.
func (n *next) foreign() bool {
	e, open, ok := n.begun()
	switch {
	case !ok:
		if n.r.Stage() == Foreign {
			n.gaps = append(n.gaps, n.o.Audit.Gap)
			return true
		}
		return false
	case open && n.ours(e):
		n.adopt(e)
		return false
	case open:
		n.watch(e)
		return true
	case n.r.Stage() == Foreign:
		n.unbegun()
		return true
	}
	return false
}

// adopt takes a start for our own whose answer was lost, or that was written off.
func (n *next) adopt(e Event) {
	if n.r.Start.Operation == "" {
		n.r.Start.Operation = e.Operation
	}
	switch n.r.Stage() {
	case Idle, Due, Approved, Done:
		n.r.Given, n.r.Blockers, n.r.Kinds = nil, nil, nil
		n.r.Began, n.r.By = e.Time, n.r.Start.Approval.By
		n.to(Starting, posture.Medium, "the start that was asked for has come through after all")
	}
}

// watch follows a rotation of somebody else's.
func (n *next) watch(e Event) {
	if n.r.Stage() == Foreign && n.r.Began.Equal(e.Time) {
		n.foreignNodes()
		return
	}
	n.clear()
	n.r.Began, n.r.By = e.Time, e.Principal
	who := e.Principal
	if who == "" {
		who, n.r.By = "GKE itself", "GKE"
	}
	n.to(Foreign, posture.High, who+" started a rotation on "+stamp(e.Time))
}

// foreignNodes names what still uses the old credentials, so that whoever completes it knows.
func (n *next) foreignNodes() {
	n.stay(append(n.oldNodes(), n.clients()...))
}

// unbegun ends a watch: the start came to nothing, or somebody has asked for the completion, which a new authority will show.
func (n *next) unbegun() {
	last := Event{}
	for _, e := range n.o.Audit.Value {
		if !e.Failed && e.Phase == Complete && e.Time.After(n.r.Began) {
			last = e
		}
	}
	if !last.Time.IsZero() {
		n.waits = "the completion that " + named(last.Principal) + " asked for on " + stamp(last.Time) + " to end"
		return
	}
	n.clear()
	n.to(Idle, posture.Low, "the rotation that was started came to nothing")
}

func named(principal string) string {
	if principal == "" {
		return "GKE"
	}
	return principal
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
