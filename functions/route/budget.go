package route

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"tiercel.dev/alert"
	"tiercel.dev/internal/objects"
)

// A budget keeps the instances of the function together within the project's quota: each has an even share of the writes,
// and the bytes of a day are taken out of one count in pieces. Of both a part is for HIGH and CRITICAL alone.
type budget struct {
	store  Store
	log    *slog.Logger
	writes *rate.Limiter
	perDay int64

	mu   sync.Mutex
	day  string
	left int64 // bytes of the day taken out of the count and not used yet
}

const (
	urgentWrites = 0.5 // of the writes that may be made at once
	urgentBytes  = 0.2 // of a day's bytes

	// piece is what an instance takes out of the day's count at once; what it has not used when it ends is lost to all.
	piece = 1 << 20
	// written is what one write is reckoned at: a finding's bound would leave most of the quota unused, so it is the size
	// of a large one.
	reckoned = 4 << 10
)

func newBudget(cfg Config) *budget {
	share := float64(cfg.WritesPerMinute) / float64(cfg.MaxInstances)
	return &budget{
		store: cfg.Store, log: cfg.Log, perDay: cfg.BytesPerDay,
		// The burst is a quarter of a minute's share, so that no minute has more than its share and that.
		writes: rate.NewLimiter(rate.Limit(share*0.75/60), max(1, int(share/4))),
	}
}

// allow takes one write out of the budget, if there is one for this severity.
func (b *budget) allow(ctx context.Context, now time.Time, severity alert.Severity) bool {
	urgent := severity >= alert.High
	b.mu.Lock()
	defer b.mu.Unlock()
	if !urgent && b.writes.TokensAt(now) <= urgentWrites*float64(b.writes.Burst()) && b.writes.Burst() > 1 {
		return false
	}
	if !b.takeBytes(ctx, now, urgent) {
		return false
	}
	return b.writes.AllowN(now, 1)
}

func (b *budget) takeBytes(ctx context.Context, now time.Time, urgent bool) bool {
	if day := now.UTC().Format(time.DateOnly); day != b.day {
		b.day, b.left = day, 0
	}
	if b.left < reckoned {
		took, err := b.takePiece(ctx, urgent)
		if err != nil {
			// Without the count nobody knows what is left. To write is the lesser harm: the service has a quota of its own.
			b.log.WarnContext(ctx, "the day's bytes of findings are not counted", "err", err)
			return true
		}
		if !took {
			return false
		}
		b.left += piece
	}
	b.left -= reckoned
	return true
}

// takePiece takes a piece out of the day's count.
func (b *budget) takePiece(ctx context.Context, urgent bool) (bool, error) {
	limit := b.perDay
	if !urgent {
		limit = int64(float64(b.perDay) * (1 - urgentBytes))
	}
	name := "budget/" + b.day
	for {
		o, err := b.store.Get(ctx, name)
		if err != nil && !errors.Is(err, objects.ErrNotFound) {
			return false, err
		}
		var count struct {
			Bytes int64 `json:"bytes"`
		}
		if err == nil {
			if err := json.Unmarshal(o.Data, &count); err != nil {
				return false, fmt.Errorf("%s, generation %d: %w", name, o.Generation, err)
			}
		}
		if count.Bytes+piece > limit {
			return false, nil
		}
		count.Bytes += piece
		data, err := json.Marshal(count)
		if err != nil {
			return false, err
		}
		_, err = b.store.Put(ctx, name, data, nil, o.Generation)
		if !errors.Is(err, objects.ErrConflict) {
			return err == nil, err
		}
	}
}
