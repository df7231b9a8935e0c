package spool

import "slices"

// runs is a set of numbers as ordered, disjoint, non-adjacent intervals. What happens to alerts happens mostly in their
// order, so there are few.
type runs []run

// A run is From and what follows up to and including To. In JSON it is a pair.
type run [2]uint64

// add puts n into the set and reports whether it was not there before.
func (r *runs) add(n uint64) bool {
	// Almost always n extends the last run.
	if k := len(*r); k > 0 && (*r)[k-1][1]+1 == n {
		(*r)[k-1][1] = n
		return true
	}
	if r.has(n) {
		return false
	}
	r.addRun(run{n, n})
	return true
}

// addRun puts all of x into the set.
func (r *runs) addRun(x run) {
	if x[0] > x[1] {
		return
	}
	from, _ := slices.BinarySearchFunc(*r, x[0], func(e run, n uint64) int { return cmpEnd(e, n) })
	to := from
	for to < len(*r) && (*r)[to][0] <= x[1]+1 {
		x[0], x[1] = min(x[0], (*r)[to][0]), max(x[1], (*r)[to][1])
		to++
	}
	*r = slices.Replace(*r, from, to, x)
}

// cmpEnd orders a run before n if the two neither overlap nor touch.
func cmpEnd(e run, n uint64) int {
	if e[1]+1 < n {
		return -1
	}
	return 1
}

func (r runs) has(n uint64) bool {
	i, _ := slices.BinarySearchFunc(r, n, func(e run, n uint64) int {
		if e[1] < n {
			return -1
		}
		return 1
	})
	return i < len(r) && r[i][0] <= n
}

func (r runs) count() uint64 {
	var n uint64
	for _, e := range r {
		n += e[1] - e[0] + 1
	}
	return n
}

// missing is how many of x are not in the set.
func (r runs) missing(x run) uint64 {
	if x[0] > x[1] {
		return 0
	}
	n := x[1] - x[0] + 1
	for _, e := range r {
		if from, to := max(e[0], x[0]), min(e[1], x[1]); from <= to {
			n -= to - from + 1
		}
	}
	return n
}

// valid reports whether r, read from a file, is ordered and disjoint.
func (r runs) valid() bool {
	for i, e := range r {
		if e[0] > e[1] || i > 0 && e[0] <= r[i-1][1] {
			return false
		}
	}
	return true
}
