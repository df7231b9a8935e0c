package posture

// UnknownOf counts the results that nobody could find out, and of those the ones whose check could not be evaluated. A run that has
// one of either is incomplete: however good the rest is, nobody knows that it is all.
func UnknownOf(results []Result) (unknown, failed int) {
	for _, r := range results {
		if r.Verdict == Unknown {
			unknown++
		}
		if r.Failed {
			failed++
		}
	}
	return unknown, failed
}

// Complete reports whether the verdict of every check about the cluster is known, and all that the run was to read was read.
func (c *Cluster) Complete() bool {
	unknown, _ := UnknownOf(c.Results)
	return unknown == 0 && len(c.Gaps) == 0
}
