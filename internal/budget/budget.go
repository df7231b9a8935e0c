// Package budget keeps all that write findings together within the quotas of Security Command Center: 1,000 writes a minute and
// 500 MB a day of an organization. Whoever writes asks first; what is not allowed now is written later.
// https://cloud.google.com/security-command-center/quotas
package budget

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"tiercel.dev/internal/meter"
)

// Config is what a [Budget] is made of. Store must be set.
type Config struct {
	// Store keeps the counts of the minute's writes and the day's bytes.
	Store Store
	// WritesPerMinute and BytesPerDay are the quota, which is shared by all instances of every function that writes findings.
	// Defaults: 1,000 and 500 MB.
	WritesPerMinute int
	BytesPerDay     int64
	// MaxInstances are all that may run at once. Where the counts cannot be read, each keeps to an even share. Default 1.
	MaxInstances int
	Log          *slog.Logger // default slog.Default()
}

// A Budget is an instance's part of both: it takes writes of the minute (writes.go) and bytes of the day (day.go) out of counts
// that all share, in pieces. Of each count a part is for what is urgent alone. It is safe for concurrent use.
type Budget struct {
	log    *slog.Logger
	count  dayCount
	minute minuteCount

	mu       sync.Mutex
	writes   window          // an even share of a minute's, for when nobody can count
	alone    time.Time       // until when that is so
	grants   map[bool]*grant // by urgency
	patience time.Time       // until when the service asked for it
	day      string
	left     int64           // bytes of the day taken out of the count and not used yet
	dry      map[bool]string // the day on which no more were to be had, by urgency

	refill sync.Mutex // held while a piece is taken, so that many that wait take one
}

const (
	urgentWrites = 0.08 // of a minute's
	urgentBytes  = 0.2  // of a day's

	// reckoned is the size that a write is taken for until it is made: a large one's. The bound of a finding would leave
	// most of the quota unused.
	reckoned = 4 << 10

	// minPatience and maxPatience bound how long nothing is written after the service had enough: a day's quota comes back
	// at midnight, but may be raised before.
	minPatience, maxPatience = time.Second, time.Minute
)

// New makes no request.
func New(cfg Config) *Budget {
	if cfg.WritesPerMinute == 0 {
		cfg.WritesPerMinute = 1000
	}
	if cfg.BytesPerDay == 0 {
		cfg.BytesPerDay = 500_000_000
	}
	if cfg.MaxInstances == 0 {
		cfg.MaxInstances = 1
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Budget{
		log: cfg.Log, count: dayCount{store: cfg.Store, limit: cfg.BytesPerDay}, dry: make(map[bool]string),
		minute: minuteCount{store: cfg.Store, limit: cfg.WritesPerMinute}, grants: map[bool]*grant{false: {pace: firstWrites}, true: {pace: firstWrites}},
		writes: window{at: make([]time.Time, max(1, cfg.WritesPerMinute/cfg.MaxInstances))},
	}
}

// Allow takes one write out of the budget, if there is one. Urgent is what is of severity HIGH or above.
func (b *Budget) Allow(ctx context.Context, now time.Time, urgent bool) bool {
	for {
		switch b.take(now, urgent) {
		case allowed:
			meter.Add(ctx, meter.Budget, 1, "allowed")
			return true
		case refused:
			meter.Add(ctx, meter.Budget, 1, "refused")
			return false
		case wantsWrites:
			b.takeWrites(ctx, now, urgent)
		case wantsBytes:
			took, err := b.takePiece(ctx, urgent)
			if err != nil {
				// Without the count nobody knows what is left. To write is the lesser harm: the service has a quota of its own.
				b.log.WarnContext(ctx, "the day's bytes of findings are not counted", "err", err)
				b.add(piece)
			} else if !took {
				meter.Add(ctx, meter.Budget, 1, "refused")
				return false
			}
		}
	}
}

// An answer is what [Budget.take] comes to.
type answer int

const (
	refused answer = iota
	allowed
	wantsBytes  // they are to be had from the day's count first
	wantsWrites // and from the minute's
)

// take is Allow without requests.
func (b *Budget) take(now time.Time, urgent bool) answer {
	b.mu.Lock()
	defer b.mu.Unlock()
	if day := now.UTC().Format(time.DateOnly); day != b.day {
		b.day, b.left = day, 0
	}
	var from *grant
	switch {
	case now.Before(b.patience), b.dry[urgent] == b.day:
		return refused
	case now.Before(b.alone):
		if !b.writes.room(now, b.even(urgent)) {
			return refused
		}
	case b.grants[urgent].holds(now):
		from = b.grants[urgent]
	case b.grants[urgent].refused(now):
		return refused
	default:
		return wantsWrites
	}
	if b.left < reckoned {
		return wantsBytes
	}
	b.left -= reckoned
	b.writes.note(now)
	if from != nil {
		from.left--
	}
	return allowed
}

// even is the part of the even share that is for an urgency.
func (b *Budget) even(urgent bool) int {
	share := len(b.writes.at)
	if urgent {
		return share
	}
	return max(1, share-int(urgentWrites*float64(share)))
}

// takeWrites takes a piece of the minute's writes.
func (b *Budget) takeWrites(ctx context.Context, now time.Time, urgent bool) {
	b.refill.Lock()
	defer b.refill.Unlock()
	b.mu.Lock()
	g := b.grants[urgent]
	if g.holds(now) || g.refused(now) || now.Before(b.alone) {
		b.mu.Unlock()
		return // somebody else was first
	}
	switch used := now.Sub(g.since); {
	case g.left > 0 || used >= useWithin:
		g.pace = firstWrites
	case used < atOnce:
		g.pace = min(2*g.pace, max(firstWrites, b.minute.part(mostWrites)))
	}
	n, back := g.pace, g.over(now)
	b.mu.Unlock()
	granted, err := b.minute.take(ctx, now, n, urgent, back)
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case err != nil:
		b.log.WarnContext(ctx, "the minute's writes of findings are not counted: this instance keeps to its even share", "err", err)
		b.alone = now.Add(alone)
	case granted == 0:
		g.none = now
	default:
		g.left, g.since = granted, now
	}
}

func (b *Budget) takePiece(ctx context.Context, urgent bool) (bool, error) {
	b.refill.Lock()
	defer b.refill.Unlock()
	b.mu.Lock()
	day, left := b.day, b.left
	b.mu.Unlock()
	if left >= reckoned {
		return true, nil // somebody else was first
	}
	took, err := b.count.take(ctx, day, urgent)
	switch {
	case err != nil:
		return false, err
	case took:
		b.add(piece)
	default:
		b.mu.Lock()
		b.dry[urgent] = day
		b.mu.Unlock()
		b.log.WarnContext(ctx, "the day's bytes of findings are used up: they wait for the next day", "urgent", urgent)
	}
	return took, nil
}

func (b *Budget) add(bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left += bytes
}

// Tight reports whether so few of the minute's writes are left that what is urgent may soon find none. Where nobody can count it is not.
func (b *Budget) Tight(ctx context.Context, now time.Time) bool {
	count, _, err := b.minute.read(ctx, now)
	return err == nil && b.minute.left(count.Taken, now) <= 2*b.minute.part(urgentWrites)
}

// Spent tells the size of a write that was made, in bytes.
func (b *Budget) Spent(size int) { b.add(reckoned - int64(size)) }

// Wait has the service's word: it had enough, and asks for so long, 0 if it does not say.
func (b *Budget) Wait(now time.Time, delay time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.patience = now.Add(min(max(delay, minPatience), maxPatience))
}

// A window holds the times of the last writes, as many as an even share of a minute's has. Unlike a bucket of tokens it allows a minute's
// writes at once and still never more than that in any minute.
type window struct {
	at   []time.Time
	next int
}

// room reports whether fewer than n writes are in the minute before now.
func (w *window) room(now time.Time, n int) bool {
	nth := w.at[(w.next-n+len(w.at))%len(w.at)]
	return nth.IsZero() || now.Sub(nth) >= time.Minute
}

func (w *window) note(now time.Time) {
	w.at[w.next] = now
	w.next = (w.next + 1) % len(w.at)
}
