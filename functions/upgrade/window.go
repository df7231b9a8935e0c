package upgrade

import (
	"fmt"
	"slices"
	"strings"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"github.com/teambition/rrule-go"
)

// horizon is the period in which GKE wants maintenance to be possible for some time; how long that must be has changed, so it is
// shown and not judged but by the least that was ever asked for.
// https://cloud.google.com/kubernetes-engine/docs/concepts/maintenance-windows-and-exclusions#maintenance_availability
const (
	horizon      = 32 * 24 * time.Hour
	leastHours   = 48
	shortestOpen = 4 * time.Hour
)

// A span is from a time until before another.
type span struct{ from, to time.Time }

func (s span) holds(t time.Time) bool { return !t.Before(s.from) && t.Before(s.to) }

// Openings are when GKE may maintain a cluster.
type openings struct {
	always bool
	// windows are those of a year from now on, in order, those that touch made one.
	windows []span
	text    string
}

// foresight is how far a schedule is known.
const foresight = 366 * day

// openingsOf reads a cluster's maintenance window, of any of its three forms, from now on.
func openingsOf(w *pb.MaintenanceWindow, now time.Time) (openings, error) {
	r, err := recurrenceOf(w)
	if err != nil {
		return openings{}, err
	}
	if r.rule == nil {
		return openings{always: true, windows: []span{{now, now.Add(foresight)}}, text: "at any time: there is no maintenance window"}, nil
	}
	return openings{windows: r.spans(now, now.Add(foresight)), text: r.text}, nil
}

// A recurrence is what a window's setting says. Without a rule there is none.
type recurrence struct {
	rule   *rrule.RRule
	length time.Duration
	text   string
}

func recurrenceOf(w *pb.MaintenanceWindow) (recurrence, error) {
	switch p := w.GetPolicy().(type) {
	case nil:
		return recurrence{}, nil
	case *pb.MaintenanceWindow_DailyMaintenanceWindow:
		return daily(p.DailyMaintenanceWindow)
	case *pb.MaintenanceWindow_RecurringWindow:
		from, to := p.RecurringWindow.GetWindow().GetStartTime(), p.RecurringWindow.GetWindow().GetEndTime()
		if from == nil || to == nil {
			return recurrence{}, fmt.Errorf("maintenance_policy.window.recurring_window.window: has no start or no end")
		}
		return recurring("recurring_window", p.RecurringWindow.GetRecurrence(), from.AsTime(), to.AsTime().Sub(from.AsTime()))
	case *pb.MaintenanceWindow_RecurringMaintenanceWindow:
		r := p.RecurringMaintenanceWindow
		// Days before which nothing is scheduled need not be given; a rule of every second week would have to have one.
		day := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
		if d := r.GetDelayUntil(); d != nil {
			day = time.Date(int(d.GetYear()), time.Month(d.GetMonth()), int(d.GetDay()), 0, 0, 0, 0, time.UTC)
		}
		at := r.GetWindowStartTime()
		from := day.Add(time.Duration(at.GetHours())*time.Hour + time.Duration(at.GetMinutes())*time.Minute + time.Duration(at.GetSeconds())*time.Second)
		return recurring("recurring_maintenance_window", r.GetRecurrence(), from, r.GetWindowDuration().AsDuration())
	default:
		return recurrence{}, fmt.Errorf("maintenance_policy.window: %T is of a form that this program does not know", p)
	}
}

func daily(w *pb.DailyMaintenanceWindow) (recurrence, error) {
	at, err := time.Parse("15:04", w.GetStartTime())
	if err != nil {
		return recurrence{}, fmt.Errorf("maintenance_policy.window.daily_maintenance_window.start_time: %q is not HH:MM", w.GetStartTime())
	}
	length, err := time.ParseDuration(strings.ToLower(strings.TrimPrefix(w.GetDuration(), "PT")))
	if err != nil {
		return recurrence{}, fmt.Errorf("maintenance_policy.window.daily_maintenance_window.duration: %q is not PTnHnMnS", w.GetDuration())
	}
	from := time.Date(2020, 1, 1, at.Hour(), at.Minute(), 0, 0, time.UTC)
	return recurring("daily_maintenance_window", "FREQ=DAILY", from, length)
}

// maxRule bounds a rule's text; GKE's own examples have 35 bytes.
const maxRule = 256

func recurring(field, rule string, from time.Time, length time.Duration) (recurrence, error) {
	field = "maintenance_policy.window." + field
	if length <= 0 {
		return recurrence{}, fmt.Errorf("%s: lasts %v", field, length)
	}
	if len(rule) > maxRule {
		return recurrence{}, fmt.Errorf("%s.recurrence: has %d bytes", field, len(rule))
	}
	option, err := rrule.StrToROption(rule)
	if err != nil {
		return recurrence{}, fmt.Errorf("%s.recurrence: %q: %w", field, rule, err)
	}
	// GKE's own bounds: windows recur daily at most, and at the same time of the day.
	if option.Freq > rrule.DAILY || len(option.Byhour)+len(option.Byminute)+len(option.Bysecond)+len(option.Byeaster) > 0 {
		return recurrence{}, fmt.Errorf("%s.recurrence: %q: windows recur daily at most", field, rule)
	}
	option.Dtstart = from.UTC()
	r, err := rrule.NewRRule(*option)
	if err != nil {
		return recurrence{}, fmt.Errorf("%s.recurrence: %q: %w", field, rule, err)
	}
	return recurrence{r, length, fmt.Sprintf("%s from %s UTC for %s", words(rule), from.UTC().Format("15:04"), short(length))}, nil
}

// words is a recurrence for people where it is one of the common ones.
func words(rule string) string {
	if strings.EqualFold(rule, "FREQ=DAILY") {
		return "daily"
	}
	return rule
}

// short writes whole hours and minutes: 4h, 1h30m, 72h.
func short(d time.Duration) string {
	text := strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// spans are the windows that are open at any time of a period, in order, those that touch made one. A period has few: windows recur
// daily at most.
func (r recurrence) spans(from, to time.Time) (all []span) {
	for next := r.rule.Iterator(); ; {
		at, ok := next()
		if !ok || !at.Before(to) {
			return all
		}
		if end := at.Add(r.length); end.After(from) {
			all = merge(all, span{at, end})
		}
	}
}

// merge appends a span that begins no earlier than the last of all.
func merge(all []span, s span) []span {
	if n := len(all); n > 0 && !s.from.After(all[n-1].to) {
		if s.to.After(all[n-1].to) {
			all[n-1].to = s.to
		}
		return all
	}
	return append(all, s)
}

// open reports whether a window is open now.
func (s openings) open(now time.Time) bool {
	return slices.ContainsFunc(s.windows, func(w span) bool { return w.holds(now) })
}

// next are the times when the next windows open, at most n of them.
func (s openings) next(now time.Time, n int) (at []time.Time) {
	for _, w := range s.windows {
		if w.from.After(now) && len(at) < n {
			at = append(at, w.from)
		}
	}
	return at
}

// available is how long within the horizon maintenance is possible, and the longest it is at one time; closed are the spans in which it is not,
// in order and apart.
func (s openings) available(now time.Time, closed []span) (sum, longest time.Duration) {
	end := now.Add(horizon)
	for _, w := range s.windows {
		if w = within(w, now, end); !w.from.Before(w.to) {
			continue
		}
		for _, part := range less(w, closed) {
			d := part.to.Sub(part.from)
			sum, longest = sum+d, max(longest, d)
		}
	}
	return sum, longest
}

func within(s span, from, to time.Time) span {
	if s.from.Before(from) {
		s.from = from
	}
	if s.to.After(to) {
		s.to = to
	}
	return s
}

// less is what is left of a span without others.
func less(s span, others []span) (left []span) {
	for _, o := range others {
		if !o.to.After(s.from) || !o.from.Before(s.to) {
			continue
		}
		if o.from.After(s.from) {
			left = append(left, span{s.from, o.from})
		}
		s.from = o.to
		if !s.from.Before(s.to) {
			return left
		}
	}
	return append(left, s)
}
