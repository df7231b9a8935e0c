package scc

import (
	"time"

	"tiercel.dev/local/caller"
)

const service = "securitycenter.googleapis.com"

// quota counts writes of the minute and bytes of the day, as the service does per project.
type quota struct {
	perMinute int
	perDay    int64

	minute, day time.Time
	writes      int
	bytes       int64
	refused     uint64
}

// take refuses a write beyond the quota, with the details by which clients know how long to wait.
func (q *quota) take(now time.Time, size int64) error {
	if m := now.Truncate(time.Minute); m != q.minute {
		q.minute, q.writes = m, 0
	}
	if d := now.UTC().Truncate(24 * time.Hour); d != q.day {
		q.day, q.bytes = d, 0
	}
	switch {
	case q.writes >= q.perMinute:
		q.refused++
		return caller.Exhausted(service, "writes per minute", q.minute.Add(time.Minute).Sub(now))
	case q.bytes+size > q.perDay:
		q.refused++
		return caller.Exhausted(service, "bytes per day", q.day.Add(24*time.Hour).Sub(now))
	}
	q.writes++
	q.bytes += size
	return nil
}
