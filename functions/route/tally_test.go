package route_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/alert"
	"tiercel.dev/functions/route"
	"tiercel.dev/local/scc"
)

// What a period had is told by rule, severity and namespace, without what was before it, and however often it is delivered.
func TestTallies(t *testing.T) {
	w := newWorld(t, scc.Config{})
	r := w.router(nil)
	at := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	send := func(sensor string, seq uint64, thing, namespace string, suppressed uint64, day int) {
		t.Helper()
		a := acted(sensor, seq, thing, alert.High)
		a.Time = alert.Time(at.AddDate(0, 0, day).UnixNano())
		if namespace != "" {
			a.Container, a.Pod = &alert.Container{Id: "x"}, &alert.Pod{Namespace: namespace, Name: "p"}
		}
		if suppressed > 0 {
			a.Suppressed = &alert.Suppressed{Count: suppressed}
		}
		for range 2 {
			if err := r.Handle(t.Context(), message(a)); err != nil {
				t.Fatal(err)
			}
		}
	}
	send("s1", 1, "a", "pay", 0, 0)
	w.later(40 * 24 * time.Hour)
	send("s1", 2, "a", "pay", 4, 38)
	send("s2", 1, "a", "pay", 0, 39)
	send("s1", 3, "b", "", 0, 30)
	send("s1", 4, "b", "", 0, 39)

	got, err := route.Tallies(t.Context(), w.bucket, at.AddDate(0, 0, 35))
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		got[i].Last = time.Time{}
	}
	want := []route.Tally{
		{Rule: "r", Severity: alert.High, Project: "p", Location: "l", Cluster: "c", Namespace: "pay", Events: 6, Findings: 2},
		{Rule: "r", Severity: alert.High, Project: "p", Location: "l", Cluster: "c", Events: 1, Findings: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
