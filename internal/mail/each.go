package mail

import (
	"errors"
	"fmt"

	"tiercel.dev/internal/fault"
)

// Each sends to everybody: one who cannot be sent to keeps nobody else from it. The error is [fault.ErrPoison] if trying again
// would help nobody.
func Each[T any](to []T, send func(T) error) error {
	var pass, never []error
	for _, each := range to {
		switch err := send(each); {
		case errors.Is(err, fault.ErrPoison):
			never = append(never, err)
		case err != nil:
			pass = append(pass, err)
		}
	}
	if len(pass) > 0 && len(never) > 0 {
		return fmt.Errorf("%w (and for good: %v)", errors.Join(pass...), errors.Join(never...))
	}
	return errors.Join(append(pass, never...)...)
}
