package scc

import (
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// quota counts writes of the minute and bytes of the day, as the service does per project.
type quota struct {
	perMinute int
	perDay    int64

	minute, day time.Time
	writes      int
	bytes       int64
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
		return exhausted("writes per minute", q.minute.Add(time.Minute).Sub(now))
	case q.bytes+size > q.perDay:
		return exhausted("bytes per day", q.day.Add(24*time.Hour).Sub(now))
	}
	q.writes++
	q.bytes += size
	return nil
}

func exhausted(what string, wait time.Duration) error {
	st, err := status.New(codes.ResourceExhausted, fmt.Sprintf("Quota exceeded for quota metric '%s'", what)).WithDetails(
		&errdetails.ErrorInfo{Reason: "RATE_LIMIT_EXCEEDED", Domain: "googleapis.com", Metadata: map[string]string{
			"service": "securitycenter.googleapis.com", "quota_metric": what,
		}},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(wait)},
	)
	if err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	return st.Err()
}
