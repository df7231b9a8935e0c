package posture

import "slices"

// Complete reports whether the verdict of every check about the cluster is known, and all that the run was to read was read, but for
// what is withheld on purpose. However good the rest is, nobody knows of a run that is not that it is all.
func (c *Cluster) Complete() bool {
	failed := func(g Gap) bool { return !g.Withheld }
	open := func(r Result) bool { return r.Verdict == Unknown && !r.Withheld }
	return !slices.ContainsFunc(c.Gaps, failed) && !slices.ContainsFunc(c.Results, open)
}
