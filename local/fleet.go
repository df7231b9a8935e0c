package local

import (
	"context"
	"errors"
	"strings"
	"time"

	"tiercel.dev/functions"
	"tiercel.dev/functions/fleet"
	"tiercel.dev/internal/objects"
)

// heartbeats is the subscription that keeps them.
const heartbeats = "tiercel-heartbeats"

// checkEvery is how often the scheduler looks at the fleet, which a deployment does every minute: people watch.
const checkEvery = 10 * time.Second

// isHeartbeats is for who waits for alerts: a heartbeat waits for others on purpose.
func isHeartbeats(subscription string) bool { return strings.HasSuffix(subscription, "/"+heartbeats) }

// CheckFleet has the sensors looked at.
func (c *Cloud) CheckFleet(ctx context.Context) error { return c.call(ctx, functions.CheckFleet) }

// Fleet is what the last look came to; nil if there was none yet.
func (c *Cloud) Fleet(ctx context.Context) (*fleet.Status, error) {
	records, err := objects.NewBucket(ctx, bucket, c.storage()...)
	if err != nil {
		return nil, err
	}
	o, err := records.Get(ctx, fleet.StatusName)
	if errors.Is(err, objects.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return fleet.ReadStatus(o)
}
