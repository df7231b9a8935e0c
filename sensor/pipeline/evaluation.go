package pipeline

import "time"

// EvaluationBounds are the upper bounds of an [Evaluation]'s buckets.
var EvaluationBounds = [...]time.Duration{
	250 * time.Nanosecond, 500 * time.Nanosecond, time.Microsecond, 2 * time.Microsecond, 5 * time.Microsecond, 10 * time.Microsecond,
	25 * time.Microsecond, 100 * time.Microsecond, time.Millisecond,
}

// timedOf is how many events come to one whose evaluation is timed: to read the clock twice takes as long as some events do.
const timedOf = 64

// An Evaluation is how long rules took for one event, of those events that were timed. Alerts that matches make are in it.
type Evaluation struct {
	Count   uint64
	Sum     time.Duration
	Buckets [len(EvaluationBounds) + 1]uint64 // not added up; the last is for what took longer
}

func (e *Evaluation) note(took time.Duration) {
	e.Count++
	e.Sum += took
	for i, bound := range EvaluationBounds {
		if took <= bound {
			e.Buckets[i]++
			return
		}
	}
	e.Buckets[len(EvaluationBounds)]++
}
