package rotate

import "slices"

// A State is where a cluster's rotation stands.
type State string

// The states, in the order of a rotation. Any may become [Blocked], [Foreign] or [Expired].
const (
	Idle            State = "IDLE"
	Due             State = "DUE"
	Approved        State = "APPROVED"         // a person has approved the start, which waits for its hour
	Starting        State = "STARTING"         // GKE was asked to start, or is about to be
	NodesRecreating State = "NODES_RECREATING" // GKE serves two addresses, and makes the nodes anew pool by pool
	ClientsPending  State = "CLIENTS_PENDING"  // nodes have moved, clients and tokens have not
	Ready           State = "READY"            // nothing uses the old credentials that nobody answers for
	Completing      State = "COMPLETING"       // GKE was asked to complete, or is about to be
	Verifying       State = "VERIFYING"        // there is a new authority: does everything work?
	Done            State = "DONE"
	Blocked         State = "BLOCKED" // it cannot go on: the record says from where and why
	Foreign         State = "FOREIGN" // somebody else, or GKE, started it: Tiercel watches and asks for nothing
	Expired         State = "EXPIRED" // the authority's time is over, and the cluster is lost in general
)

// States are all, for pages and tests.
var States = []State{
	Idle, Due, Approved, Starting, NodesRecreating, ClientsPending, Ready, Completing, Verifying, Done, Blocked, Foreign, Expired,
}

// open reports whether a rotation runs in that state: two sets of credentials are good, and GKE will complete it by itself.
func (s State) open() bool {
	return slices.Contains([]State{Starting, NodesRecreating, ClientsPending, Ready, Completing, Foreign}, s)
}

// A Phase is one of the two calls, each of which takes an approval of its own.
type Phase string

const (
	Start    Phase = "start"
	Complete Phase = "complete"
)
