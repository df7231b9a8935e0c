package rotate

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"

	"tiercel.dev/internal/posture"
)

const (
	// settle is how long a call may be without a trace before it is taken for one that never reached GKE. What is called after the
	// record was written is called within callWithin, and the client gives up after 45 s, so that none is under way by then.
	settle     = 15 * time.Minute
	callWithin = time.Minute
	// lag is how long after an operation the audit log may not tell of it yet: nothing is started so soon after one.
	lag = 15 * time.Minute
	// fresh is how old an observation may be on which GKE is asked for something.
	fresh = 2 * time.Minute
	// automatic is when GKE first tries to complete a rotation, and early how long before the authority's end it starts one.
	automatic = 7 * 24 * time.Hour
	early     = 30 * 24 * time.Hour
	day       = 24 * time.Hour
)

// A Step is what comes next of one cluster.
type Step struct {
	// Record is to be written if Changed, before anything else is done.
	Record  Record
	Changed bool
	// Call is what to ask of GKE then; empty for nothing.
	Call Phase
	// Tell is what has become to be told; the record holds it too, until it has been.
	Tell []Telling
}

// Next is a pure function of the time, what was observed, the record and the policy. It goes at most one state on.
func Next(now time.Time, o Observed, r Record, p Policy) Step {
	n := &next{now: now, o: o, p: p.withDefaults(), r: r.clone()}
	n.r.Version = recordVersion
	if n.r.State == "" {
		n.r.State, n.r.Since, n.r.Nonce = Idle, now, o.Nonce
	}
	if n.see() {
		n.decide()
	}
	n.remind()
	n.r.Shown = n.shown()
	told := n.r.Pending[len(r.Pending):]
	for i := range told {
		told[i].fill(&n.r)
	}
	return Step{Record: n.r, Changed: n.call != "" || differ(r, n.r), Call: n.call, Tell: told}
}

// showEvery is how old what is shown may become where nothing changes.
const showEvery = time.Hour

// differ reports whether a record is to be written: that it was looked at is a reason only once in a while.
func differ(was, is Record) bool {
	if is.Shown.Time.Sub(was.Shown.Time).Abs() >= showEvery {
		return true
	}
	was.Shown.Time = is.Shown.Time
	return !reflect.DeepEqual(was, is)
}

// next is one decision under way.
type next struct {
	now  time.Time
	o    Observed
	p    Policy
	r    Record
	call Phase
	// waits is what it waits for without anything being wrong.
	waits string
	gaps  []posture.Gap
}

// see takes in what was observed. Without a cluster there is nothing to decide on.
func (n *next) see() bool {
	if n.o.Unseen != nil {
		n.gaps = append(n.gaps, *n.o.Unseen)
	}
	if n.o.Gone {
		n.gone("the cluster is gone")
		n.r.CA, n.r.CASeen = posture.CA{}, time.Time{}
		if n.r.Gone.IsZero() || n.r.Gone.After(n.now) {
			n.r.Gone = n.now
		}
		return false
	}
	if n.o.Cluster == nil {
		return false
	}
	if id := n.o.Cluster.GetId(); id != "" {
		if n.r.UID != "" && n.r.UID != id {
			n.gone("another cluster has this name now")
			n.r = Record{Version: recordVersion, Resource: n.r.Resource, State: Idle, Since: n.now, Reason: n.r.Reason, Round: n.r.Round + 1,
				Nonce: n.o.Nonce, Count: n.r.Count, Pending: n.r.Pending}
		}
		n.r.UID = id
	}
	n.r.Gone = time.Time{}
	n.used()
	n.issued()
	if !n.r.Stage().open() {
		n.r.Address = n.o.Cluster.GetEndpoint()
	}
	return true
}

// gone ends what was under way with the cluster.
func (n *next) gone(why string) {
	if n.r.State == Idle || n.r.State == Done {
		return
	}
	n.r.Blockers, n.r.Kinds = nil, nil
	n.to(Idle, posture.Low, why)
}

func (n *next) decide() {
	if n.o.CA.OK && n.r.CA.Fingerprint == "" {
		n.r.CA, n.r.CASeen = n.o.CA.Value, n.now
	}
	if n.expired() || n.renewed() || n.foreign() {
		return
	}
	switch n.r.Stage() {
	case Idle, Done:
		n.rest()
	case Due:
		n.due()
	case Approved:
		n.approved()
	case Starting:
		n.starting()
	case NodesRecreating:
		n.recreating()
	case ClientsPending:
		n.pending()
	case Ready:
		n.ready()
	case Completing:
		n.completing()
	case Verifying:
		n.verify()
	case Expired: // and no more: it was given another authority
		n.clear()
		n.to(Idle, posture.Low, "the cluster has an authority that is good")
	}
}

// to goes to a state, and has it told.
func (n *next) to(s State, severity posture.Severity, reason string) {
	was := n.r.State
	n.r.State, n.r.From, n.r.Since, n.r.Reason, n.r.Nonce = s, "", n.now, reason, n.o.Nonce
	n.tell(was, severity, reason)
}

// clear forgets what was of the rotation that has ended, or never began.
func (n *next) clear() {
	n.r.Blockers, n.r.Kinds, n.r.Start, n.r.Finish, n.r.Given, n.r.Acks, n.r.Again = nil, nil, nil, nil, nil, nil, nil
	n.r.Began, n.r.By, n.r.Nodes, n.r.Reminded = time.Time{}, "", time.Time{}, nil
	n.r.Uses, n.r.Issued = Uses{}, Issued{}
}

// stay notes blockers that the state itself is there to wait for. They are told of with the state, and not each by itself.
func (n *next) stay(blockers []blocker) {
	n.r.Blockers, n.r.Kinds = split(blockers)
}

// block says that it cannot go on from where it is.
func (n *next) block(severity posture.Severity, blockers []blocker) {
	shown, kinds := split(blockers)
	same := n.r.State == Blocked && slices.Equal(kinds, n.r.Kinds)
	n.r.Blockers, n.r.Kinds = shown, kinds
	if same {
		n.r.Reason = reason(shown)
		return
	}
	from := n.r.Stage()
	n.to(Blocked, severity, reason(shown))
	n.r.From = from
}

// free goes on from where it was blocked. It reports whether it was.
func (n *next) free() bool {
	n.r.Blockers, n.r.Kinds = nil, nil
	if n.r.State != Blocked {
		return false
	}
	n.to(n.r.From, posture.Low, "nothing blocks it any more")
	return true
}

func reason(blockers []posture.Blocker) string {
	var what []string
	for _, b := range blockers {
		what = append(what, b.What)
	}
	return summary(what)
}

// summary is the beginning of what stands elsewhere in full.
func summary(what []string) string {
	const most, length = 3, 200
	var short []string
	for _, w := range what[:min(len(what), most)] {
		if r := []rune(w); len(r) > length {
			w = string(r[:length]) + "…"
		}
		short = append(short, w)
	}
	if len(what) > most {
		short = append(short, fmt.Sprintf("and %d more", len(what)-most))
	}
	return strings.Join(short, "; ")
}

// A blocker is one with what it is about, by which it is known again however it is worded.
type blocker struct {
	kind string
	posture.Blocker
}

func split(blockers []blocker) (shown []posture.Blocker, kinds []string) {
	for _, b := range blockers {
		shown, kinds = append(shown, b.Blocker), append(kinds, b.kind)
	}
	return shown, kinds
}

// unacked are those that nobody answers for in that phase.
func (n *next) unacked(blockers []blocker, phase Phase) []blocker {
	return slices.DeleteFunc(blockers, func(b blocker) bool { return b.Acknowledge != "" && n.r.acked(b.Acknowledge, phase) })
}

// unknown is a blocker for what could not be found out. ack is how a person answers for it; empty if nobody may.
func unknown(kind, what string, g posture.Gap, ack string) blocker {
	why := g.Error
	if g.Call != "" {
		why = strings.TrimSuffix(g.Call+": "+why, ": ")
	}
	if why != "" {
		what += " (" + why + ")"
	}
	return blocker{kind, posture.Blocker{What: what, Fix: g.Fix, Acknowledge: ack}}
}

// busy names an operation that runs, or one that has just ended.
func (n *next) busy(since time.Duration) string {
	for _, op := range n.o.Operations.Value {
		if !op.Done {
			return "operation " + op.Name + " runs"
		}
		if since > 0 && op.Type == pb.Operation_UPDATE_CLUSTER && n.now.Sub(op.End) < since {
			return "operation " + op.Name + " has just ended, and the audit log may not tell of it yet"
		}
	}
	return ""
}

func (n *next) operation(name string) (Operation, bool) {
	i := slices.IndexFunc(n.o.Operations.Value, func(op Operation) bool { return op.Name == name })
	if i < 0 {
		return Operation{}, false
	}
	return n.o.Operations.Value[i], true
}
