package route

import (
	"context"
	"errors"
	"time"

	"tiercel.dev/internal/objects"
)

// keepFor is how long the ledger of a finding stays that nothing is heard of: longer than Pub/Sub keeps any message, once in a
// subscription and once in a dead letter's. What comes after that begins a count of its own, and opens the finding again.
const keepFor = 90 * 24 * time.Hour

// forgettable reports whether a finding's ledger has served its time: all is written, or nothing is to be.
func (b behind) forgettable(now time.Time) bool {
	return now.Sub(b.touched) > keepFor && !b.waits(now)
}

// forget removes a finding's ledger as it was listed. What was written since stays: without its head, which is the first to
// go, the next alert makes a new one.
func (r *Router) forget(ctx context.Context, b behind) error {
	for _, o := range b.parts {
		if err := r.cfg.Store.Delete(ctx, o.Name, o.Generation); errors.Is(err, objects.ErrConflict) {
			return nil // somebody heard of it
		} else if err != nil {
			return err
		}
	}
	return nil
}
