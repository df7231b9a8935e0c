package explain

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"tiercel.dev/cmd/tiercel/legible"
	"tiercel.dev/internal/event"
	"tiercel.dev/rules"
)

// A Cost is what the rule costs by itself, in nanoseconds an event. Among others it costs less, since what several ask is asked
// once.
type Cost struct {
	NearMiss float64 `json:"near_miss_ns"` // the median of its cases that do not match; 0 without any
	Other    float64 `json:"other_ns"`     // the median of other rules' cases of events it looks at; 0 without any
	// Order are the parts of the condition that must all be true, in the order in which they are tried.
	Order []string `json:"order,omitempty"`
}

// Measure fills in what the rule costs on this machine, now. It takes about half a second.
func (e *Explanation) Measure(set Set) error {
	only := rules.Source{Name: "only " + e.Name, Data: []byte(alone(set, e.Name))}
	loaded, err := rules.Load(append(slices.Clip(set.Sources), only), rules.Options{})
	if err != nil {
		return err
	}
	results, err := run(set)
	if err != nil {
		return err
	}
	r, own := set.Rule(e.Name), map[*event.Event]bool{}
	var near, other []*event.Event
	for _, c := range e.Cases {
		if own[c.built] = true; !c.Matches && c.plain {
			near = append(near, c.built)
		}
	}
	for _, file := range results {
		for _, c := range file {
			if c.Event != nil && len(c.Lists) == 0 && r.Kinds().Has(c.Event.Kind) && !own[c.Event] && !slices.Contains(c.Wanted, e.Name) {
				other = append(other, c.Event)
			}
		}
	}
	e.Cost = &Cost{NearMiss: median(loaded, near), Other: median(loaded, sample(other)), Order: order(set, r)}
	return nil
}

// alone switches all rules off but one.
func alone(set Set, name string) string {
	var doc strings.Builder
	doc.WriteString("rules:\n")
	for _, r := range set.Rules() {
		doc.WriteString("  - {name: " + strconv.Quote(r.Name) + ", enabled: " + strconv.FormatBool(r.Name == name) + "}\n")
	}
	return doc.String()
}

// maxSample bounds how long a measurement takes.
const maxSample = 40

// sample is some of the events, spread evenly.
func sample(events []*event.Event) []*event.Event {
	if len(events) <= maxSample {
		return events
	}
	some := make([]*event.Event, maxSample)
	for i := range some {
		some[i] = events[i*len(events)/maxSample]
	}
	return some
}

const (
	rounds   = 5
	perRound = 500
)

// median is that of what the events cost, each in the best of some rounds: what else the machine does makes others longer.
func median(set *rules.Set, events []*event.Event) float64 {
	if len(events) == 0 {
		return 0
	}
	costs := make([]time.Duration, len(events))
	ignore := func(*rules.Rule) {}
	for i, ev := range events {
		best := time.Hour
		for range rounds {
			began := time.Now()
			for range perRound {
				set.Match(ev, ignore)
			}
			best = min(best, time.Since(began))
		}
		costs[i] = best
	}
	slices.Sort(costs)
	return float64(costs[len(costs)/2].Nanoseconds()) / perRound
}

// order compiles each part of the condition by itself to learn what the engine takes it to cost; nil if a part is no condition by
// itself.
func order(set Set, r *rules.Rule) []string {
	parts := legible.Conjuncts(r.Condition())
	if len(parts) < 2 {
		return nil
	}
	var doc strings.Builder
	doc.WriteString("rules:\n")
	for i, part := range parts {
		doc.WriteString("  - {name: part " + strconv.Itoa(i) + ", condition: " + strconv.Quote(legible.OneLine(part)) + ", output: \"\", severity: LOW}\n")
	}
	loaded, err := rules.Load(append(slices.Clip(set.Sources), rules.Source{Name: "parts", Data: []byte(doc.String())}), rules.Options{})
	if err != nil {
		return nil
	}
	all := loaded.Rules()
	compiled := all[len(all)-len(parts):]
	index := make([]int, len(parts))
	for i := range index {
		index[i] = i
	}
	slices.SortStableFunc(index, func(x, y int) int { return cmp.Compare(compiled[x].Cost(), compiled[y].Cost()) })
	ordered := make([]string, len(parts))
	for i, at := range index {
		ordered[i] = legible.OneLine(parts[at])
	}
	return ordered
}
