package alert

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGaps(t *testing.T) {
	tests := []struct {
		name string
		seqs []uint64
		want []Range
	}{
		{"none", nil, nil},
		{"in order", []uint64{1, 2, 3}, nil},
		{"a hole", []uint64{1, 2, 5}, []Range{{3, 4}}},
		{"the first is missing", []uint64{2}, []Range{{1, 1}}},
		{"out of order", []uint64{3, 1, 2}, nil},
		{"twice", []uint64{1, 1, 3, 3, 2, 2}, nil},
		{"holes", []uint64{10, 2, 6}, []Range{{1, 1}, {3, 5}, {7, 9}}},
		{"zero is no number", []uint64{0, 1}, nil},
		{"the last there is", []uint64{1, math.MaxUint64}, []Range{{2, math.MaxUint64 - 1}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var g Gaps
			for _, s := range tt.seqs {
				g.Seen("n", "b", s)
			}
			if d := cmp.Diff(tt.want, g.Missing("n", "b")); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestGapsTellNewFromRepeat(t *testing.T) {
	var g Gaps
	a := shell()
	if !g.Add(a) || g.Add(a) {
		t.Error("an alert is new once")
	}
	a.BootId = "other"
	if !g.Add(a) {
		t.Error("the same number of another boot is not new")
	}
}

func TestHeartbeatShowsLossAtTheEnd(t *testing.T) {
	var g Gaps
	g.Seen("n1", "b1", 1)
	g.Add(heartbeat()) // last_seq 17
	if d := cmp.Diff([]Range{{2, 17}}, g.Missing("n1", "b1")); d != "" {
		t.Error(d)
	}
	g.From("n1", "b1", 16)
	if d := cmp.Diff([]Range{{16, 17}}, g.Missing("n1", "b1")); d != "" {
		t.Error(d)
	}
	g.Forget("n1", "b1")
	if got := g.Missing("n1", "b1"); got != nil {
		t.Errorf("forgotten, and yet %v", got)
	}
}

// Against the plain way, a set of all numbers.
func TestGapsAgainstSet(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var g Gaps
		set := map[uint64]bool{}
		var last uint64
		for range r.IntN(60) {
			n := 1 + r.Uint64N(50)
			if isNew := g.Seen("n", "b", n); isNew == set[n] {
				t.Fatalf("%d: new %v, seen before %v", n, isNew, set[n])
			}
			set[n] = true
			last = max(last, n)
		}
		missing := map[uint64]bool{}
		for _, gap := range g.Missing("n", "b") {
			for n := gap.First; n <= gap.Last; n++ {
				missing[n] = true
			}
		}
		for n := uint64(1); n <= 51; n++ {
			if want := n <= last && !set[n]; missing[n] != want {
				t.Fatalf("%d: missing %v, want %v", n, missing[n], want)
			}
		}
	}
}

func TestGapsAreBounded(t *testing.T) {
	var g Gaps
	for n := uint64(1); n <= 4*maxRanges; n += 2 {
		g.Seen("n", "b", n)
	}
	missing := uint64(0)
	for _, r := range g.Missing("n", "b") {
		missing += r.Last - r.First + 1
	}
	if len(g.Missing("n", "b")) > maxRanges {
		t.Errorf("remembers %d gaps", len(g.Missing("n", "b")))
	}
	if got, want := missing+g.Lost("n", "b"), uint64(2*maxRanges-1); got != want {
		t.Errorf("%d missing or given up, want %d", got, want)
	}
}
