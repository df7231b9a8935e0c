package main

import "slices"

// quartiles of xs, which is sorted in place.
type quartiles struct{ low, median, high float64 }

func quartilesOf(xs []float64) quartiles {
	slices.Sort(xs)
	at := func(q float64) float64 {
		i := q * float64(len(xs)-1)
		lo := int(i)
		hi := min(lo+1, len(xs)-1)
		return xs[lo] + (xs[hi]-xs[lo])*(i-float64(lo))
	}
	return quartiles{at(0.25), at(0.5), at(0.75)}
}

// spread is the interquartile range over the median: above 0.1 the machine was too noisy to tell.
func (q quartiles) spread() float64 { return (q.high - q.low) / q.median }

// differences are taken round by round; they must be before either slice is sorted.
func differences(with, without []float64) []float64 {
	d := make([]float64, len(with))
	for i := range with {
		d[i] = with[i] - without[i]
	}
	return d
}
