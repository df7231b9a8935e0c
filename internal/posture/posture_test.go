package posture

import (
	"encoding/json"
	"testing"
)

func TestSeverityIsAWord(t *testing.T) {
	out, err := json.Marshal(Result{Severity: Critical})
	if err != nil {
		t.Fatal(err)
	}
	var r Result
	if err := json.Unmarshal(out, &r); err != nil || r.Severity != Critical {
		t.Errorf("%s: %v, %v", out, r.Severity, err)
	}
	if err := json.Unmarshal([]byte(`{"severity":"SEVERE"}`), &r); err == nil {
		t.Error("SEVERE is read")
	}
}

// A run is whole without what is withheld on purpose, and without nothing else.
func TestComplete(t *testing.T) {
	withheld := Result{Verdict: Unknown, Withheld: true}
	for _, tt := range []struct {
		c    Cluster
		want bool
	}{
		{Cluster{}, true},
		{Cluster{Results: []Result{{Verdict: Fail}, {Verdict: Excepted}, withheld}, Gaps: []Gap{{Part: "a", Withheld: true}}}, true},
		{Cluster{Results: []Result{withheld, {Verdict: Unknown}}}, false},
		{Cluster{Gaps: []Gap{{Part: "a", Withheld: true}, {Part: "b"}}}, false},
	} {
		if got := tt.c.Complete(); got != tt.want {
			t.Errorf("%+v: %v", tt.c, got)
		}
	}
	score := ScoreOf([]Result{withheld, {Verdict: Unknown}, {Check: "A", Verdict: Pass, Severity: High}}, nil)
	sum := score.Add(score)
	if sum.Verdicts[Unknown] != 4 || sum.Withheld != 2 || sum.Of != 2*Weights[High] {
		t.Errorf("%+v", sum)
	}
}

// Parts of a name must not flow into each other: who may choose two of them could make an id that is another's.
func TestIDTellsApart(t *testing.T) {
	seen := map[string]Resource{}
	for _, r := range []Resource{
		{Project: "p", Location: "l", Cluster: "c"}, {Project: "p", Location: "l", Cluster: "c", Pool: "x"},
		{Project: "p", Location: "l", Cluster: "c", Namespace: "ab", Name: "c"}, {Project: "p", Location: "l", Cluster: "c", Namespace: "a", Name: "bc"},
		{Project: "p", Location: "l", Cluster: "c", Kind: "x"},
	} {
		id := ID("A", r)
		if other, ok := seen[id]; ok || len(id) != 32 {
			t.Errorf("%v and %v have %s", r, other, id)
		}
		seen[id] = r
	}
	if ID("A", Resource{}) == ID("B", Resource{}) {
		t.Error("the check is not in the id")
	}
}

func TestResourceReads(t *testing.T) {
	for want, r := range map[string]Resource{
		"p": {Project: "p"}, "c": {Project: "p", Cluster: "c"}, "c/pool x": {Cluster: "c", Pool: "x"},
		"c/RoleBinding n/b": {Cluster: "c", Kind: "RoleBinding", Namespace: "n", Name: "b"},
	} {
		if got := r.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
