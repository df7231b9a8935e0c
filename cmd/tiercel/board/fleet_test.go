package board

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"tiercel.dev/internal/posture"
)

// Days on which nothing changes pass in silence: between their lines nobody would find an alert.
func TestQuietDays(t *testing.T) {
	at := posture.Resource{Project: "p", Location: "europe-west1", Cluster: "shop"}
	b := New(time.Now())
	var told []int
	for i, verdict := range []posture.Verdict{posture.Fail, posture.Fail, posture.Fail, posture.Pass, posture.Pass} {
		told = append(told, len(b.Fleet(Fleet{
			Now: time.Now(), Run: strconv.Itoa(i), Checks: map[string]posture.Check{"A": {ID: "A", Title: "Alpha holds"}},
			Clusters: []posture.Cluster{{Resource: at, Results: []posture.Result{{ID: "a", Check: "A", Resource: at, Verdict: verdict, Severity: posture.High}}}},
		})))
	}
	if want := []int{1, 0, 0, 2, 0}; !slices.Equal(told, want) {
		t.Errorf("lines of each day: %v, want %v", told, want)
	}
}

// What is told as fixed was told when it came: of results that are there for information alone nobody hears either.
func TestFixedWasFound(t *testing.T) {
	at := posture.Resource{Project: "p", Location: "europe-west1", Cluster: "shop"}
	checks := map[string]posture.Check{"A": {ID: "A", Title: "Alpha holds"}, "B": {ID: "B", Title: "Beta holds"}}
	b := New(time.Now())
	run := func(name string, alpha, beta posture.Verdict) (news []string) {
		f := Fleet{Now: time.Now(), Run: name, Checks: checks, Clusters: []posture.Cluster{{Resource: at, Results: []posture.Result{
			{ID: "a", Check: "A", Resource: at, Verdict: alpha, Severity: posture.High},
			{ID: "b", Check: "B", Resource: at, Verdict: beta, Severity: posture.Info},
		}}}}
		for _, line := range b.Fleet(f) {
			if strings.Contains(line, "holds") {
				news = append(news, line[strings.Index(line, ": ")+2:])
			}
		}
		return news
	}
	for _, tt := range []struct {
		name        string
		alpha, beta posture.Verdict
		want        []string
	}{
		{"first", posture.Pass, posture.Pass, nil},
		{"second", posture.Fail, posture.Warn, []string{"new HIGH: Alpha holds"}},
		{"third", posture.Pass, posture.Pass, []string{"fixed: Alpha holds"}},
	} {
		if got := run(tt.name, tt.alpha, tt.beta); !slices.Equal(got, tt.want) {
			t.Errorf("%s run: %q", tt.name, got)
		}
	}
}
