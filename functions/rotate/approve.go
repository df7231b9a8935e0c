package rotate

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tiercel.dev/internal/posture"
)

// A Request is what a person approves, or answers for. It names everything that it is bound to, so that it is good for nothing
// else.
type Request struct {
	Project  string `json:"project"`
	Location string `json:"location"`
	Cluster  string `json:"cluster"`
	Phase    Phase  `json:"phase"`
	CA       string `json:"ca"`    // fingerprint of the authority that the person was shown
	Nonce    string `json:"nonce"` // of the record that the person was shown
	// Expires is until when the call may be made.
	Expires     time.Time `json:"expires"`
	Acknowledge []string  `json:"acknowledge,omitempty"` // blockers that the person answers for
}

// Resource is the cluster.
func (q *Request) Resource() posture.Resource {
	return posture.Resource{Project: q.Project, Location: q.Location, Cluster: q.Cluster}
}

// An Answer is what became of a request.
type Answer struct {
	By           string            `json:"by"`
	Acknowledged []string          `json:"acknowledged,omitempty"`
	Approved     bool              `json:"approved"`
	Why          string            `json:"why,omitempty"` // it is not approved
	State        State             `json:"state"`
	Expires      time.Time         `json:"expires,omitzero"`
	Left         []posture.Blocker `json:"left,omitempty"` // blockers that nobody answers for yet
}

var (
	// ErrRefused is for a request that is not to be taken, whatever is tried again.
	ErrRefused = errors.New("refused")
	// ErrOld is for a request about a record that has changed since: the person is to look again.
	ErrOld = errors.New("the rotation has gone on since: look at it again")
)

func refuse(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrRefused, fmt.Sprintf(format, args...))
}

// approve is a pure function of the time, the record, the policy, the request and whose it is. nonce is the next request's. Errors:
// [ErrRefused], [ErrOld].
func approve(now time.Time, r Record, p Policy, q Request, who, nonce string) (Record, Answer, error) {
	p = p.withDefaults()
	if err := fits(now, &r, &p, &q, who); err != nil {
		return r, Answer{}, err
	}
	r = r.clone()
	for _, id := range q.Acknowledge {
		if !r.acked(id, q.Phase) {
			r.Acks = append(r.Acks, Ack{id, q.Phase, who, now})
		}
	}
	r.Nonce = nonce
	a := Answer{By: who, Acknowledged: q.Acknowledge, State: r.State}
	for _, b := range r.Blockers {
		if b.Acknowledge == "" || !r.acked(b.Acknowledge, q.Phase) {
			a.Left = append(a.Left, b)
		}
	}
	if a.Why = unapprovable(&r, &p, &q, who, len(a.Left) > 0); a.Why != "" {
		return r, a, nil
	}
	r.Given = &Approval{Phase: q.Phase, By: who, At: now, Expires: q.Expires, CA: q.CA}
	a.Approved, a.Expires = true, q.Expires
	n := &next{now: now, o: Observed{Nonce: nonce}, p: p, r: r}
	to := map[Phase]State{Start: Approved, Complete: Ready}[q.Phase]
	if n.r.Stage() != to {
		n.r.Blockers, n.r.Kinds = nil, nil // of what was before: the next look finds what is in the way now
	}
	if n.r.Stage() != to || n.r.State == Blocked {
		n.to(to, posture.Medium, string(q.Phase)+" approved by "+who)
	} else {
		n.tell(n.r.State, posture.Medium, string(q.Phase)+" approved by "+who)
	}
	for i := len(r.Pending); i < len(n.r.Pending); i++ {
		n.r.Pending[i].Deadlines = r.Shown.Deadlines
	}
	a.State = n.r.State
	return n.r, a, nil
}

// fits is what a request must fulfil for any of it to be taken.
func fits(now time.Time, r *Record, p *Policy, q *Request, who string) error {
	switch {
	case !p.approves(who):
		return refuse("%s is not among those who may approve", who)
	case q.Phase != Start && q.Phase != Complete:
		return refuse("phase %q is neither start nor complete", q.Phase)
	case q.Resource() != r.Resource:
		return refuse("it is for another cluster")
	case q.CA == "" || q.CA != r.CA.Fingerprint:
		return refuse("it is for another certificate authority than %s", r.CA.Fingerprint)
	case !now.Before(q.Expires):
		return refuse("it expired on %s", stamp(q.Expires))
	case q.Expires.Sub(now) > p.Valid:
		return refuse("it is to be good until %s, and the policy allows %s", stamp(q.Expires), short(p.Valid))
	case r.Nonce == "" || subtle.ConstantTimeCompare([]byte(q.Nonce), []byte(r.Nonce)) != 1:
		return ErrOld
	}
	for _, id := range q.Acknowledge {
		if id == "" || !slices.ContainsFunc(r.Blockers, func(b posture.Blocker) bool { return b.Acknowledge == id }) {
			return refuse("%q is no blocker that somebody may answer for", id)
		}
	}
	return nil
}

// unapprovable is why a request that acknowledges is no approval.
func unapprovable(r *Record, p *Policy, q *Request, who string, left bool) string {
	stage := r.Stage()
	failed := r.State == Blocked && (q.Phase == Start && stage == Starting || q.Phase == Complete && stage == Completing)
	switch {
	case !p.guides(r.Resource):
		return "the policy lets nothing be called for this cluster"
	case q.Phase == Start && !failed && stage != Due && stage != Approved:
		return "there is no start to approve in " + string(r.State)
	case q.Phase == Complete && !failed && stage != Ready && stage != ClientsPending:
		return "there is no completion to approve in " + string(r.State)
	case q.Phase == Complete && p.TwoPeople && r.Start != nil && sameAddress(r.Start.Approval.By, who):
		return who + " approved the start, and another is to approve the completion"
	case left && (failed || stage == ClientsPending):
		return "there are blockers that nobody answers for"
	}
	return ""
}

// sameAddress compares addresses as Google's accounts do, without regard to case.
func sameAddress(a, b string) bool { return strings.EqualFold(a, b) }
