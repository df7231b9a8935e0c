package budget

import (
	"context"
	"encoding/json"
	"errors"

	"tiercel.dev/internal/meter"
	"tiercel.dev/internal/objects"
)

// piece is what an instance takes out of a day's count at once; what it has not used when it ends is lost to all.
const piece = 512 << 10

// A Store keeps the count. [objects.Bucket] is one; its errors are that package's.
type Store interface {
	Get(ctx context.Context, name string) (objects.Object, error)
	Put(ctx context.Context, name string, data []byte, meta map[string]string, generation int64) (int64, error)
}

// A dayCount is how many bytes of findings all instances together have taken of a day: budget/DATE in the store.
type dayCount struct {
	store Store
	limit int64
}

// take takes a piece, if there is one for this urgency.
func (c dayCount) take(ctx context.Context, day string, urgent bool) (bool, error) {
	limit := c.limit
	if !urgent {
		limit = int64(float64(c.limit) * (1 - urgentBytes))
	}
	name := "budget/" + day
	for {
		o, err := c.store.Get(ctx, name)
		if err != nil && !errors.Is(err, objects.ErrNotFound) {
			return false, err
		}
		var taken struct {
			Version int   `json:"version"`
			Bytes   int64 `json:"bytes"`
		}
		if err == nil {
			if err := o.Read(countVersion, &taken); err != nil {
				return false, err
			}
		}
		taken.Version = countVersion
		meter.Set(ctx, meter.Bytes, float64(max(0, c.limit-taken.Bytes)))
		if taken.Bytes+piece > limit {
			return false, nil
		}
		taken.Bytes += piece
		data, err := json.Marshal(taken)
		if err != nil {
			return false, err
		}
		_, err = c.store.Put(ctx, name, data, nil, o.Generation)
		if !errors.Is(err, objects.ErrConflict) {
			return err == nil, err
		}
	}
}
