package posture

import "maps"

// Weights are how much a check counts in a score, by its severity. They are fixed, so that scores of different days and companies
// mean the same; reports print them.
var Weights = map[Severity]float64{Critical: 20, High: 10, Medium: 4, Low: 1, Info: 0}

// A Score says how much of what was asked is as it should be: Points of Of. A check counts once in a cluster, by its own
// severity's weight, however many pools and objects it is about: its credit is their mean, one for PASS, a half for WARN, none for
// FAIL. What is UNKNOWN or EXCEPTED is in neither number, and counted beside them; MANAGED and N/A are in neither.
type Score struct {
	Points float64 `json:"points"`
	Of     float64 `json:"of"`
	// Verdicts counts all, and Open those that fail or warn by their severity.
	Verdicts map[Verdict]int  `json:"verdicts,omitempty"`
	Open     map[Severity]int `json:"open,omitempty"`
	// Withheld counts those of UNKNOWN that are so on purpose.
	Withheld int `json:"withheld,omitempty"`
}

// Value is the score in percent; false if nothing could be decided.
func (s Score) Value() (float64, bool) {
	if s.Of == 0 {
		return 0, false
	}
	return 100 * s.Points / s.Of, true
}

// Add is the score of both.
func (s Score) Add(o Score) Score {
	sum := Score{Points: s.Points + o.Points, Of: s.Of + o.Of, Verdicts: maps.Clone(s.Verdicts), Open: maps.Clone(s.Open),
		Withheld: s.Withheld + o.Withheld}
	if sum.Verdicts == nil {
		sum.Verdicts, sum.Open = map[Verdict]int{}, map[Severity]int{}
	}
	for v, n := range o.Verdicts {
		sum.Verdicts[v] += n
	}
	for v, n := range o.Open {
		sum.Open[v] += n
	}
	return sum
}

// credits are what verdicts are worth; others say nothing of how things are.
var credits = map[Verdict]float64{Pass: 1, Warn: 0.5, Fail: 0}

// ScoreOf is the score of one cluster's results. A check that is not among the given ones has the severity of its worst result,
// as far as that is known.
func ScoreOf(results []Result, checks map[string]Check) Score {
	type sum struct {
		credit float64
		n      int
		worst  Severity
	}
	s := Score{Verdicts: map[Verdict]int{}, Open: map[Severity]int{}}
	sums := map[string]*sum{}
	var order []string // of the sums: floating point adds differently in another
	for _, r := range results {
		s.Verdicts[r.Verdict]++
		if r.Open() {
			s.Open[r.Severity]++
		}
		if r.Verdict == Unknown && r.Withheld {
			s.Withheld++
		}
		credit, decided := credits[r.Verdict]
		if !decided {
			continue
		}
		c := sums[r.Check]
		if c == nil {
			c = new(sum)
			sums[r.Check] = c
			order = append(order, r.Check)
		}
		c.credit, c.n, c.worst = c.credit+credit, c.n+1, max(c.worst, r.Severity)
	}
	for _, id := range order {
		c := sums[id]
		weight := Weights[c.worst]
		if check, known := checks[id]; known {
			weight = Weights[check.Severity]
		}
		s.Points += weight * c.credit / float64(c.n)
		s.Of += weight
	}
	return s
}

// Open reports whether a result is something to be done.
func (r Result) Open() bool { return r.Verdict == Fail || r.Verdict == Warn }
