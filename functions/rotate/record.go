package rotate

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
)

// Root is what the names of all records begin with.
const Root = "rotate/"

// recordVersion is of the records' form.
const recordVersion = 1

// A Record is all that is kept of one cluster: rotate/PROJECT/LOCATION/CLUSTER.json. It is written before GKE is asked for
// anything, with the generation that was read as a precondition, so that of two instances one gives up.
type Record struct {
	Version  int              `json:"version"`
	Resource posture.Resource `json:"resource"`
	UID      string           `json:"uid,omitempty"` // the cluster's id: a name may be given again

	State  State     `json:"state"`
	From   State     `json:"from,omitempty"` // of [Blocked]: the state in which it goes on
	Since  time.Time `json:"since"`
	Reason string    `json:"reason,omitempty"`
	// Blockers are what keeps it from going on, and Kinds what each is about, in the same order.
	Blockers []posture.Blocker `json:"blockers,omitempty"`
	Kinds    []string          `json:"kinds,omitempty"`

	CA     posture.CA `json:"ca,omitzero"`      // as GKE last showed it
	CASeen time.Time  `json:"ca_seen,omitzero"` // since when that one
	Old    posture.CA `json:"old_ca,omitzero"`  // that the last rotation replaced
	Round  int        `json:"round"`            // how many rotations were seen to end
	Leaks  []Leak     `json:"leaks,omitempty"`  // alerts that ask for a rotation
	Start  *Call      `json:"start,omitempty"`  // of this round
	Finish *Call      `json:"finish,omitempty"` // the call that completes
	Given  *Approval  `json:"given,omitempty"`  // the approval in force, for one call
	Nonce  string     `json:"nonce"`            // what the next approval must name
	Acks   []Ack      `json:"acks,omitempty"`   // of this round
	Began  time.Time  `json:"started,omitzero"` // of the rotation, by whomever
	By     string     `json:"by,omitempty"`     // who started it
	Nodes  time.Time  `json:"nodes,omitzero"`   // when all nodes had been made anew
	Again  []Again    `json:"again,omitempty"`  // pools that GKE asks to be made anew once more
	Ended  time.Time  `json:"completed,omitzero"`
	Closed time.Time  `json:"closed,omitzero"` // when, by the audit log, the last rotation began that is over
	Ender  string     `json:"completed_by,omitempty"`
	Left   []string   `json:"left,omitempty"` // who was left behind when it was completed
	// Seen since this round is due: uses of static tokens, and certificates for clients.
	Uses   Uses   `json:"uses,omitzero"`
	Issued Issued `json:"issued,omitzero"`
	// Address is that of the API before the rotation began, which ends with the completion.
	Address string `json:"address,omitempty"`

	// Gone is since when the cluster is not there any more; what was under way with it is over.
	Gone time.Time `json:"gone,omitzero"`

	Reminded []string  `json:"reminded,omitempty"`
	Count    int       `json:"count"` // of what was ever to be told
	Pending  []Telling `json:"pending,omitempty"`

	Shown posture.Rotation `json:"shown"`
}

// A Call is one request to GKE, noted before it is made.
type Call struct {
	At        time.Time `json:"at"`
	Approval  Approval  `json:"approval"`
	Operation string    `json:"operation,omitempty"` // as GKE named it; empty while nobody knows
	// Refused is GKE's answer if it said no at once: nothing was done.
	Refused string `json:"refused,omitempty"`
}

// An Approval is a person's for one call.
type Approval struct {
	Phase   Phase     `json:"phase"`
	By      string    `json:"by"` // e-mail address, verified
	At      time.Time `json:"at"`
	Expires time.Time `json:"expires"`
	CA      string    `json:"ca"` // fingerprint of the authority that was shown to the person
}

// An Ack is a person's word that a blocker may be passed over, in one phase of one round.
type Ack struct {
	ID    string    `json:"id"`
	Phase Phase     `json:"phase"`
	By    string    `json:"by"`
	At    time.Time `json:"at"`
}

// Again is a pool whose nodes must be younger than the start of the rotation.
type Again struct {
	Pool  string    `json:"pool"`
	Since time.Time `json:"since"`
}

// A Leak is a verified alert that says that a credential of the cluster is in other hands.
type Leak struct {
	Alert string    `json:"alert"` // its id
	Rule  string    `json:"rule"`
	At    time.Time `json:"at"`
}

// Name is the record's in the bucket. Parts of r that could lead elsewhere are refused when it is read; GKE's names cannot.
func Name(r posture.Resource) string {
	return Root + r.Project + "/" + r.Location + "/" + r.Cluster + ".json"
}

// Parse reads a record and checks that it is of the cluster that its name says.
func Parse(o objects.Object) (Record, error) {
	var r Record
	if err := o.Read(recordVersion, &r); err != nil {
		return Record{}, err
	}
	if Name(r.Resource) != o.Name {
		return Record{}, fmt.Errorf("%s, generation %d: it is of %s", o.Name, o.Generation, r.Resource.ClusterName())
	}
	return r, nil
}

// resourceOf is the cluster that a record's name is of.
func resourceOf(name string) (posture.Resource, bool) {
	rest, ok := strings.CutSuffix(strings.TrimPrefix(name, Root), ".json")
	parts := strings.Split(rest, "/")
	if !ok || len(parts) != 3 || slices.Contains(parts, "") {
		return posture.Resource{}, false
	}
	return posture.Resource{Project: parts[0], Location: parts[1], Cluster: parts[2]}, true
}

// Stage is the state, of a blocked one that in which it goes on.
func (r *Record) Stage() State {
	if r.State == Blocked {
		return r.From
	}
	return r.State
}

// clone lets a decision change its record without changing the one that it was given.
func (r Record) clone() Record {
	r.Acks, r.Leaks, r.Again = slices.Clone(r.Acks), slices.Clone(r.Leaks), slices.Clone(r.Again)
	r.Reminded, r.Pending = slices.Clone(r.Reminded), slices.Clone(r.Pending)
	r.Uses.List, r.Issued.List = slices.Clone(r.Uses.List), slices.Clone(r.Issued.List)
	for _, call := range []**Call{&r.Start, &r.Finish} {
		if *call != nil {
			c := **call
			*call = &c
		}
	}
	return r
}

// acked reports whether somebody answers for a blocker in that phase.
func (r *Record) acked(id string, phase Phase) bool {
	return slices.ContainsFunc(r.Acks, func(a Ack) bool { return a.ID == id && a.Phase == phase })
}
