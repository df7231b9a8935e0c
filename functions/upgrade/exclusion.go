package upgrade

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
)

// An exclusion is a time in which GKE does not upgrade by itself.
// https://cloud.google.com/kubernetes-engine/docs/concepts/maintenance-windows-and-exclusions#exclusions
type exclusion struct {
	name  string
	scope pb.MaintenanceExclusionOptions_Scope
	from  time.Time
	to    time.Time // zero: nobody says when
	// support says that it ends with the minor's support.
	support bool
}

// exclusionsOf reads a cluster's exclusions, in the order of their names. One that ends with support does so at end, where the API
// gives it no time of its own.
func exclusionsOf(w *pb.MaintenanceWindow, end time.Time) (all []exclusion) {
	for _, name := range slices.Sorted(maps.Keys(w.GetMaintenanceExclusions())) {
		t := w.GetMaintenanceExclusions()[name]
		e := exclusion{name: name, scope: t.GetMaintenanceExclusionOptions().GetScope()}
		e.support = t.GetMaintenanceExclusionOptions().GetEndTimeBehavior() == pb.MaintenanceExclusionOptions_UNTIL_END_OF_SUPPORT
		if t.GetStartTime() != nil {
			e.from = t.GetStartTime().AsTime()
		}
		switch {
		case t.GetEndTime() != nil:
			e.to = t.GetEndTime().AsTime()
		case e.support:
			e.to = end
		}
		all = append(all, e)
	}
	return all
}

func (e exclusion) past(now time.Time) bool { return !e.to.IsZero() && !now.Before(e.to) }

func (e exclusion) active(now time.Time) bool { return !now.Before(e.from) && !e.past(now) }

// length is how long it lasts in all, 0 if nobody knows.
func (e exclusion) length() time.Duration {
	if e.to.IsZero() {
		return 0
	}
	return e.to.Sub(e.from)
}

// A part is what an upgrade changes, to exclusions.
type part int

const (
	controlPatch part = iota
	controlMinor
	nodes
)

// stops reports whether an exclusion of that scope keeps GKE from upgrading the part. A scope that is not known stops everything.
func (e exclusion) stops(p part) bool {
	switch e.scope {
	case pb.MaintenanceExclusionOptions_NO_MINOR_UPGRADES:
		return p == controlMinor
	case pb.MaintenanceExclusionOptions_NO_MINOR_OR_NODE_UPGRADES:
		return p == controlMinor || p == nodes
	}
	return true
}

func (e exclusion) scopeText() string {
	switch e.scope {
	case pb.MaintenanceExclusionOptions_NO_UPGRADES:
		return "all upgrades"
	case pb.MaintenanceExclusionOptions_NO_MINOR_UPGRADES:
		return "minor upgrades"
	case pb.MaintenanceExclusionOptions_NO_MINOR_OR_NODE_UPGRADES:
		return "minor upgrades, and those of nodes"
	}
	return fmt.Sprintf("what scope %d stands for, which this program does not know", e.scope)
}

// text is the exclusion for people.
func (e exclusion) text(now time.Time) string {
	state := "active"
	switch {
	case e.past(now):
		state = "past"
	case !e.active(now):
		state = "to come"
	}
	until := "until nobody says when"
	switch {
	case !e.to.IsZero():
		until = "until " + e.to.UTC().Format(time.DateOnly)
	case e.support:
		until = "until the end of support"
	}
	if e.support && !e.to.IsZero() {
		until += ", the end of support"
	}
	return fmt.Sprintf("%s (%s): stops %s from %s %s", e.name, state, e.scopeText(), e.from.UTC().Format(time.DateOnly), until)
}

// closed are the spans in which all upgrades are stopped, in order and apart, until a time.
func closed(all []exclusion, until time.Time) (spans []span) {
	var whole []span
	for _, e := range all {
		if e.stops(controlPatch) {
			to := e.to
			if to.IsZero() {
				to = until
			}
			whole = append(whole, span{e.from, to})
		}
	}
	slices.SortFunc(whole, func(a, b span) int { return cmp.Or(a.from.Compare(b.from), a.to.Compare(b.to)) })
	for _, s := range whole {
		if s.from.Before(s.to) {
			spans = merge(spans, s)
		}
	}
	return spans
}
