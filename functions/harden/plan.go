package harden

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/scc"
	"tiercel.dev/internal/snapshot"
)

// A change is one finding to be written.
type change struct {
	id   string
	what scc.Posture
	end  string // why it is no failure any more; "" for one that is
	hash string // of what it will say; "" for one that ends
}

func (c change) urgent() bool { return c.end == "" && c.what.Severity() >= posture.High }

// plan decides what is to be written after a run, the severest first and what ends last. was is what is open. checks are those in
// force that results are of.
//
//   - FAIL and WARN open a finding, or change it if it says something else by now.
//   - PASS, MANAGED, N/A, and EXCEPTED end one.
//   - UNKNOWN leaves it as it is: nobody knows.
//   - A result that is missing ends it, since what it was about is gone or in order: unless its check could not look at all that
//     it is about.
func plan(record *posture.Cluster, checks map[string]posture.Check, was *Open) []change {
	var out []change
	seen := map[string]bool{}
	for _, r := range record.Results {
		seen[r.ID] = true
		check, known := checks[r.Check]
		if !known {
			continue // the checks are others by now than those of the record: the next run says more
		}
		standing := was.Findings[r.ID]
		p := scc.Posture{Result: r, Check: check, Subjects: scc.Subjects(record.Principals, r.Resource), Since: since(standing, record.Time)}
		switch {
		case p.Open():
			if hash := p.Hash(); standing == nil || standing.Hash != hash {
				out = append(out, change{id: r.ID, what: p, hash: hash})
			}
		case standing != nil && r.Verdict != posture.Unknown:
			out = append(out, change{id: r.ID, what: standing.posture(r), end: ended(r)})
		}
	}
	for id, standing := range was.Findings {
		if !seen[id] && whole(record, standing.Check) {
			r := posture.Result{ID: id, Check: standing.Check, Resource: standing.Resource}
			why := "it is in order by now, or gone"
			if record.Gone {
				why = "the cluster is gone"
			}
			out = append(out, change{id: id, what: standing.posture(r), end: why})
		}
	}
	slices.SortFunc(out, func(a, b change) int {
		return cmp.Or(strings.Compare(a.end, b.end), cmp.Compare(b.what.Severity(), a.what.Severity()), strings.Compare(a.id, b.id))
	})
	return out
}

func since(standing *Standing, now time.Time) time.Time {
	if standing != nil {
		return standing.Since
	}
	return now
}

// posture is what a finding that ends is made of, under the category that it was opened with.
func (s *Standing) posture(r posture.Result) scc.Posture {
	return scc.Posture{Result: r, Check: posture.Check{ID: s.Check, Category: s.Category}, Since: s.Since}
}

// ended says why a result ends its finding.
func ended(r posture.Result) string {
	switch r.Verdict {
	case posture.Excepted:
		return "somebody answers for it"
	case posture.Managed:
		return "Google manages it"
	case posture.NA:
		return "the check has no meaning here any more"
	case posture.Fail, posture.Warn:
		return "its severity is below what is a finding"
	}
	return "the check passes"
}

// whole reports whether the record says all of what a check is about, so that what it does not name is not there.
func whole(record *posture.Cluster, check string) bool {
	for _, g := range record.Gaps {
		if g.Part == snapshot.PartCluster || g.Part == partResults+"/"+check {
			return false
		}
	}
	for _, r := range record.Results {
		if r.Check == check && r.Verdict == posture.Unknown && r.Resource == record.Resource {
			return false
		}
	}
	return true
}

// intend notes in the list, before anything is written, what may be written from now on.
func (list *Open) intend(changes []change) {
	for _, c := range changes {
		standing := list.Findings[c.id]
		if standing == nil {
			standing = &Standing{Since: c.what.Since}
			list.Findings[c.id] = standing
		}
		standing.Check, standing.Resource, standing.Hash, standing.Refused = c.what.Check.ID, c.what.Result.Resource, "", false
		standing.Category = cmp.Or(standing.Category, c.what.Check.Category)
	}
}

// done notes what was written.
func (list *Open) done(c change, refused bool) {
	switch standing := list.Findings[c.id]; {
	case standing == nil:
	case c.end != "":
		delete(list.Findings, c.id)
	default:
		standing.Hash, standing.Refused = c.hash, refused
	}
}

// before is a copy of what was open, as changes are made to it.
func (list *Open) before() map[string]Standing {
	out := make(map[string]Standing, len(list.Findings))
	for id, s := range maps.All(list.Findings) {
		out[id] = *s
	}
	return out
}
