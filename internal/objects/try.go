package objects

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"google.golang.org/api/googleapi"

	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/meter"
)

// timeout bounds one request with its repetitions.
const timeout = 10 * time.Second

// The service asks to try again after 429, which an object gets that is written more than once a second, and after 5xx; each
// pause is twice the one before. https://cloud.google.com/storage/docs/retry-strategy
const (
	firstPause = 200 * time.Millisecond
	lastPause  = 800 * time.Millisecond
)

// try makes a request, again if that may help within the moment, and names it in its error.
func (b *Bucket) try(ctx context.Context, verb, name string, request func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	for pause := firstPause; ; pause *= 2 {
		err := request(ctx)
		meter.Add(ctx, meter.APICalls, 1, "Storage", meter.HTTPCode(answered(err)))
		if code := status(err); pause > lastPause || code != http.StatusTooManyRequests && code < http.StatusInternalServerError {
			return b.failed(verb, name, err)
		}
		select {
		case <-ctx.Done():
			return b.failed(verb, name, err)
		case <-time.After(pause/2 + rand.N(pause/2)):
		}
	}
}

// answered is the status of what was answered; 0 if nothing was.
func answered(err error) int {
	if err == nil {
		return http.StatusOK
	}
	return status(err)
}

// status is that of an error the service answered, 0 if there was none.
func status(err error) int {
	if answer, ok := errors.AsType[*googleapi.Error](err); ok {
		return answer.Code
	}
	return 0
}

// failed names the request, and tells what callers treat in different ways.
func (b *Bucket) failed(verb, name string, err error) error {
	if err == nil {
		return nil
	}
	wrapped := fmt.Errorf("%s gs://%s/%s: %w", verb, b.name, name, err)
	switch status(err) {
	case http.StatusNotFound:
		return fmt.Errorf("%w: %w", ErrNotFound, wrapped)
	case http.StatusPreconditionFailed:
		return fmt.Errorf("%w: %w", ErrConflict, wrapped)
	case http.StatusTooManyRequests:
		return fault.Quota(wrapped)
	}
	return wrapped
}
