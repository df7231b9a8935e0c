package check

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"cel.dev/cel-go/common/types"

	"tiercel.dev/internal/posture"
)

// Judge comes to the verdicts of all checks about one cluster, in the order of the checks, and within one by resource. Exceptions
// may be nil.
//
// A check about each of a set has a result for each item that is not in order: FAIL, WARN, UNKNOWN, EXCEPTED. If there is none, it
// has one result about the cluster, which says how many were looked at. So an item that had a result and has none any more is
// in order, or is gone, unless the check has an UNKNOWN about the cluster. Pools are few: each of them has its result always.
func Judge(ctx context.Context, w *World, s *Set, exceptions *Exceptions, now time.Time) []posture.Result {
	sc, err := newScene(ctx, w, s, now)
	j := judging{scene: sc, err: err}
	var out []posture.Result
	for _, c := range s.checks {
		results := j.check(c)
		for i := range results {
			exceptions.apply(&results[i], now)
		}
		out = append(out, results...)
	}
	return out
}

type judging struct {
	*scene
	err   error
	trace func(c *Check, verdict int) // told which of a check's verdicts decided; tests ask
}

func (j judging) check(c *Check) []posture.Result {
	if j.err != nil {
		return []posture.Result{failed(c, j.world.Resource, j.err)}
	}
	if c.Each == ofCluster {
		return []posture.Result{j.verdict(c, j.scene)}
	}
	items, read := j.world.Sets[c.Each]
	gap := j.world.Unknown[c.Each]
	if !read && gap == nil {
		gap = &posture.Gap{Part: c.Each, Error: "was not read"}
	}
	if gap != nil && len(items) == 0 {
		return []posture.Result{j.unread(c, gap)}
	}
	items = slices.Clone(items)
	slices.SortStableFunc(items, func(a, b Item) int { return compare(a.Resource, b.Resource) })
	var all []posture.Result
	for _, it := range items {
		sc, err := j.of(c.Each, it)
		if err != nil {
			all = append(all, failed(c, it.Resource, err))
			continue
		}
		all = append(all, j.verdict(c, sc))
	}
	if len(all) == 0 {
		return []posture.Result{result(c, j.world.Resource, posture.NA, fmt.Sprintf("there is no %s", c.Each))}
	}
	if c.Each == poolSet {
		return all
	}
	if gap == nil {
		return j.fold(c, all)
	}
	// Part of the set was read: what is wrong there is so whatever the rest holds.
	bad := slices.DeleteFunc(all, inOrder)
	if rest := j.unread(c, gap); rest.Verdict == posture.Unknown {
		return append(bad, rest)
	} else if len(bad) == 0 {
		return []posture.Result{rest}
	}
	return bad
}

func inOrder(r posture.Result) bool {
	return r.Verdict == posture.Pass || r.Verdict == posture.Managed || r.Verdict == posture.NA
}

func result(c *Check, r posture.Resource, v posture.Verdict, reason string) posture.Result {
	return posture.Result{ID: posture.ID(c.ID, r), Check: c.ID, Resource: r, Verdict: v, Reason: reason}
}

// failed is the result of a check that could not be evaluated.
func failed(c *Check, r posture.Resource, err error) posture.Result {
	out := result(c, r, posture.Unknown, cut("the check could not be evaluated: "+err.Error()))
	out.Failed = true
	return out
}

// A belief is what is known of a condition.
type belief struct {
	value   bool
	unknown doubt // why it is neither true nor false
	err     error
}

func (sc *scene) believe(c clause) belief {
	if c.cond == nil {
		return belief{value: true}
	}
	switch v := sc.eval(c.cond).(type) {
	case types.Bool:
		return belief{value: bool(v)}
	case *types.Unknown:
		return belief{unknown: sc.unknown(v)}
	case *types.Err:
		return belief{err: v}
	default:
		return belief{err: fmt.Errorf("%v is no bool", v)}
	}
}

// verdict judges one item.
func (j judging) verdict(c *Check, sc *scene) posture.Result {
	for _, before := range []struct {
		*clause
		decides bool
		verdict posture.Verdict
	}{{c.applies, false, posture.NA}, {c.managed, true, posture.Managed}} {
		if before.clause == nil {
			continue
		}
		switch b := sc.believe(*before.clause); {
		case b.err != nil:
			return failed(c, sc.resource, b.err)
		case b.unknown.why != "":
			return sc.shown(c, doubted(c, sc.resource, b.unknown))
		case b.value == before.decides:
			return result(c, sc.resource, before.verdict, sc.render(before.sentence))
		}
	}
	return sc.shown(c, j.decide(c, sc))
}

// decide goes through the verdicts. One whose condition is not known leaves it open whether it is that, or one below: if all that
// are possible are failures, it is one, and else UNKNOWN.
func (j judging) decide(c *Check, sc *scene) posture.Result {
	var open []posture.Verdict
	var why doubt
	for i, v := range c.cases {
		b := sc.believe(v.clause)
		switch {
		case b.err != nil:
			return failed(c, sc.resource, b.err)
		case b.unknown.why != "":
			open = append(open, v.verdict)
			why = why.or(b.unknown)
			continue
		case !b.value:
			continue
		}
		if !agree(append(open, v.verdict)) {
			return doubted(c, sc.resource, why)
		}
		if part := sc.missing(c); part.why != "" && v.verdict != posture.Fail && v.verdict != posture.Warn {
			return doubted(c, sc.resource, part)
		}
		if j.trace != nil {
			j.trace(c, i)
		}
		r := result(c, sc.resource, v.verdict, sc.render(v.sentence))
		r.Severity = v.severity
		if why.why != "" {
			r.Reason += "; whether it is worse is not known: it " + why.why
		}
		if v.verdict == posture.Fail || v.verdict == posture.Warn {
			r.Fix = sc.repair(cmp.Or(v.fix, c.fix))
		}
		return r
	}
	return failed(c, sc.resource, fmt.Errorf("none of its verdicts"))
}

// agree reports whether verdicts that are all possible come to the same: in order, or not.
func agree(verdicts []posture.Verdict) bool {
	bad := func(v posture.Verdict) bool { return v == posture.Fail || v == posture.Warn }
	for _, v := range verdicts {
		if v != verdicts[0] && !(bad(v) && bad(verdicts[0])) {
			return false
		}
	}
	return true
}

// missing says which part that the check needs could not be read.
func (sc *scene) missing(c *Check) (d doubt) {
	for _, need := range c.Needs {
		if gap := sc.world.Unknown[need]; gap != nil {
			d = d.or(doubtOf(need, gap))
		}
	}
	return d
}

// shown adds the evidence.
func (sc *scene) shown(c *Check, r posture.Result) posture.Result {
	for _, e := range c.evidence {
		r.Evidence = append(r.Evidence, posture.Evidence{Path: e.label, Value: sc.show(e.value)})
	}
	return r
}
