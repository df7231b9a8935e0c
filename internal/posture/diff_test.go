package posture

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var monday = time.Date(2026, 11, 23, 6, 0, 0, 0, time.UTC)

// world makes clusters with random verdicts of the same few checks and resources.
func world(r *rand.Rand) (clusters []Cluster, checks map[string]Check) {
	checks = map[string]Check{}
	for i := range 6 {
		id := fmt.Sprint("C", i)
		checks[id] = Check{ID: id, Severity: Severity(1 + i%5)}
	}
	for c := range r.IntN(4) {
		of := Resource{Project: "p", Location: "l", Cluster: fmt.Sprint("c", c)}
		cluster := Cluster{Resource: of}
		for _, id := range slices.Sorted(maps.Keys(checks)) {
			for pool := range r.IntN(3) {
				of.Pool = fmt.Sprint("p", pool)
				v := Verdicts[r.IntN(len(Verdicts))]
				cluster.Results = append(cluster.Results, Result{
					ID: ID(id, of), Check: id, Resource: of, Verdict: v, Severity: checks[id].Severity, Reason: "because",
				})
			}
		}
		clusters = append(clusters, cluster)
	}
	return clusters, checks
}

func ids(lists ...[]Change) map[string]int {
	all := map[string]int{}
	for _, l := range lists {
		for _, c := range l {
			all[c.ID]++
		}
	}
	return all
}

// Whatever happens from run to run, each open result is told once, each that was open is answered for once, and what nobody could
// look at is never told for fixed.
func TestEveryResultIsAnsweredFor(t *testing.T) {
	for seed := range uint64(2_000) {
		r := rand.New(rand.NewPCG(seed, 1))
		s := State{}
		for day := range 6 {
			clusters, checks := world(r)
			var gone []Resource
			for _, c := range s.Clusters {
				there := slices.ContainsFunc(clusters, func(o Cluster) bool { return o.Resource == c })
				if !there && r.IntN(2) == 0 {
					gone = append(gone, c)
				}
			}
			d, next := s.Compare(monday.AddDate(0, 0, 7*day), clusters, gone, checks)
			check(t, s, next, d, clusters)
			again, _ := next.Compare(monday.AddDate(0, 0, 7*day+1), clusters, nil, checks)
			if n := len(again.New) + len(again.Regressed) + len(again.Fixed) + len(again.Accepted) + len(again.Appeared); n != 0 {
				t.Fatalf("seed %d: the same again has %d changes", seed, n)
			}
			s = next
		}
	}
}

func check(t *testing.T, s, next State, d Difference, clusters []Cluster) {
	t.Helper()
	open, unknown := map[string]int{}, map[string]bool{}
	for _, c := range clusters {
		for _, r := range c.Results {
			if r.Open() {
				open[r.ID] = 1
			}
			unknown[r.ID] = r.Verdict == Unknown
		}
	}
	if diff := cmp.Diff(open, ids(d.New, d.Regressed, d.Open)); diff != "" {
		t.Fatalf("open (-is +told):\n%s", diff)
	}
	was := map[string]int{}
	for id, seen := range s.Seen {
		if seen.Fixed.IsZero() && !seen.Excepted {
			was[id] = 1
		}
	}
	if diff := cmp.Diff(was, ids(d.Open, d.Fixed, d.Accepted, d.Unverified, d.Gone)); diff != "" {
		t.Fatalf("was open (-was +answered):\n%s", diff)
	}
	for _, c := range d.Fixed {
		if unknown[c.ID] {
			t.Fatalf("%s is unknown, and told for fixed", c.ID)
		}
	}
	for _, c := range d.Unverified {
		if c.Note == "" || !next.Seen[c.ID].Fixed.IsZero() {
			t.Fatalf("unverified without a reason, or forgotten: %+v", c)
		}
	}
}

func one(v Verdict, reason string) []Cluster {
	of := Resource{Project: "p", Location: "l", Cluster: "c"}
	return []Cluster{{Resource: of, Results: []Result{{ID: "1", Check: "A", Resource: of, Verdict: v, Severity: High, Reason: reason}}}}
}

func TestWhatIsSaidOfOne(t *testing.T) {
	checks := map[string]Check{"A": {ID: "A"}}
	for _, c := range []struct {
		name     string
		runs     [][]Cluster
		gone     bool
		in, note string
	}{
		{"first", [][]Cluster{one(Fail, "")}, false, "new", ""},
		{"still", [][]Cluster{one(Fail, ""), one(Warn, "")}, false, "open", ""},
		{"fixed", [][]Cluster{one(Fail, ""), one(Pass, "")}, false, "fixed", ""},
		{"regressed", [][]Cluster{one(Fail, ""), one(Pass, ""), one(Fail, "")}, false, "regressed", ""},
		{"unknown", [][]Cluster{one(Fail, ""), one(Unknown, "no permission")}, false, "unverified", "no permission"},
		{"unknown and still", [][]Cluster{one(Fail, ""), one(Unknown, "no"), one(Fail, "")}, false, "open", ""},
		{"cluster unreachable", [][]Cluster{one(Fail, ""), nil}, false, "unverified", "the cluster could not be looked at"},
		{"cluster gone", [][]Cluster{one(Fail, ""), nil}, true, "gone", "the cluster is no more"},
		{"accepted", [][]Cluster{one(Fail, ""), one(Excepted, "")}, false, "accepted", ""},
		{"exception ended", [][]Cluster{one(Excepted, ""), one(Fail, "")}, false, "new", "its exception has ended"},
		{"managed", [][]Cluster{one(Fail, ""), one(Managed, "")}, false, "fixed", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s State
			var d Difference
			for i, run := range c.runs {
				var gone []Resource
				if c.gone && run == nil {
					gone = []Resource{one(Fail, "")[0].Resource}
				}
				d, s = s.Compare(monday.AddDate(0, 0, 7*i), run, gone, checks)
			}
			got := map[string][]Change{
				"new": d.New, "open": d.Open, "fixed": d.Fixed, "regressed": d.Regressed, "unverified": d.Unverified, "gone": d.Gone,
				"accepted": d.Accepted,
			}
			if list := got[c.in]; len(list) != 1 || list[0].Note != c.note {
				t.Errorf("%+v", d)
			}
		})
	}
}

func value(t *testing.T, results []Result, checks map[string]Check) float64 {
	t.Helper()
	v, ok := ScoreOf(results, checks).Value()
	if ok && (v < 0 || v > 100 || math.IsNaN(v)) {
		t.Fatalf("score %v", v)
	}
	return v
}

func TestScore(t *testing.T) {
	for seed := range uint64(2_000) {
		r := rand.New(rand.NewPCG(seed, 2))
		clusters, checks := world(r)
		for _, c := range clusters {
			was := value(t, c.Results, checks)
			for i := range c.Results {
				better := slices.Clone(c.Results)
				if better[i].Verdict != Fail && better[i].Verdict != Warn {
					continue
				}
				better[i].Verdict = Pass
				if now := value(t, better, checks); now < was-1e-9 {
					t.Fatalf("seed %d: fixing %s lowers the score from %v to %v", seed, better[i].Check, was, now)
				}
			}
			without := slices.DeleteFunc(slices.Clone(c.Results), func(r Result) bool { _, in := credits[r.Verdict]; return !in })
			if now := value(t, without, checks); now != was {
				t.Fatalf("seed %d: what says nothing counts: %v and %v", seed, was, now)
			}
		}
	}
}

func TestScoreOfNothingIsNone(t *testing.T) {
	s := ScoreOf(one(Unknown, "")[0].Results, nil)
	if v, ok := s.Value(); ok || s.Verdicts[Unknown] != 1 {
		t.Errorf("%v, %+v", v, s)
	}
	if v, ok := s.Add(ScoreOf(one(Pass, "")[0].Results, nil)).Value(); !ok || v != 100 {
		t.Errorf("with a pass %v", v)
	}
}
