package gke

import (
	"maps"
	"slices"
	"strings"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"github.com/teambition/rrule-go"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A scope is what maintenance does, as far as exclusions tell it apart.
type scope int

const (
	patch  scope = iota // of the control plane
	minor               // of the control plane
	nodes               // anything that makes nodes anew
	urgent              // what GKE does whatever windows say
)

// stopped reports whether an exclusion keeps GKE from doing it.
// https://cloud.google.com/kubernetes-engine/docs/concepts/maintenance-windows-and-exclusions#exclusions
func (w scope) stopped(by pb.MaintenanceExclusionOptions_Scope) bool {
	switch by {
	case pb.MaintenanceExclusionOptions_NO_MINOR_UPGRADES:
		return w == minor
	case pb.MaintenanceExclusionOptions_NO_MINOR_OR_NODE_UPGRADES:
		return w == minor || w == nodes
	}
	return w != urgent
}

// horizon is how far ahead an opening is looked for.
const horizon = 400 * 24 * time.Hour

// opening is the first time from one on at which maintenance may begin; zero if there is none within the horizon.
func opening(w *pb.MaintenanceWindow, from time.Time, what scope) time.Time {
	if what == urgent {
		return from
	}
	rule, length := recurrence(w)
	for t := from; t.Before(from.Add(horizon)); {
		switch ends, excluded := exclusion(w, t, what); {
		case excluded && ends.IsZero():
			return time.Time{}
		case excluded:
			t = ends
			continue
		case rule == nil:
			return t
		}
		if begun := rule.Before(t, true); !begun.IsZero() && t.Before(begun.Add(length)) {
			return t
		}
		if t = rule.After(t, false); t.IsZero() {
			break
		}
	}
	return time.Time{}
}

// exclusion reports whether one keeps GKE from it at a time, and when that ends: zero if nobody knows.
func exclusion(w *pb.MaintenanceWindow, t time.Time, what scope) (ends time.Time, excluded bool) {
	for _, name := range slices.Sorted(maps.Keys(w.GetMaintenanceExclusions())) {
		e := w.MaintenanceExclusions[name]
		if !what.stopped(e.GetMaintenanceExclusionOptions().GetScope()) || t.Before(e.GetStartTime().AsTime()) {
			continue
		}
		if e.EndTime == nil {
			return time.Time{}, true
		}
		if end := e.EndTime.AsTime(); t.Before(end) {
			return end, true
		}
	}
	return time.Time{}, false
}

// recurrence is a window's rule, and how long it is open each time; nil if there is no window, or one that check would refuse.
func recurrence(w *pb.MaintenanceWindow) (*rrule.RRule, time.Duration) {
	begin, length, text := first(w)
	option, err := rrule.StrToROption(text)
	if err != nil || length <= 0 {
		return nil, 0
	}
	option.Dtstart = begin
	rule, err := rrule.NewRRule(*option)
	if err != nil {
		return nil, 0
	}
	return rule, length
}

// first is when a window first opens, for how long, and by which rule again.
func first(w *pb.MaintenanceWindow) (begin time.Time, length time.Duration, rule string) {
	day := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	switch p := w.GetPolicy().(type) {
	case *pb.MaintenanceWindow_DailyMaintenanceWindow:
		at, err := time.Parse("15:04", p.DailyMaintenanceWindow.GetStartTime())
		if err != nil {
			return day, 0, ""
		}
		return day.Add(time.Duration(at.Hour())*time.Hour + time.Duration(at.Minute())*time.Minute), dailyLength, "FREQ=DAILY"
	case *pb.MaintenanceWindow_RecurringWindow:
		span := p.RecurringWindow.GetWindow()
		begin := span.GetStartTime().AsTime()
		return begin, span.GetEndTime().AsTime().Sub(begin), p.RecurringWindow.GetRecurrence()
	case *pb.MaintenanceWindow_RecurringMaintenanceWindow:
		r := p.RecurringMaintenanceWindow
		if d := r.GetDelayUntil(); d != nil {
			day = time.Date(int(d.Year), time.Month(d.Month), int(d.Day), 0, 0, 0, 0, time.UTC)
		}
		at := time.Duration(r.GetWindowStartTime().GetHours())*time.Hour + time.Duration(r.GetWindowStartTime().GetMinutes())*time.Minute
		return day.Add(at), r.GetWindowDuration().AsDuration(), r.GetRecurrence()
	}
	return day, 0, ""
}

// dailyLength is how long a daily window is open.
const dailyLength = 4 * time.Hour

// checkWindow refuses a window that the service would not take.
func checkWindow(w *pb.MaintenanceWindow) error {
	if w.GetPolicy() != nil {
		_, _, text := first(w)
		rule, _ := recurrence(w)
		if rule == nil || strings.Contains(text, "HOURLY") || strings.Contains(text, "MINUTELY") || strings.Contains(text, "SECONDLY") {
			return status.Errorf(codes.InvalidArgument, "maintenance window: recurrence %q and its window are no daily, weekly or monthly one", text)
		}
	}
	for name, e := range w.GetMaintenanceExclusions() {
		if e.GetStartTime() == nil || e.EndTime != nil && !e.EndTime.AsTime().After(e.StartTime.AsTime()) {
			return status.Errorf(codes.InvalidArgument, "maintenance exclusion %q: it has no start, or ends before it", name)
		}
	}
	return nil
}
