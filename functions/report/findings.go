package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"tiercel.dev/internal/posture"
)

// A finding is a check with all that is open of it.
type finding struct {
	posture.Check
	Open  []posture.Change // what is new first
	New   int
	Where int // clusters
}

// Benchmark is where standards ask for the same, in words.
func (f finding) Benchmark() string {
	var all []string
	for _, b := range f.Benchmarks {
		all = append(all, b.Standard+" "+b.Version+" "+strings.Join(b.IDs, ", "))
	}
	return strings.Join(all, " · ")
}

// findings groups what is open by its check, the worst first, and of those what is new.
func (l *letter) findings() (all []finding) {
	at := map[string]int{}
	for i, list := range [][]posture.Change{l.Diff.New, l.Diff.Regressed, l.Diff.Open} {
		for _, c := range list {
			n, ok := at[c.Check]
			if !ok {
				n = len(all)
				at[c.Check] = n
				all = append(all, finding{Check: l.in.check(c.Check)})
			}
			f := &all[n]
			f.Open = append(f.Open, c)
			f.Severity = max(f.Severity, c.Severity)
			if i < 2 {
				f.New++
			}
		}
	}
	for i := range all {
		in := map[posture.Resource]bool{}
		for _, c := range all[i].Open {
			in[clusterOf(c.Resource)] = true
		}
		all[i].Where = len(in)
	}
	slices.SortStableFunc(all, func(a, b finding) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(min(b.New, 1), min(a.New, 1)), cmp.Compare(len(b.Open), len(a.Open)),
			cmp.Compare(a.ID, b.ID))
	})
	return all
}

// check is what the run's manifest says of a check; its id, where it says nothing.
func (in *Input) check(id string) posture.Check {
	if c, ok := in.Checks[id]; ok {
		c.Severity = 0 // the results' own
		return c
	}
	return posture.Check{ID: id, Title: id}
}

// An exception is what somebody answers for, of one check.
type exception struct {
	posture.Exception
	Check, Title string
	Severity     posture.Severity
	Resources    []posture.Resource
	End          time.Time // the first moment in which it no longer holds
	Days         int       // left
}

// exceptions are those in force, the one that ends first before others.
func (in *Input) exceptions() (all []exception) {
	type key struct {
		posture.Exception
		check string
	}
	at := map[key]int{}
	for _, c := range in.Clusters {
		for _, r := range c.Results {
			if r.Verdict != posture.Excepted || r.Exception == nil {
				continue
			}
			k := key{*r.Exception, r.Check}
			n, ok := at[k]
			if !ok {
				n = len(all)
				at[k] = n
				all = append(all, exception{Exception: *r.Exception, Check: r.Check, Title: in.check(r.Check).Title})
				if last, err := time.Parse(time.DateOnly, r.Exception.Until); err == nil {
					all[n].End = last.AddDate(0, 0, 1)
					all[n].Days = int(all[n].End.Sub(in.Due).Hours() / 24)
				}
			}
			all[n].Resources = append(all[n].Resources, r.Resource)
			all[n].Severity = max(all[n].Severity, r.Severity)
		}
	}
	slices.SortStableFunc(all, func(a, b exception) int { return cmp.Or(a.End.Compare(b.End), cmp.Compare(a.Check, b.Check)) })
	return all
}

// An unknown is why something could not be found out, with how much hangs on it.
type unknown struct {
	Why      string
	Fix      string
	Checks   int
	Clusters []string
	Withheld bool // it is so on purpose
}

// Head says which kind of unknown it is.
func (u unknown) Head() string {
	if u.Withheld {
		return "Unknown on purpose"
	}
	return "Unknown"
}

// unknowns are the reasons for all that is not known, the one that most hangs on first: what the run had no record of, what could
// not be read, and checks that could not be decided. What no right is granted for comes last, and is told with its checks alone.
func (in *Input) unknowns() (all []unknown) {
	at := map[string]int{}
	add := func(why, fix, cluster string, checks int) *unknown {
		n, ok := at[why]
		if !ok {
			n = len(all)
			at[why] = n
			all = append(all, unknown{Why: why, Fix: fix})
		}
		all[n].Checks += checks
		if !slices.Contains(all[n].Clusters, cluster) && cluster != "" {
			all[n].Clusters = append(all[n].Clusters, cluster)
		}
		return &all[n]
	}
	for _, r := range in.Absent {
		add("the run has no record of the cluster: its worker did not end in time", "", r.String(), len(in.Checks))
	}
	for _, g := range in.Manifest.Gaps {
		add("clusters could not be listed: "+gap(g), g.Fix, g.Part, 0)
	}
	for _, c := range in.Clusters {
		for _, g := range c.Gaps {
			if !g.Withheld {
				add(gap(g), g.Fix, c.Resource.String(), 0)
			}
		}
		for _, r := range c.Results {
			if r.Verdict == posture.Unknown {
				add(cmp.Or(r.Reason, "the check could not be decided"), "", c.Resource.String(), 1).Withheld = r.Withheld
			}
		}
	}
	slices.SortStableFunc(all, func(a, b unknown) int {
		if a.Withheld != b.Withheld {
			return map[bool]int{true: 1, false: -1}[a.Withheld]
		}
		return cmp.Or(cmp.Compare(len(b.Clusters), len(a.Clusters)), cmp.Compare(b.Checks, a.Checks))
	})
	return all
}

func gap(g posture.Gap) string {
	switch {
	case g.Permission != "":
		return g.Call + ": " + g.Permission + " is missing"
	case g.Error != "":
		return g.Call + ": " + g.Error
	}
	return g.Call + " did not answer"
}
