package scc

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/internal/fault"
)

// classify says what comes next. A source that is not there and a right that is missing may be mended by a person at any
// time, so alerts wait for that.
func classify(err error, parent string) error {
	switch status.Code(err) {
	case codes.InvalidArgument, codes.OutOfRange:
		return refused(fault.Poison(err))
	case codes.ResourceExhausted:
		return refused(fault.Quota(err))
	case codes.NotFound:
		return refused(fmt.Errorf("%w (create the source %s, or correct the setting that names it)", err, parent))
	case codes.PermissionDenied, codes.Unauthenticated:
		return refused(fmt.Errorf("%w (grant roles/securitycenter.findingsEditor on %s to the function's service account)", err, parent))
	case codes.FailedPrecondition, codes.Unimplemented:
		return refused(fmt.Errorf("%w (is Security Command Center active in the organization?)", err))
	}
	return err
}

// refused keeps the text of the error as it was.
func refused(err error) error { return &refusal{err} }

type refusal struct{ err error }

func (r *refusal) Error() string   { return r.err.Error() }
func (r *refusal) Unwrap() []error { return []error{r.err, ErrRefused} }

// RetryDelay is how long the service asks to wait before the next write, 0 if it does not say.
func RetryDelay(err error) time.Duration {
	var answer interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &answer) {
		return 0
	}
	for _, d := range answer.GRPCStatus().Details() {
		if info, ok := d.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	return 0
}
