package harden

import (
	"fmt"
	"slices"

	"tiercel.dev/internal/posture"
)

// maxResults bounds the results of one check about one cluster. A cluster may have ten thousand workloads that fail alike: whoever
// mends them needs to know that, and not each by its name, and Security Command Center takes 1,000 findings a minute of all.
const maxResults = 200

// partResults is the part of a gap in a check's results, with "/" and its id behind it.
const partResults = "results"

// bound leaves of each check's results the first, and says in a gap what was left out: what has no result then is not in order.
func bound(record *posture.Cluster) {
	counts := map[string]int{}
	record.Results = slices.DeleteFunc(record.Results, func(r posture.Result) bool {
		counts[r.Check]++
		return counts[r.Check] > maxResults
	})
	var over []string
	for check, n := range counts {
		if n > maxResults {
			over = append(over, check)
		}
	}
	slices.Sort(over)
	for _, check := range over {
		record.Gaps = append(record.Gaps, posture.Gap{
			Part: partResults + "/" + check, Call: "judge", Error: fmt.Sprintf("%d results, of which the first %d are kept", counts[check], maxResults),
			Fix: "mend what is listed, and see the others in the next run; tiercel harden shows all",
		})
	}
}
