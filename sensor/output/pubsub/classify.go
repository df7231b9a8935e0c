package pubsub

import (
	"context"
	"errors"

	pubsub "cloud.google.com/go/pubsub/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/sensor/output/spool"
)

// A verdict is what an error of a publish means for the message.
type verdict uint8

const (
	sent verdict = iota
	// transient passes by itself.
	transient
	// refused means that a message of the request is bad, and it is this one if it was alone.
	refused
	// tooLarge means that this message is bad.
	tooLarge
	// The rest holds for every message and lasts until somebody does something.
	noTopic
	noRight
	noCredentials
	notReady
)

// code is a word for an error of a publish, one of few: gRPC's, or what else it may be.
func code(err error) string {
	switch st, ok := status.FromError(err); {
	case errors.Is(err, pubsub.ErrOversizedMessage), errors.Is(err, spool.ErrLarge):
		return "too_large"
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case ok:
		return st.Code().String()
	}
	return "failed"
}

func (v verdict) misconfigured() bool { return v >= noTopic }

// classify reads the error of a publish. An endpoint that cannot be reached gives a plain context error and no gRPC
// status; so do failures to get a token on some paths.
func classify(err error) verdict {
	switch {
	case err == nil:
		return sent
	case errors.Is(err, pubsub.ErrOversizedMessage):
		return tooLarge
	}
	st, ok := status.FromError(err)
	if !ok {
		return transient
	}
	switch st.Code() {
	case codes.InvalidArgument:
		return refused
	case codes.NotFound:
		return noTopic
	case codes.PermissionDenied:
		return noRight
	case codes.Unauthenticated:
		return noCredentials
	case codes.FailedPrecondition:
		return notReady
	default:
		return transient
	}
}
