package report

import (
	"context"
	"errors"
	"time"

	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/schedule"
)

// ErrNoRun means that there is no run of the checks to report of.
var ErrNoRun = errors.New("no run of the checks")

// LastRun is the newest run of the checks that began at or before a time, and the clusters of which it has no record yet. Errors are
// [ErrNoRun] and the store's.
func LastRun(ctx context.Context, store Store, at time.Time) (m schedule.Manifest, absentees []posture.Resource, err error) {
	if m, err = newest(ctx, store, at); err != nil {
		return m, nil, err
	}
	absentees, err = absent(ctx, store, m)
	return m, absentees, err
}

// A Sending is what became of the weekly report that was due last.
type Sending struct {
	Due     time.Time
	Made    bool
	Missed  bool // it was not made, and is so late that it does not come by itself
	Nobody  bool // is to get reports
	Nothing bool // had run by then that a report could be about
}

// LastReport looks for the report that was due last. Errors are the store's.
func LastReport(ctx context.Context, store Store, now time.Time) (s Sending, err error) {
	settings, err := readSettings(ctx, store)
	if errors.Is(err, objects.ErrNotFound) {
		return Sending{Nobody: true}, nil
	}
	weekly := settings.Weekly
	if err != nil {
		weekly = monday // settings that cannot be read keep reports from being sent, and are why one is missed
	}
	s.Due = weekly.Last(now.UTC())
	s.Made, err = made(ctx, store, s.Due)
	_, expected := newest(ctx, store, s.Due)
	if s.Nothing = errors.Is(expected, ErrNoRun); s.Nothing {
		expected = nil
	}
	s.Missed = !s.Made && !s.Nothing && now.Sub(s.Due) >= lateAfter
	return s, errors.Join(err, expected)
}
