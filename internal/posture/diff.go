package posture

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// keepFixed is how long it is remembered that something was fixed, so that it is told for a relapse if it comes again.
const keepFixed = 180 * 24 * time.Hour

// A State is what reports so far have seen: every result that was open, by its id.
type State struct {
	Version int `json:"version"`

	Time time.Time       `json:"time"` // of the last report's run; zero before the first
	Seen map[string]Seen `json:"seen"`
	// Clusters are those that were looked at, and not yet known to be no more.
	Clusters []Resource `json:"clusters"`
}

// Seen is a result that was open in a report.
type Seen struct {
	Check    string    `json:"c"`
	Resource Resource  `json:"r"`
	Severity Severity  `json:"s"`
	First    time.Time `json:"first"` // when it came, or came again
	Fixed    time.Time `json:"fixed,omitzero"`
	Excepted bool      `json:"x,omitempty"`
}

// A Change is what became of one result.
type Change struct {
	Result
	First time.Time // since when it has been open
	Note  string    // why nobody knows; or what else is to be said
}

// A Difference is what changed between two reports. Each open result of now is in one of New, Regressed and Open; each that was
// open is in one of Open, Fixed, Accepted, Unverified and Gone.
type Difference struct {
	First      bool     // there was no report before, so all is new
	New        []Change // open for the first time
	Regressed  []Change // was fixed once, and is open again
	Open       []Change // still
	Fixed      []Change // decided: it is well, or what it was about is no more
	Accepted   []Change // fails, and somebody answers for it now
	Unverified []Change // was open, and nobody could find out whether it still is
	Gone       []Change // of clusters that are no more
	// Appeared and Vanished are clusters.
	Appeared, Vanished []Resource
}

// Compare says what changed since the state, and what the state is now. clusters are those of which there is a record of this run,
// and gone those that are known to be no more. It is a pure function: a state that was compared is not changed.
func (s State) Compare(now time.Time, clusters []Cluster, gone []Resource, checks map[string]Check) (Difference, State) {
	d := Difference{First: s.Time.IsZero()}
	next := State{Time: now, Seen: map[string]Seen{}}
	present := map[string]bool{} // ids with a result
	looked := map[Resource]*looked{}
	for i := range clusters {
		looked[cluster(clusters[i].Resource)] = look(&clusters[i])
		for _, r := range clusters[i].Results {
			if !present[r.ID] {
				present[r.ID] = true
				d.result(now, r, s.Seen, next.Seen)
			}
		}
	}
	ended := map[Resource]bool{}
	for _, r := range gone {
		ended[cluster(r)] = true
	}
	for _, id := range slices.Sorted(maps.Keys(s.Seen)) {
		if !present[id] {
			d.absent(now, id, s.Seen[id], looked, ended, checks, next.Seen)
		}
	}
	next.Clusters = d.clusters(s, looked, ended)
	d.sort()
	return d, next
}

// result takes in what is said now of one.
func (d *Difference) result(now time.Time, r Result, was, next map[string]Seen) {
	seen, known := was[r.ID]
	open := known && seen.Fixed.IsZero()
	switch {
	case r.Open():
		c := Change{Result: r, First: now}
		switch {
		case open && !seen.Excepted:
			c.First = seen.First
			d.Open = append(d.Open, c)
		case open:
			c.Note = "its exception has ended"
			d.New = append(d.New, c)
		case known:
			d.Regressed = append(d.Regressed, c)
		default:
			d.New = append(d.New, c)
		}
		next[r.ID] = Seen{Check: r.Check, Resource: r.Resource, Severity: r.Severity, First: c.First}
	case r.Verdict == Excepted:
		if open && !seen.Excepted {
			d.Accepted = append(d.Accepted, Change{Result: r, First: seen.First})
		} else if !open {
			seen.First = now
		}
		next[r.ID] = Seen{Check: r.Check, Resource: r.Resource, Severity: r.Severity, First: seen.First, Excepted: true}
	case !known:
	case r.Verdict == Unknown:
		if open && !seen.Excepted {
			d.Unverified = append(d.Unverified, seen.change(r.ID, r.Reason))
		}
		next[r.ID] = seen
	case open:
		d.fixed(now, r.ID, seen, "", next)
	default:
		keep(now, r.ID, seen, next)
	}
}

// absent takes in one of which nothing is said now.
func (d *Difference) absent(now time.Time, id string, seen Seen, looked map[Resource]*looked, ended map[Resource]bool,
	checks map[string]Check, next map[string]Seen,
) {
	if !seen.Fixed.IsZero() {
		keep(now, id, seen, next)
		return
	}
	of := cluster(seen.Resource)
	l := looked[of]
	_, asked := checks[seen.Check]
	why := ""
	switch {
	case ended[of]:
		if !seen.Excepted {
			d.Gone = append(d.Gone, seen.change(id, "the cluster is no more"))
		}
		return
	case l == nil:
		why = "the cluster could not be looked at"
	case l.unknown[seen.Check] != "":
		why = l.unknown[seen.Check]
	case len(checks) > 0 && !asked:
		why = "the check is no longer asked"
	default:
		d.fixed(now, id, seen, "it is no more", next)
		return
	}
	if !seen.Excepted {
		d.Unverified = append(d.Unverified, seen.change(id, why))
	}
	next[id] = seen
}

func (d *Difference) fixed(now time.Time, id string, seen Seen, note string, next map[string]Seen) {
	if !seen.Excepted {
		d.Fixed = append(d.Fixed, seen.change(id, note))
	}
	seen.Fixed, seen.Excepted = now, false
	next[id] = seen
}

func keep(now time.Time, id string, seen Seen, next map[string]Seen) {
	if now.Sub(seen.Fixed) < keepFixed {
		next[id] = seen
	}
}

func (s Seen) change(id, note string) Change {
	return Change{Result: Result{ID: id, Check: s.Check, Resource: s.Resource, Severity: s.Severity}, First: s.First, Note: note}
}

// looked is what a cluster's record says of checks.
type looked struct {
	unknown map[string]string // reasons by check
}

func look(c *Cluster) *looked {
	l := &looked{unknown: map[string]string{}}
	for _, r := range c.Results {
		if r.Verdict == Unknown && l.unknown[r.Check] == "" {
			l.unknown[r.Check] = cmp.Or(r.Reason, "the check could not be decided")
		}
	}
	return l
}

// cluster is the cluster that a resource is in.
func cluster(r Resource) Resource {
	return Resource{Project: r.Project, Location: r.Location, Cluster: r.Cluster}
}

// clusters finds those that came, and that went, and returns those that are.
func (d *Difference) clusters(s State, looked map[Resource]*looked, ended map[Resource]bool) []Resource {
	are := map[Resource]bool{}
	for _, r := range s.Clusters {
		if are[r] = !ended[r]; ended[r] {
			d.Vanished = append(d.Vanished, r)
		}
	}
	for r := range looked {
		if _, had := are[r]; !had && !d.First {
			d.Appeared = append(d.Appeared, r)
		}
		are[r] = true
	}
	maps.DeleteFunc(are, func(_ Resource, is bool) bool { return !is })
	return slices.SortedFunc(maps.Keys(are), byName)
}

// sort has the worst first, and of those what has been open longest.
func (d *Difference) sort() {
	for _, list := range [][]Change{d.New, d.Regressed, d.Open, d.Fixed, d.Accepted, d.Unverified, d.Gone} {
		slices.SortFunc(list, func(a, b Change) int {
			return cmp.Or(cmp.Compare(b.Severity, a.Severity), a.First.Compare(b.First), cmp.Compare(a.Check, b.Check),
				cmp.Compare(a.Resource.String(), b.Resource.String()), cmp.Compare(a.ID, b.ID))
		})
	}
	for _, list := range [][]Resource{d.Appeared, d.Vanished} {
		slices.SortFunc(list, byName)
	}
}

func byName(a, b Resource) int { return cmp.Compare(a.ClusterName(), b.ClusterName()) }
