package rotate

import (
	"slices"
	"strings"
	"time"

	"tiercel.dev/internal/posture"
)

// A Use is one of a static token that audit logs tell of.
type Use struct {
	Account string    `json:"account"`          // NAMESPACE/NAME of the service account
	Secret  string    `json:"secret,omitempty"` // its name; empty of clusters before Kubernetes 1.29, which do not tell
	Last    time.Time `json:"last"`
	From    string    `json:"from,omitempty"` // the address and the program of that one, without what is not printable
}

// Uses are those that audit logs told of. That they tell of none is not to say that there is none: reads stand in the Data Access
// log alone, which is off unless somebody has switched it on.
type Uses struct {
	List  []Use     `json:"list,omitempty"`
	More  bool      `json:"more,omitempty"`  // there are more than are told apart
	Reads bool      `json:"reads,omitempty"` // the Data Access log was seen to tell of the cluster
	Until time.Time `json:"until,omitzero"`  // the log was read until then
	Since time.Time `json:"since,omitzero"`  // and from then on
}

const (
	// usesBack is how far back uses are looked for at first: what is used once a month should be seen.
	usesBack = 31 * day
	// logLate is how much of what was read of a log is read again, since entries may come late, and clocks may have been wrong.
	logLate = 2 * day
	// logEvery is how often a log is read while no rotation runs, and how exactly times are kept.
	logEvery = time.Hour
)

// usesSince is from when on audit logs are to be read for uses; zero if they were read just now, or tokens have ended already.
func (r *Record) usesSince(at time.Time) time.Time { return r.logSince(r.Uses.Until, at, usesBack) }

// logSince is from when on a log is to be read that was read until a time: back at first.
func (r *Record) logSince(read, at time.Time, back time.Duration) time.Time {
	switch {
	case r.Stage() == Verifying, !r.Stage().open() && at.Sub(read).Abs() < logEvery:
		return time.Time{}
	case read.IsZero() || read.After(at):
		return at.Add(-back)
	default:
		return read.Add(-logLate)
	}
}

func (u *Use) is(o Use) bool { return u.Account == o.Account && u.Secret == o.Secret }

// key names a token: its Secret, or whose it is where nobody says which.
func (u *Use) key() string {
	if u.Secret == "" {
		return "a token of " + u.Account
	}
	namespace, _, _ := strings.Cut(u.Account, "/")
	return namespace + "/" + u.Secret
}

// used takes over what audit logs have told. What was seen in a rotation stays seen, whatever can be read later.
func (n *next) used() {
	r, seen := &n.r.Uses, n.o.Uses
	if !n.r.Stage().open() {
		r.List = slices.DeleteFunc(r.List, func(u Use) bool { return n.now.Sub(u.Last) > usesBack })
	}
	if !seen.OK {
		return
	}
	for _, u := range seen.Value.List {
		i := slices.IndexFunc(r.List, u.is)
		switch {
		case i < 0:
			r.List = append(r.List, u)
		case u.Last.Sub(r.List[i].Last) >= logEvery:
			r.List[i] = u
		}
	}
	slices.SortFunc(r.List, func(a, b Use) int { return strings.Compare(a.key(), b.key()) })
	r.More, r.Reads = r.More || seen.Value.More, seen.Value.Reads
	if r.Since.IsZero() || seen.Value.Since.Before(r.Since) {
		r.Since = seen.Value.Since
	}
	r.Until = n.readUntil(r.Until, n.o.UsesSince, usesBack)
}

// readUntil is until when a log was read, with a look that began at since. One that went on from what a round before had read says
// nothing of a round that has read nothing yet.
func (n *next) readUntil(until, since time.Time, back time.Duration) time.Time {
	switch {
	case until.IsZero() && n.o.At.Sub(since) < back:
		return time.Time{}
	case n.o.At.Sub(until).Abs() >= logEvery:
		return n.o.At
	}
	return until
}

// usesKnown reports whether audit logs could be read for uses.
func (n *next) usesKnown() bool { return n.logKnown(n.o.Uses.OK, n.o.Uses.Gap, n.r.Uses.Until) }

// logKnown reports whether a log could be read: now, or a moment ago if it was not time to.
func (n *next) logKnown(now bool, gap posture.Gap, until time.Time) bool {
	return now || gap.Error == "" && !until.IsZero() && n.now.Sub(until) < 2*logEvery
}

// told says of a use when it was and whose.
func (u *Use) told() string {
	text := "last on " + stamp(u.Last)
	if u.From != "" {
		text += " from " + u.From
	}
	return text
}
