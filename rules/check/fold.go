package check

import (
	"cmp"
	"fmt"
	"slices"

	"tiercel.dev/internal/posture"
)

// unread judges a check whose set could not be read: it may not apply all the same.
func (j judging) unread(c *Check, gap *posture.Gap) posture.Result {
	sc, err := j.without(c.Each, gap)
	if err != nil {
		return failed(c, j.world.Resource, err)
	}
	r := j.verdict(c, sc)
	if r.Verdict == posture.NA || r.Verdict == posture.Managed {
		return r
	}
	return doubted(c, j.world.Resource, doubtOf(c.Each, gap))
}

// fold leaves of results those that are not in order, or makes one of all.
func (j judging) fold(c *Check, all []posture.Result) []posture.Result {
	counts := map[posture.Verdict]int{}
	var bad []posture.Result
	for _, r := range all {
		counts[r.Verdict]++
		if !inOrder(r) {
			bad = append(bad, r)
		}
	}
	if len(bad) > 0 {
		return bad
	}
	verdict := posture.NA
	for _, v := range []posture.Verdict{posture.Managed, posture.Pass} {
		if counts[v] > 0 {
			verdict = v
		}
	}
	r := result(c, j.world.Resource, verdict, "")
	r.Reason = fmt.Sprintf("%s: %d in order", c.Each, counts[posture.Pass])
	for v, text := range map[posture.Verdict]string{posture.Managed: "managed by Google", posture.NA: "of no concern here"} {
		if counts[v] > 0 {
			r.Evidence = append(r.Evidence, posture.Evidence{Path: text, Value: fmt.Sprint(counts[v])})
		}
	}
	slices.SortFunc(r.Evidence, func(a, b posture.Evidence) int { return cmp.Compare(a.Path, b.Path) })
	return []posture.Result{r}
}

func compare(a, b posture.Resource) int {
	return cmp.Or(cmp.Compare(a.Pool, b.Pool), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
}
