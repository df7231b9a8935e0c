package harden

import (
	"context"
	"slices"

	"tiercel.dev/alert"
	"tiercel.dev/internal/posture"
)

// tellFailed logs once for each check how often it could not be evaluated, and why the first time: that is for who wrote it.
func (w *Worker) tellFailed(ctx context.Context, record *posture.Cluster) {
	times, first := map[string]int{}, map[string]posture.Result{}
	var checks []string
	for _, r := range record.Results {
		if !r.Failed {
			continue
		}
		if times[r.Check]++; times[r.Check] == 1 {
			checks, first[r.Check] = append(checks, r.Check), r
		}
	}
	slices.Sort(checks)
	for _, id := range checks {
		w.cfg.Log.ErrorContext(ctx, "check not evaluated", "cluster", record.Resource.ClusterName(), "check", id, "times", times[id],
			"resource", alert.Escape(first[id].Resource.String()), "err", alert.Escape(first[id].Reason))
	}
}
