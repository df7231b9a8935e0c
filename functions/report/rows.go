package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"tiercel.dev/functions/fleet"
	"tiercel.dev/internal/posture"
)

// A clusterRow is what a report says of one cluster in a line.
type clusterRow struct {
	Resource  posture.Resource
	Score     number
	Open      map[posture.Severity]int
	Unknown   int // but for those that are so on purpose
	Version   string
	Target    string
	Channel   string
	Autopilot bool
	CADays    string // until the CA expires; "?" if nobody knows
	CASoon    bool
	Network   string // percent of pods that a policy covers
	Absent    bool   // the run has no record of it
}

// clusterRows are all clusters, the worst first.
func (in *Input) clusterRows() (rows []clusterRow) {
	target := map[posture.Resource]string{}
	for _, u := range in.Upgrades {
		target[clusterOf(u.Resource)] = cmp.Or(u.Control.MinorTarget, u.Control.PatchTarget)
	}
	before := map[posture.Resource]ClusterSummary{}
	if n := len(in.History); n > 0 {
		for _, c := range in.History[n-1].Clusters {
			before[c.Resource] = c
		}
	}
	for _, c := range in.Clusters {
		score := posture.ScoreOf(c.Results, in.Checks)
		row := clusterRow{
			Resource: clusterOf(c.Resource), Open: score.Open, Unknown: score.Verdicts[posture.Unknown] - score.Withheld, Version: c.Version, Channel: c.Channel,
			Autopilot: c.Autopilot, Target: target[clusterOf(c.Resource)], CADays: "?", Network: "?",
		}
		if v, ok := score.Value(); ok {
			row.Score = number{Value: int(math.Round(v)), Known: true}
			if was := before[row.Resource]; was.Of > 0 {
				row.Score.Has, row.Score.Change = true, row.Score.Value-int(math.Round(100*was.Points/was.Of))
			}
		}
		if c.CA != nil {
			days := int(c.CA.NotAfter.Sub(in.Due).Hours() / 24)
			row.CADays, row.CASoon = fmt.Sprint(days), days < 180
		}
		if c.Network != nil {
			if row.Network = "–"; c.Network.Pods > 0 {
				row.Network = fmt.Sprintf("%.0f%%", *covered(c.Network))
			}
		}
		rows = append(rows, row)
	}
	for _, r := range in.Absent {
		rows = append(rows, clusterRow{Resource: r, Absent: true, CADays: "?", Network: "?"})
	}
	slices.SortStableFunc(rows, func(a, b clusterRow) int {
		for _, s := range severities[:2] {
			if c := cmp.Compare(b.Open[s], a.Open[s]); c != 0 {
				return c
			}
		}
		return cmp.Or(cmp.Compare(a.Score.Value, b.Score.Value), cmp.Compare(a.Resource.ClusterName(), b.Resource.ClusterName()))
	})
	return rows
}

// An upgradeRow is what is to be done first about a cluster's versions.
type upgradeRow struct {
	posture.Upgrade
	Do   *posture.Action // nil: nothing
	More int             // actions besides
}

// A bulletinRow is a security bulletin with the clusters that it affects.
type bulletinRow struct {
	posture.Bulletin
	Clusters []string
}

// upgradeRows are the clusters about whose versions there is something to be done, the severest first, and the bulletins of all.
func (in *Input) upgradeRows() (rows []upgradeRow, bulletins []bulletinRow) {
	at := map[string]int{}
	for _, u := range in.Upgrades {
		if len(u.Actions) > 0 {
			rows = append(rows, upgradeRow{u, &u.Actions[0], len(u.Actions) - 1})
		} else if len(u.Control.Paused) > 0 || u.Control.UpgradeFailing || len(u.Gaps) > 0 {
			rows = append(rows, upgradeRow{Upgrade: u})
		}
		for _, b := range u.Bulletins {
			n, ok := at[b.ID]
			if !ok {
				n = len(bulletins)
				at[b.ID] = n
				bulletins = append(bulletins, bulletinRow{Bulletin: b})
			}
			bulletins[n].Clusters = append(bulletins[n].Clusters, u.Resource.String())
		}
	}
	severity := func(r upgradeRow) posture.Severity {
		if r.Do == nil {
			return 0
		}
		return r.Do.Severity
	}
	slices.SortStableFunc(rows, func(a, b upgradeRow) int { return cmp.Compare(severity(b), severity(a)) })
	return rows, bulletins
}

// rotations are those that say something: all but the idle ones, those with the nearest deadline first.
func (in *Input) rotations() []posture.Rotation {
	all := keep(in.Rotations, func(r posture.Rotation) bool { return r.State != "IDLE" && r.State != "" || len(r.Gaps) > 0 })
	slices.SortStableFunc(all, func(a, b posture.Rotation) int {
		switch x, y := a.Deadlines, b.Deadlines; {
		case len(x) == 0 || len(y) == 0:
			return len(y) - len(x)
		default:
			return x[0].Time.Compare(y[0].Time)
		}
	})
	return all
}

// sensors is what is watched.
type sensors struct {
	Checked     time.Time
	Nodes, Well int
	Clusters    int
	Missing     string // why there may be clusters that nobody lists
	Open        []sensorRow
	Unknown     []string // clusters of which nobody knows
}

// A sensorRow is one kind of problem with how many nodes or clusters have it.
type sensorRow struct {
	What   string
	Count  int
	Places []string
}

// Percent is how much is watched, rounded down: 100 is all.
func (s *sensors) Percent() int {
	if s.Nodes == 0 {
		return 0
	}
	return 100 * s.Well / s.Nodes
}

var sensorWords = map[fleet.Kind]string{
	fleet.Missing: "sensor missing", fleet.Losing: "sensor loses events or alerts", fleet.Stale: "other rules than it should have",
	fleet.Outdated: "out of date", fleet.Uncovered: "node that the sensor is kept away from", fleet.Unsupported: "node that no sensor can watch",
	fleet.Unreadable: "cluster that could not be looked at",
}

func (in *Input) sensors() *sensors {
	if in.Fleet == nil {
		return nil
	}
	s := &sensors{Checked: in.Fleet.Checked, Missing: in.Fleet.Missing, Clusters: len(in.Fleet.Clusters)}
	for _, c := range in.Fleet.Clusters {
		s.Nodes, s.Well = s.Nodes+c.Nodes, s.Well+c.Well
		if c.Unknown != "" {
			s.Unknown = append(s.Unknown, strings.Trim(c.Project+"/"+c.Name, "/")+": "+c.Unknown)
		}
	}
	at := map[fleet.Kind]int{}
	for _, l := range in.Fleet.Lines {
		if !l.Ended.IsZero() {
			continue
		}
		n, ok := at[l.Kind]
		if !ok {
			n = len(s.Open)
			at[l.Kind] = n
			s.Open = append(s.Open, sensorRow{What: sensorWords[l.Kind]})
		}
		s.Open[n].Count++
		s.Open[n].Places = append(s.Open[n].Places, strings.Trim(l.Cluster+"/"+l.Node, "/"))
	}
	slices.SortStableFunc(s.Open, func(a, b sensorRow) int { return cmp.Compare(b.Count, a.Count) })
	return s
}

// An alertRow is what a rule saw in one place.
type alertRow struct {
	Rule, Where string
	Severity    posture.Severity
	Events      uint64
	Last        time.Time
}

func (in *Input) alertRows() (rows []alertRow, events uint64) {
	for _, t := range in.Alerts {
		where := t.Cluster
		if t.Namespace != "" {
			where += " / " + t.Namespace
		} else {
			where += " (node)"
		}
		var s posture.Severity
		_ = s.UnmarshalText([]byte(t.Severity.String())) // the words are the same; an alert without one has none
		rows = append(rows, alertRow{t.Rule, where, s, t.Events, t.Last})
		events += t.Events
	}
	return rows, events
}
