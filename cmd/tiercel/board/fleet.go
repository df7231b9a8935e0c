package board

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/protobuf/proto"

	"tiercel.dev/alert"
	"tiercel.dev/internal/posture"
)

// Fleet is how clusters are, as the scheduled functions last said.
type Fleet struct {
	Now       time.Time // by the clock that the functions go by
	Sample    bool      // the clusters are simulated
	Run       string    // of the checks, that the clusters are of
	Checks    map[string]posture.Check
	Clusters  []posture.Cluster
	Upgrades  []posture.Upgrade
	Rotations []posture.Rotation
	Mails     []Mail
}

// A Mail is one that the functions sent.
type Mail struct {
	Number  int    `json:"number"`
	Time    string `json:"time"`
	Subject string `json:"subject"`
	To      string `json:"to"`
}

// maxResults bounds what a page shows of a fleet's results; the worst come first.
const maxResults = 300

// A follower remembers of a fleet what no record says: what changed from one run to the next, and through which states rotations
// went.
type follower struct {
	run   string
	state posture.State
	mark  map[string]string // of results, by id: "new", "regressed"
	fixed []posture.Change
	score float64 // of this run
	prior float64 // of the run before, as many percent
	runs  int
	mails int    // the number of the last
	said  string // how hardening stood when it was last told
	steps map[posture.Resource][]step
}

type step struct {
	State string `json:"state"`
	At    string `json:"at"`
}

// Fleet takes how clusters are, and returns what is new of them, a line each.
func (b *Board) Fleet(f Fleet) (news []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	news = b.follower.take(f)
	text := encode(b.follower.view(f))
	if string(text) == string(b.fleet) {
		return news
	}
	b.fleet = text
	b.changes.add("fleet", text)
	return news
}

// Beside takes a finding that is not of an alert of this run's: it is shown, and counted nowhere.
func (b *Board) Beside(f *sccpb.Finding) {
	b.mu.Lock()
	defer b.mu.Unlock()
	row := findingRow(f)
	b.findings.put(f.Name, f, proto.Size(f), row)
	b.changes.add("finding", row)
}

func (w *follower) take(f Fleet) (news []string) {
	if w.steps == nil {
		w.steps = map[posture.Resource][]step{}
	}
	for _, r := range f.Rotations {
		steps := w.steps[r.Resource]
		if len(steps) == 0 || steps[len(steps)-1].State != r.State {
			w.steps[r.Resource] = append(steps, step{r.State, stamp(r.Since)})
			if len(steps) > 0 {
				news = append(news, fmt.Sprintf("credentials of %s: %s", shown(r.Resource.Cluster), r.State))
			}
		}
	}
	for _, m := range f.Mails {
		if m.Number > w.mails {
			news = append(news, "mail to "+shown(m.To)+": "+shown(m.Subject))
		}
	}
	for _, m := range f.Mails {
		w.mails = max(w.mails, m.Number)
	}
	if f.Run == "" || f.Run == w.run {
		return news
	}
	var d posture.Difference
	d, w.state = w.state.Compare(f.Now, f.Clusters, nil, f.Checks)
	w.mark, w.fixed = map[string]string{}, d.Fixed
	if w.runs > 0 {
		for _, c := range d.New {
			w.mark[c.ID] = "new"
			if c.Severity == posture.Info {
				continue
			}
			news = append(news, fmt.Sprintf("%s: new %s: %s", shown(c.Resource.String()), c.Severity, shown(f.Checks[c.Check].Title)))
		}
		for _, c := range d.Fixed {
			if c.Severity == posture.Info { // nobody was told of it when it came
				continue
			}
			news = append(news, fmt.Sprintf("%s: fixed: %s", shown(c.Resource.String()), shown(f.Checks[c.Check].Title)))
		}
		for _, c := range d.Regressed {
			w.mark[c.ID] = "regressed"
		}
	}
	var sum posture.Score
	for _, c := range f.Clusters {
		sum = sum.Add(posture.ScoreOf(c.Results, f.Checks))
	}
	w.prior = w.score
	w.score, _ = sum.Value()
	w.run, w.runs = f.Run, w.runs+1
	stands := fmt.Sprintf("hardening of %d clusters: score %.0f, %d to put right", len(f.Clusters), w.score, sum.Verdicts[posture.Fail]+sum.Verdicts[posture.Warn])
	if stands != w.said { // a simulated day passes in seconds, and most change nothing
		w.said = stands
		news = append(news, stands)
	}
	return news
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

type fleetView struct {
	Sample    bool          `json:"sample"`
	Run       string        `json:"run"`
	Score     float64       `json:"score"`
	Before    *float64      `json:"before"` // null before the second run
	Clusters  []clusterRow  `json:"clusters"`
	Results   []resultRow   `json:"results"`
	Open      int           `json:"open"` // results that fail or warn, those not shown too
	Rotations []rotationRow `json:"rotations"`
	Mails     []Mail        `json:"mails"`
}

func (w *follower) view(f Fleet) fleetView {
	v := fleetView{Sample: f.Sample, Run: f.Run, Score: w.score, Clusters: []clusterRow{}, Results: []resultRow{}, Rotations: []rotationRow{}, Mails: []Mail{}}
	if w.runs > 1 {
		v.Before = &w.prior
	}
	var all []resultRow
	for _, c := range w.fixed {
		all = append(all, resultOf(c.Result, f.Checks[c.Check], "fixed"))
	}
	for _, c := range f.Clusters {
		v.Clusters = append(v.Clusters, clusterOf(c, f))
		for _, r := range c.Results {
			switch r.Verdict {
			case posture.Fail, posture.Warn, posture.Unknown, posture.Excepted:
				all = append(all, resultOf(r, f.Checks[r.Check], w.mark[r.ID]))
			}
			if r.Open() {
				v.Open++
			}
		}
	}
	slices.SortStableFunc(all, func(x, y resultRow) int {
		return cmp.Or(cmp.Compare(places[x.Mark], places[y.Mark]), cmp.Compare(y.rank, x.rank))
	})
	v.Results = append(v.Results, all[:min(len(all), maxResults)]...)
	for _, r := range f.Rotations {
		v.Rotations = append(v.Rotations, rotationOf(r, w.steps[r.Resource]))
	}
	for _, m := range f.Mails {
		m.Subject, m.To = shown(m.Subject), shown(m.To)
		v.Mails = append(v.Mails, m)
	}
	return v
}

// places are where results stand by what changed of them: what came, then what went.
var places = map[string]int{"regressed": 0, "new": 0, "fixed": 1, "": 2}

type clusterRow struct {
	Name     string   `json:"name"`
	Score    *float64 `json:"score"`
	Open     [4]int   `json:"open"`    // critical, high, medium, low
	Unknown  int      `json:"unknown"` // but for those that are so on purpose
	Version  string   `json:"version"`
	Target   string   `json:"target"`
	CADays   *int     `json:"ca_days"`
	Network  *int     `json:"network"` // percent of pods that policies reach
	Rotation string   `json:"rotation"`
}

func clusterOf(c posture.Cluster, f Fleet) clusterRow {
	s := posture.ScoreOf(c.Results, f.Checks)
	row := clusterRow{Name: shown(c.Resource.Cluster), Unknown: s.Verdicts[posture.Unknown] - s.Withheld, Version: shown(c.Version)}
	if value, ok := s.Value(); ok {
		row.Score = &value
	}
	for i, severity := range []posture.Severity{posture.Critical, posture.High, posture.Medium, posture.Low} {
		row.Open[i] = s.Open[severity]
	}
	if c.CA != nil {
		days := int(c.CA.NotAfter.Sub(f.Now) / (24 * time.Hour))
		row.CADays = &days
	}
	if c.Network != nil && c.Network.Pods > 0 {
		percent := 100 * c.Network.Covered / c.Network.Pods
		row.Network = &percent
	}
	for _, u := range f.Upgrades {
		if u.Resource == c.Resource {
			row.Target = shown(cmp.Or(u.Control.MinorTarget, u.Control.PatchTarget))
		}
	}
	for _, r := range f.Rotations {
		if r.Resource == c.Resource {
			row.Rotation = r.State
		}
	}
	return row
}

type resultRow struct {
	ID         string   `json:"id"`
	Severity   string   `json:"severity"`
	Verdict    string   `json:"verdict"`
	Mark       string   `json:"mark"` // "new", "fixed", "regressed" since the run before
	Check      string   `json:"check"`
	Title      string   `json:"title"`
	Place      string   `json:"place"`
	Reason     string   `json:"reason"`
	Why        string   `json:"why"`
	Evidence   []Pair   `json:"evidence"`
	Commands   []string `json:"commands"`
	Fix        string   `json:"fix"`
	Disruption string   `json:"disruption"`
	Benchmarks string   `json:"benchmarks"`

	rank int
}

func resultOf(r posture.Result, c posture.Check, mark string) resultRow {
	row := resultRow{
		ID: r.ID, Severity: r.Severity.String(), Verdict: string(r.Verdict), Mark: mark, Check: r.Check, Title: shown(c.Title), Place: shown(r.Resource.String()),
		Reason: shown(r.Reason), Why: shown(c.Why), Evidence: []Pair{}, Commands: []string{}, rank: int(r.Severity),
	}
	if r.Withheld {
		row.Reason = "on purpose: " + row.Reason
	}
	for _, e := range r.Evidence {
		row.Evidence = append(row.Evidence, Pair{Name: shown(e.Path), Value: shown(e.Value)})
	}
	if r.Fix != nil {
		row.Fix, row.Disruption = shown(r.Fix.Text), r.Fix.Disruption
		for _, command := range r.Fix.Commands {
			row.Commands = append(row.Commands, alert.Escape(command))
		}
	}
	var benchmarks []string
	for _, b := range c.Benchmarks {
		benchmarks = append(benchmarks, b.Standard+" "+b.Version+": "+strings.Join(b.IDs, ", "))
	}
	row.Benchmarks = shown(strings.Join(benchmarks, "; "))
	return row
}

type rotationRow struct {
	Cluster   string   `json:"cluster"`
	State     string   `json:"state"`
	Reason    string   `json:"reason"`
	Next      string   `json:"next"`
	Steps     []step   `json:"steps"`
	Blockers  []string `json:"blockers"`
	Deadlines []Pair   `json:"deadlines"`
}

func rotationOf(r posture.Rotation, steps []step) rotationRow {
	row := rotationRow{
		Cluster: shown(r.Resource.Cluster), State: r.State, Reason: shown(r.Reason), Next: shown(r.Next), Steps: slices.Clone(steps),
		Blockers: []string{}, Deadlines: []Pair{},
	}
	for _, b := range r.Blockers {
		row.Blockers = append(row.Blockers, shown(b.What))
	}
	for _, d := range r.Deadlines {
		row.Deadlines = append(row.Deadlines, Pair{Name: d.Time.UTC().Format(time.DateOnly), Value: shown(d.What)})
	}
	return row
}

// fleetText is the fleet as a snapshot has it: null before anything is known of one. b.mu is held.
func (b *Board) fleetText() json.RawMessage {
	if b.fleet == nil {
		return json.RawMessage("null")
	}
	return b.fleet
}
