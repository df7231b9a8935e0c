package upgrade

import (
	"slices"
	"time"
)

// A Line is a problem with what became of it.
type Line struct {
	Problem
	Since time.Time `json:"since"`
	Ended time.Time `json:"ended,omitzero"` // zero: it is still so
	// Unknown is set where nobody could see whether it is still so.
	Unknown bool `json:"unknown,omitempty"`
	// Alerted, Noticed and Written tell that the alert was published, the mail handed over, and the finding written as this line is.
	Alerted bool `json:"alerted"`
	Noticed bool `json:"noticed"`
	Written bool `json:"written"`
}

// over reports whether a problem has ended, and all has been told of it.
func (l *Line) over() bool { return !l.Ended.IsZero() && l.Written }

func (l *Line) told() bool { return l.Alerted && l.Noticed && l.Written }

// keepEnded is how long a line stays that has ended: reports are made once a week.
const keepEnded = 8 * day

// take brings the lines up to the problems that there are. What nobody could see stays as it was. It is pure: what is to be told is
// what is not told afterwards.
func (r *Record) take(now time.Time, problems []Problem, unknown func(Problem) bool) {
	seen := map[*Line]bool{}
	for _, p := range problems {
		i := slices.IndexFunc(r.Lines, func(l *Line) bool { return l.key() == p.key() && !l.over() })
		if i < 0 {
			r.Lines = append(r.Lines, &Line{Problem: p, Since: now})
			i = len(r.Lines) - 1
		}
		l := r.Lines[i]
		if !l.Ended.IsZero() || l.Severity != p.Severity || l.Text != p.Text {
			l.Ended, l.Written = time.Time{}, false
		}
		l.Problem, l.Unknown = p, false
		seen[l] = true
	}
	for _, l := range r.Lines {
		if l.Ended.IsZero() && !seen[l] {
			if l.Unknown = unknown(l.Problem); !l.Unknown {
				l.Ended, l.Written = now, false
			}
		}
	}
	r.Lines = slices.DeleteFunc(r.Lines, func(l *Line) bool { return l.over() && now.Sub(l.Ended) > keepEnded })
}

// pending are the lines of which something is to be told, the severest first.
func (r *Record) pending() (all []*Line) {
	for _, l := range r.Lines {
		if !l.told() {
			all = append(all, l)
		}
	}
	slices.SortStableFunc(all, func(a, b *Line) int { return int(b.Severity) - int(a.Severity) })
	return all
}
