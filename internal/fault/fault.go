// Package fault tells apart why a step of the pipeline could not do its work, by what its caller is to do about it. It is
// for errors that cross packages; who makes one wraps it with where, which input and why.
package fault

import "errors"

var (
	// ErrPoison means that the input itself is wrong: it will fail each time. It is put aside with the reason, and
	// acknowledged.
	ErrPoison = errors.New("will never succeed")
	// ErrQuota means that the service asks for patience. The caller waits longer than after other errors.
	ErrQuota = errors.New("quota exhausted")
)

// Everything else may pass: it is retried.

// Poison marks err as one that a second try will not help.
func Poison(err error) error { return &marked{err, ErrPoison} }

// Quota marks err as a matter of patience.
func Quota(err error) error { return &marked{err, ErrQuota} }

// marked keeps the text of the error as it was.
type marked struct{ err, kind error }

func (m *marked) Error() string   { return m.err.Error() }
func (m *marked) Unwrap() []error { return []error{m.err, m.kind} }
