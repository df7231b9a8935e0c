package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"tiercel.dev/internal/posture"
)

// A letter is what a report says, before it is HTML or text. Lists are whole; how much of them is shown is the writer's.
type letter struct {
	in       *Input
	Audience Audience
	Title    string
	Subject  string
	Lead     string // the subject in a sentence, which lists of mails show
	Due      time.Time
	Since    time.Time
	Worst    posture.Severity
	Score    number
	Tiles    []tile
	Trend    []point // the oldest first, this report the last
	First    bool    // there was no report before

	Deadlines  []posture.Deadline
	Diff       posture.Difference
	Clusters   []clusterRow
	Findings   []finding
	Upgrades   []upgradeRow
	Bulletins  []bulletinRow
	Rotations  []posture.Rotation
	Sensors    *sensors
	Alerts     []alertRow
	Events     uint64 // of all alerts
	Exceptions []exception
	Unknowns   []unknown
	Incomplete int
	Counts     map[posture.Verdict]int
	Withheld   int // of those that are UNKNOWN
}

// A number is a score for people. The change is that of the rounded numbers, so that it can be checked by who has both mails.
type number struct {
	Value  int
	Known  bool
	Change int
	Has    bool // there is something to compare with
	Then   time.Time
}

func (n number) String() string {
	if !n.Known {
		return "unknown"
	}
	return fmt.Sprint(n.Value)
}

// Signed is the change with its sign: −3, +2, ±0.
func (n number) Signed() string { return signed(n.Change) }

func signed(n int) string {
	switch {
	case n > 0:
		return fmt.Sprintf("+%d", n)
	case n < 0:
		return fmt.Sprintf("−%d", -n)
	}
	return "±0"
}

// A tile is how many are open of a severity.
type tile struct {
	Severity posture.Severity
	Open     int
	New      int
	Fixed    int
}

type point struct {
	Time  time.Time
	Value float64
}

// severities are those that are counted in columns, the worst first.
var severities = []posture.Severity{posture.Critical, posture.High, posture.Medium, posture.Low}

// write makes the letter of an input for an audience. It is a pure function.
func write(all *Input, a Audience) *letter {
	in := all.only(a)
	l := &letter{in: in, Audience: a, Due: in.Due, Since: in.Since, Incomplete: in.incomplete()}
	l.Diff, _ = in.State.Compare(in.Due, in.Clusters, in.Manifest.Gone, in.Checks)
	l.First = l.Diff.First
	score := in.scoreOf(in.Clusters)
	l.Counts, l.Withheld = score.Verdicts, score.Withheld
	l.score(score)
	l.tiles()
	l.Deadlines = in.deadlines()
	l.Clusters = in.clusterRows()
	l.Findings = l.findings()
	l.Upgrades, l.Bulletins = in.upgradeRows()
	l.Rotations = in.rotations()
	l.Sensors = in.sensors()
	l.Alerts, l.Events = in.alertRows()
	l.Exceptions = in.exceptions()
	l.Unknowns = in.unknowns()
	l.head()
	return l
}

func (l *letter) score(now posture.Score) {
	for _, h := range l.in.History {
		if v, ok := h.score(l.Audience); ok {
			l.Trend = append(l.Trend, point{h.Due, v})
		}
	}
	v, ok := now.Value()
	if !ok {
		return
	}
	l.Score = number{Value: int(math.Round(v)), Known: true}
	if n := len(l.Trend); n > 0 {
		before := l.Trend[n-1]
		l.Score.Has, l.Score.Then, l.Score.Change = true, before.Time, l.Score.Value-int(math.Round(before.Value))
	}
	l.Trend = append(l.Trend, point{l.Due, v})
}

func (l *letter) tiles() {
	count := func(s posture.Severity, lists ...[]posture.Change) (n int) {
		for _, list := range lists {
			for _, c := range list {
				if c.Severity == s {
					n++
				}
			}
		}
		return n
	}
	for _, s := range severities {
		t := tile{
			Severity: s, Open: count(s, l.Diff.New, l.Diff.Regressed, l.Diff.Open), New: count(s, l.Diff.New, l.Diff.Regressed),
			Fixed: count(s, l.Diff.Fixed),
		}
		if t.Open > 0 && l.Worst == 0 {
			l.Worst = s
		}
		l.Tiles = append(l.Tiles, t)
	}
	l.Worst = cmp.Or(l.Worst, posture.Info)
}

// head says the most important of it in the order in which a reader wants it.
func (l *letter) head() {
	l.Title = "GKE hardening"
	prefix := "[GKE hardening] "
	if len(l.Audience.Clusters)+len(l.Audience.Namespaces) > 0 {
		l.Title += " · " + l.Audience.Name
		prefix += l.Audience.Name + ": "
	}
	news := l.news()
	score := "score " + l.Score.String()
	if l.Score.Known && l.Score.Has {
		score += " (" + l.Score.Signed() + ")"
	}
	parts := []string{news, score, plural(len(l.in.Clusters)+len(l.in.Absent), "cluster")}
	if l.Incomplete > 0 {
		parts = append(parts, fmt.Sprintf("INCOMPLETE: %d", l.Incomplete))
	}
	l.Subject = prefix + strings.Join(parts, ", ")
	l.Lead = fmt.Sprintf("%s, %s fixed, %d open.", upper(news), numeral(len(l.Diff.Fixed)), len(l.Diff.New)+len(l.Diff.Regressed)+len(l.Diff.Open))
	if len(l.Deadlines) > 0 {
		d := l.Deadlines[0]
		l.Lead += fmt.Sprintf(" Next deadline: %s, %s.", d.Time.UTC().Format("2 Jan"), d.What)
	}
}

// news is the worst of what is new: "2 critical new".
func (l *letter) news() string {
	for _, t := range l.Tiles {
		if t.New > 0 {
			return fmt.Sprintf("%d %s new", t.New, strings.ToLower(t.Severity.String()))
		}
	}
	return "nothing new"
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func numeral(n int) string {
	if n == 0 {
		return "none"
	}
	return fmt.Sprint(n)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// deadlines are all that anything of the input has, the nearest first, each once.
func (in *Input) deadlines() (all []posture.Deadline) {
	for _, u := range in.Upgrades {
		all = append(all, u.Deadlines...)
	}
	for _, r := range in.Rotations {
		all = append(all, r.Deadlines...)
	}
	for _, c := range in.Clusters {
		if c.CA != nil && c.CA.NotAfter.Sub(in.Due) < 365*24*time.Hour {
			all = append(all, posture.Deadline{
				Time: c.CA.NotAfter, What: "The cluster's CA expires", Kind: "ca", Resource: c.Resource, Severity: caSeverity(c.CA.NotAfter.Sub(in.Due)),
			})
		}
	}
	for _, x := range in.exceptions() {
		if x.Days <= 60 {
			all = append(all, posture.Deadline{
				Time: x.End, What: "An exception ends: " + x.Title, Kind: "exception", Resource: x.Resources[0], Severity: posture.Low,
			})
		}
	}
	slices.SortStableFunc(all, func(a, b posture.Deadline) int {
		return cmp.Or(a.Time.Compare(b.Time), cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Resource.String(), b.Resource.String()))
	})
	seen := map[string]bool{}
	return keep(all, func(d posture.Deadline) bool {
		key := d.Kind + "\x00" + clusterOf(d.Resource).ClusterName()
		if d.Kind != "ca" { // rotation and checks tell of the same CA
			key += "\x00" + d.What + d.Time.String()
		}
		again := seen[key]
		seen[key] = true
		return !again
	})
}

func caSeverity(left time.Duration) posture.Severity {
	switch {
	case left < 30*24*time.Hour:
		return posture.Critical
	case left < 90*24*time.Hour:
		return posture.High
	case left < 180*24*time.Hour:
		return posture.Medium
	}
	return posture.Low
}
