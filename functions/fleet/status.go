package fleet

import (
	"slices"
	"time"

	"tiercel.dev/internal/objects"
)

// StatusName is the record that a report reads, and that the next check goes on from.
const StatusName = "fleet/status.json"

// statusVersion is of the record's form.
const statusVersion = 1

// A Status is what the checks so far came to.
type Status struct {
	Version int       `json:"version"`
	Checked time.Time `json:"checked"`
	// Missing says why there may be clusters that are not in Clusters; empty if there are none.
	Missing    string        `json:"missing,omitempty"`
	Clusters   []ClusterLine `json:"clusters"`
	Lines      []*Line       `json:"problems"`
	Unverified Unverified    `json:"unverified_heartbeats,omitzero"`
	// Beyond counts lines that there was no room for.
	Beyond int `json:"beyond,omitempty"`
}

// A Line is a problem with what became of it.
type Line struct {
	Problem
	Since time.Time `json:"since"`
	Ended time.Time `json:"ended,omitzero"` // zero: it is still so
	// Unknown is set where nobody could see whether it is still so.
	Unknown bool `json:"unknown,omitempty"`
	// Alerted and Written tell that the alert was published, and the finding written as this line is.
	Alerted   bool      `json:"alerted"`
	Written   bool      `json:"written"`
	WrittenAt time.Time `json:"written_at,omitzero"`
}

// ReadStatus reads the record. One of a newer program's is an error.
func ReadStatus(o objects.Object) (*Status, error) {
	s := new(Status)
	if err := o.Read(statusVersion, s); err != nil {
		return nil, err
	}
	return s, nil
}

const (
	// keepEnded is how long a line stays that has ended: reports are made once a week.
	keepEnded = 8 * 24 * time.Hour
	// maxLines bounds the record, of which package objects reads 8 MiB.
	maxLines = 8_000
	// rewriteEvery is how often a finding is written again whose detail alone changed.
	rewriteEvery = time.Hour
)

// forgetLook is after how long without a check nobody can say what came meanwhile: what keeps checks from being made may have
// kept heartbeats from being recorded.
const forgetLook = 10 * time.Minute

// looked are the clusters as the last check saw them; none if that is too long ago.
func (s *Status) looked(now time.Time) []ClusterLine {
	if now.Sub(s.Checked) > forgetLook {
		return nil
	}
	return s.Clusters
}

// take brings the status up to a verdict. It is a pure function of both: what is to be done is what is not Alerted or not
// Written afterwards. A problem of a cluster that could not be looked at stays as it was.
func (s *Status) take(now time.Time, w World, v Verdict) {
	s.Version, s.Checked, s.Missing, s.Clusters = statusVersion, now, w.Missing, v.Clusters
	open := make(map[[5]string]*Line, len(s.Lines))
	for _, l := range s.Lines {
		if was := open[l.key()]; was == nil || was.Since.Before(l.Since) {
			open[l.key()] = l
		}
	}
	seen := make(map[*Line]bool, len(v.Problems))
	for _, p := range v.Problems {
		l := open[p.key()]
		if l == nil || l.over() {
			l = &Line{Problem: p, Since: now}
			s.Lines = append(s.Lines, l)
		}
		l.again(now, p)
		seen[l] = true
	}
	for _, l := range s.Lines {
		if l.Ended.IsZero() && !seen[l] {
			if l.Unknown = unknown(l.Problem, w) || v.waits(l.Problem); !l.Unknown {
				l.Ended, l.Written = now, false
			}
		}
	}
	s.bound(now)
}

// again notes that a problem is still there, or again before its end was told.
func (l *Line) again(now time.Time, p Problem) {
	if !l.Ended.IsZero() {
		l.Ended, l.Written = time.Time{}, false
	}
	l.Unknown = false
	if l.Problem != p && now.Sub(l.WrittenAt) >= rewriteEvery {
		l.Written = false
	}
	l.Problem = p
}

// unknown reports whether nobody could see the problem, were it still there: its cluster could not be looked at, or is not in a
// list that is not whole.
func unknown(p Problem, w World) bool {
	c := w.find(p)
	return c == nil && w.Missing != "" || c != nil && c.Unknown != ""
}

// waits reports whether it is too early to say that a problem is over.
func (v Verdict) waits(p Problem) bool {
	return p.Kind == Missing && v.Waiting[place{p.Project, p.Location, p.Cluster, p.Node}]
}

func (w World) find(p Problem) *Cluster {
	i := slices.IndexFunc(w.Clusters, func(c Cluster) bool {
		return c.Project == p.Project && c.Location == p.Location && c.Name == p.Cluster
	})
	if i < 0 {
		return nil
	}
	return &w.Clusters[i]
}

// bound forgets what has ended long ago, and leaves out what is too much: what has ended first, the oldest before others, then what
// nobody was told of yet, the newest before others. So nothing that was told is told again as new.
func (s *Status) bound(now time.Time) {
	s.Lines = slices.DeleteFunc(s.Lines, func(l *Line) bool { return l.over() && now.Sub(l.Ended) > keepEnded })
	s.Beyond = max(len(s.Lines)-maxLines, 0)
	if s.Beyond == 0 {
		return
	}
	slices.SortStableFunc(s.Lines, func(a, b *Line) int {
		switch x, y := a.worth(), b.worth(); {
		case x != y:
			return y - x
		case x == 0:
			return b.Ended.Compare(a.Ended)
		}
		return a.Since.Compare(b.Since)
	})
	s.Lines = s.Lines[:maxLines]
}

// over reports whether a problem has ended, and its finding says so.
func (l *Line) over() bool { return !l.Ended.IsZero() && l.Written }

// worth is how much a line is to be kept.
func (l *Line) worth() int {
	switch {
	case l.over():
		return 0
	case !l.Alerted:
		return 1
	}
	return 2
}

// pending are the lines that have something to be told, the severest first, and of those the oldest.
func (s *Status) pending() (all []*Line) {
	for _, l := range s.Lines {
		if !l.Written || !l.Alerted {
			all = append(all, l)
		}
	}
	slices.SortStableFunc(all, func(a, b *Line) int {
		if a, b := rules[a.Kind].severity, rules[b.Kind].severity; a != b {
			return int(b) - int(a)
		}
		return a.Since.Compare(b.Since)
	})
	return all
}

// open counts the problems of a kind that are so now, as far as anybody knows.
func (s *Status) open(kind Kind) int {
	n := 0
	for _, l := range s.Lines {
		if l.Kind == kind && l.Ended.IsZero() {
			n++
		}
	}
	return n
}
