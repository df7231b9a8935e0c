// Package objects keeps small records with preconditions: what a function must remember between two calls that may run
// twice, at once, or die half-way. The records stand in Cloud Storage, whose generations are the compare-and-swap that
// Security Command Center and Pub/Sub lack. [Bucket] is the only implementation; here as there only its endpoint differs.
package objects

import (
	"errors"
	"time"
)

var (
	// ErrNotFound means that there is no such object.
	ErrNotFound = errors.New("object not found")
	// ErrConflict means that the object is not of the generation that the caller took it for: somebody else was first.
	// The caller reads it again and decides anew.
	ErrConflict = errors.New("object has changed")
)

// An Object is a record as it was at one time. Data is nil in listings.
type Object struct {
	Name       string
	Generation int64
	Updated    time.Time
	Meta       map[string]string // short texts, to be had from a listing
	Data       []byte
}
