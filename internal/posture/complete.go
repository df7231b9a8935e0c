package posture

import "slices"

// Complete reports whether the verdict of every check about the cluster is known, and all that the run was to read was read. However
// good the rest is, nobody knows of a run that is not that it is all.
func (c *Cluster) Complete() bool {
	unknown := func(r Result) bool { return r.Verdict == Unknown }
	return len(c.Gaps) == 0 && !slices.ContainsFunc(c.Results, unknown)
}
