package rotate

import (
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"

	"tiercel.dev/internal/posture"
)

// A Known is what was found out, or why it was not. The zero value is not known: what nobody asked for is no "none".
type Known[T any] struct {
	OK    bool
	Value T
	Gap   posture.Gap // if it is not known
}

// Have is what is known.
func Have[T any](value T) Known[T] { return Known[T]{OK: true, Value: value} }

// Lack is what is not.
func Lack[T any](gap posture.Gap) Known[T] { return Known[T]{Gap: gap} }

// Observed is what was to be seen of one cluster at one time.
type Observed struct {
	At time.Time // when it was asked for
	// Account is the e-mail address by which Tiercel asks GKE, as the audit log has it; empty if nobody said so. Then a call
	// whose answer was lost is taken for somebody else's.
	Account string
	// Cluster is as GKE shows it, without secrets; nil if it was not to be read, which Unseen says why, or is Gone.
	Cluster *pb.Cluster
	Unseen  *posture.Gap
	Gone    bool

	CA         Known[posture.CA]
	Operations Known[[]Operation] // of the cluster and its pools
	Audit      Known[[]Event]     // by time
	Windows    Known[Windows]
	Nodes      Known[[]Node]
	Tokens     Known[[]Token] // static tokens of service accounts
	// Uses are of static tokens, as audit logs tell since UsesSince, which is zero if they are not to be read now.
	Uses      Known[Uses]
	UsesSince time.Time
	// Requests are certificates for clients that are asked for and approved, and Approved those of which the audit log tells since
	// IssuedSince, as with Uses.
	Requests    Known[[]Certificate]
	Approved    Known[[]Certificate]
	IssuedSince time.Time
	Budgets     Known[[]string] // pod disruption budgets that allow no disruption now, as NAMESPACE/NAME
	Webhooks    Known[[]string] // admission webhooks that may keep pods from being created, by configuration and name

	// Nonce is a text that nobody can guess, new each time.
	Nonce string
}

// Windows are when GKE may maintain the cluster.
type Windows struct {
	// Open is how long windows leave in the seven days from now, without what exclusions take.
	Open time.Duration
	// Excluded names an exclusion of all upgrades that holds now; empty if none does.
	Excluded string
	Next     time.Time // when the next window opens; zero if one is open
}

// An Operation is one of GKE's.
type Operation struct {
	Name       string
	Type       pb.Operation_Type
	Pool       string // that it is about; empty for the cluster
	Done       bool
	Error      string // of one that is done
	Start, End time.Time
}

// An Event is a start or completion that the audit log tells of: both entries of an operation together.
type Event struct {
	Time      time.Time
	Phase     Phase
	Principal string // an e-mail address; empty for GKE itself
	Operation string
	Failed    bool // it was refused, or came to nothing
}

// A Node is one of the cluster's.
type Node struct {
	Name, Pool string
	Created    time.Time
	Ready      bool
}
