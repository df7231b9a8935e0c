package upgrade

import (
	"testing"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/genproto/googleapis/type/date"
	"google.golang.org/genproto/googleapis/type/timeofday"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// now is a Saturday.
var now = time.Date(2026, 11, 28, 15, 0, 0, 0, time.UTC)

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

func dailyAt(start, length string) *pb.MaintenanceWindow {
	return &pb.MaintenanceWindow{Policy: &pb.MaintenanceWindow_DailyMaintenanceWindow{
		DailyMaintenanceWindow: &pb.DailyMaintenanceWindow{StartTime: start, Duration: length},
	}}
}

func recurringAt(from, to, rule string) *pb.MaintenanceWindow {
	return &pb.MaintenanceWindow{Policy: &pb.MaintenanceWindow_RecurringWindow{RecurringWindow: &pb.RecurringTimeWindow{
		Window:     &pb.TimeWindow{StartTime: timestamppb.New(at(from)), EndTime: timestamppb.New(at(to))},
		Recurrence: rule,
	}}}
}

func newRecurring(rule string, d *date.Date, hours int32, length time.Duration) *pb.MaintenanceWindow {
	return &pb.MaintenanceWindow{Policy: &pb.MaintenanceWindow_RecurringMaintenanceWindow{
		RecurringMaintenanceWindow: &pb.RecurringMaintenanceWindow{
			DelayUntil: d, WindowStartTime: &timeofday.TimeOfDay{Hours: hours}, WindowDuration: durationpb.New(length), Recurrence: rule,
		},
	}}
}

func TestWindows(t *testing.T) {
	for _, tt := range []struct {
		name  string
		w     *pb.MaintenanceWindow
		open  bool
		next  string // "" for never
		hours float64
	}{
		{"none", nil, true, "", 768},
		{"daily", dailyAt("03:00", "PT4H0M0S"), false, "2026-11-29T03:00:00Z", 128},
		{"daily over midnight", dailyAt("14:00", "PT4H0M0S"), true, "2026-11-29T14:00:00Z", 128},
		{"weekends", recurringAt("2019-01-05T00:00:00Z", "2019-01-07T00:00:00Z", "FREQ=WEEKLY;BYDAY=SA"), true, "2026-12-05T00:00:00Z", 9 + 24 + 4*48},
		{"first weekend of the month, each day", recurringAt("2019-01-05T02:00:00Z", "2019-01-05T08:00:00Z", "FREQ=MONTHLY;BYSETPOS=1;BYDAY=SA,SU"),
			false, "2026-12-05T02:00:00Z", 6},
		{"in another zone", recurringAt("2019-01-01T09:00:00-04:00", "2019-01-01T17:00:00-04:00", "FREQ=DAILY"), true, "2026-11-29T13:00:00Z", 256},
		{"windows that overlap are counted once", recurringAt("2026-11-01T00:00:00Z", "2026-11-03T00:00:00Z", "FREQ=DAILY"), true, "", 768},
		{"every second week, of the new form", newRecurring("FREQ=WEEKLY;INTERVAL=2;BYDAY=SU", &date.Date{Year: 2026, Month: 11, Day: 22}, 4, 5*time.Hour),
			false, "2026-12-06T04:00:00Z", 10},
		{"that has ended", recurringAt("2019-01-01T09:00:00Z", "2019-01-01T17:00:00Z", "FREQ=DAILY;UNTIL=20200101T000000Z"), false, "", 0},
	} {
		s, err := openingsOf(tt.w, now)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		sum, _ := s.available(now, nil)
		next := ""
		if n := s.next(now, 1); len(n) > 0 {
			next = n[0].Format(time.RFC3339)
		}
		if s.open(now) != tt.open || next != tt.next || sum.Hours() != tt.hours {
			t.Errorf("%s: open %v, next %s, %v h", tt.name, s.open(now), next, sum.Hours())
		}
	}
}

// What cannot be read is said to be so, and is no window that is always open.
func TestWindowsThatCannotBeRead(t *testing.T) {
	for name, w := range map[string]*pb.MaintenanceWindow{
		"hourly":         recurringAt("2019-01-01T09:00:00Z", "2019-01-01T17:00:00Z", "FREQ=HOURLY"),
		"no rule":        recurringAt("2019-01-01T09:00:00Z", "2019-01-01T17:00:00Z", "every day"),
		"backwards":      recurringAt("2019-01-02T09:00:00Z", "2019-01-01T17:00:00Z", "FREQ=DAILY"),
		"no end":         {Policy: &pb.MaintenanceWindow_RecurringWindow{RecurringWindow: &pb.RecurringTimeWindow{Recurrence: "FREQ=DAILY"}}},
		"no time of day": dailyAt("25:00", "PT4H0M0S"),
		"no length":      dailyAt("03:00", ""),
		"nothing long":   newRecurring("FREQ=DAILY", nil, 4, 0),
	} {
		if s, err := openingsOf(w, now); err == nil {
			t.Errorf("%s: %v", name, s.text)
		}
	}
}

func TestHoursWithoutExclusions(t *testing.T) {
	s, err := openingsOf(dailyAt("00:00", "PT24H0M0S"), now)
	if err != nil {
		t.Fatal(err)
	}
	stop := []exclusion{
		{name: "a", from: now.Add(-day), to: now.Add(2 * day)}, {name: "b", from: now.Add(day), to: now.Add(3 * day)},
		{name: "minors", from: now, to: now.Add(20 * day), scope: pb.MaintenanceExclusionOptions_NO_MINOR_UPGRADES},
		{name: "over", from: now.Add(-9 * day), to: now.Add(-8 * day)},
	}
	if sum, longest := s.available(now, closed(stop, now.Add(horizon))); sum != 29*day || longest != 29*day {
		t.Errorf("%v, %v", sum, longest)
	}
}

func FuzzRecurrence(f *testing.F) {
	for _, rule := range []string{"FREQ=DAILY", "FREQ=WEEKLY;BYDAY=SA,SU", "FREQ=MONTHLY;BYSETPOS=1;BYDAY=SA,SU", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY;COUNT=3"} {
		f.Add(rule)
	}
	f.Fuzz(func(t *testing.T, rule string) {
		s, err := recurring("x", rule, now.Add(-day), 4*time.Hour)
		if err != nil {
			return
		}
		from := now
		for _, w := range s.spans(now, now.Add(horizon)) {
			if w.to.Before(from) || !w.from.Before(w.to) {
				t.Errorf("%s: %v after %v", rule, w, from)
			}
			from = w.to
		}
	})
}
