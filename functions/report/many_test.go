package report_test

import (
	"fmt"
	"testing"
	"time"

	"tiercel.dev/functions/report"
	"tiercel.dev/functions/report/sample"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/race"
	"tiercel.dev/internal/schedule"
)

// A run of two thousand clusters is read whole from the bucket, in the order of their names: pages of lists end in between, and one
// record that is broken is a problem that is told, and no end of the report.
func TestCollectsTwoThousandClusters(t *testing.T) {
	if testing.Short() {
		t.Skip("writes two thousand records")
	}
	race.Skip(t, "the report of a dozen clusters reads its records at once, too, and two thousand take minutes")
	const many = 2000
	w := newWorld(t)
	due := sample.Monday(0)
	run := schedule.RunAt(due.Add(-time.Hour))
	m := schedule.Manifest{Run: run, Checks: []posture.Check{{ID: "A", Severity: posture.High}}}
	for i := range many {
		at := posture.Resource{Project: fmt.Sprintf("p%02d", i%50), Location: "europe-west1", Cluster: fmt.Sprintf("c%04d", i)}
		m.Clusters = append(m.Clusters, at)
		c := posture.Cluster{Run: due.Format(time.RFC3339), Time: due, Resource: at}
		for n := range 90 {
			of := at
			of.Pool = fmt.Sprint("pool-", n)
			c.Results = append(c.Results, posture.Result{ID: posture.ID("A", of), Check: "A", Resource: of, Verdict: posture.Pass, Reason: "the pool is as it should be"})
		}
		w.put(schedule.Harden.Record(run, at), c)
	}
	w.put(schedule.Harden.Manifest(run), m)
	broken := schedule.Harden.Record(run, posture.Resource{Project: "p99", Location: "europe-west1", Cluster: "broken"})
	w.put(broken, []byte("{"))
	in, err := report.Collect(t.Context(), w.bucket, due, "v0.9.0")
	if err != nil {
		t.Fatal(err)
	}
	if len(in.Clusters) != many || len(in.Absent) != 0 {
		t.Fatalf("%d clusters, %d without a record", len(in.Clusters), len(in.Absent))
	}
	for i, c := range in.Clusters {
		if len(c.Results) != 90 || i > 0 && c.Resource.ClusterName() <= in.Clusters[i-1].Resource.ClusterName() {
			t.Fatalf("cluster %d is %s with %d results", i, c.Resource.ClusterName(), len(c.Results))
		}
	}
	told := 0
	for _, p := range in.Problems {
		if len(p) > len(broken) && p[:len(broken)] == broken {
			told++
		}
	}
	if told != 1 {
		t.Errorf("of the broken record: %q", in.Problems)
	}
}
