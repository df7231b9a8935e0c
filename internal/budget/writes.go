package budget

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"tiercel.dev/internal/meter"
	"tiercel.dev/internal/objects"
)

// What an instance takes out of the minute's writes at once. It begins with few, so that those who write now and then do not keep
// writes from those who have many to make, and takes twice as many each time as it used up the last: an object takes one write a
// second, and a flood must not be one of takings.
const (
	firstWrites = 2
	mostWrites  = 0.02 // of a minute's
	// useWithin is how long they may be used; what is left then is given back with the next taking, and lost to all if there is none.
	useWithin = 10 * time.Second
	// askAgain is when an instance looks again that was told that there are none.
	askAgain = time.Second
	// alone is how long an instance keeps to its even share that could not read the count.
	alone = 10 * time.Second
	// unasked are a minute's writes that nobody takes here: tiercel doctor writes a finding without asking, and one that was allowed
	// may take longer to be made than it counts for.
	unasked = 0.05
	// forOthers are a minute's writes that are never for what is urgent, so that no flood of it has the others wait for ever.
	forOthers = 0.05
)

// writesName is the object that holds the count.
const writesName = "budget/writes"

// A minuteCount is how many writes all instances together have taken. In no minute are more made than there are in one: what was
// taken counts for a minute after the last moment at which it may be used.
//
// What is not urgent is spread over that time. It could have nearly all of a minute in its first second, and then what is urgent
// would find a tenth for the rest of it; as it is, every ten seconds as many come free as the others have in ten seconds, and what
// is urgent takes them first: it may fill what the others may not.
type minuteCount struct {
	store Store
	limit int // of a minute
}

// countVersion is of the form of both counts, of a minute and of a day. One that a newer program keeps is not written: whoever does
// not know it keeps to its even share, as if there were no count.
const countVersion = 1

// taking is of one second.
type taking struct {
	At     int64 `json:"at"` // s since the epoch
	Writes int   `json:"writes"`
	Urgent int   `json:"urgent,omitempty"` // of these
}

// part is a share of a minute's writes.
func (c minuteCount) part(share float64) int { return int(share * float64(c.limit)) }

// room is how many writes there are for an urgency.
func (c minuteCount) room(taken []taking, now time.Time, urgent bool) int {
	sum, others, lately := 0, 0, 0
	for _, t := range taken {
		sum, others = sum+t.Writes, others+t.Writes-t.Urgent
		if t.At > now.Add(-useWithin).Unix() {
			lately += t.Writes - t.Urgent
		}
	}
	owed, free := max(0, c.part(forOthers)-others), c.limit-c.part(unasked)-sum
	if urgent {
		return free - owed
	}
	spread := (c.limit - c.part(unasked) - c.part(urgentWrites)) * int(useWithin) / int(time.Minute+useWithin)
	return min(max(free-c.part(urgentWrites), min(owed, free)), max(1, spread)-lately)
}

// unused is what is left of an earlier taking that ran out.
type unused struct {
	at     time.Time
	writes int
}

// without gives back what was not used.
func without(taken []taking, u unused, urgent bool) {
	for i, t := range taken {
		if t.At == u.at.Unix() {
			taken[i].Writes -= u.writes
			if urgent {
				taken[i].Urgent -= u.writes
			}
		}
	}
}

// take takes as many writes as there are for this urgency, n at most, and gives back.
func (c minuteCount) take(ctx context.Context, now time.Time, n int, urgent bool, back unused) (int, error) {
	for {
		o, err := c.store.Get(ctx, writesName)
		if err != nil && !errors.Is(err, objects.ErrNotFound) {
			return 0, err
		}
		var count struct {
			Version int      `json:"version"`
			Taken   []taking `json:"taken"`
		}
		if err == nil {
			if err := o.Read(countVersion, &count); err != nil {
				return 0, err
			}
		}
		count.Version = countVersion
		oldest := now.Add(-time.Minute - useWithin).Unix()
		count.Taken = slices.DeleteFunc(count.Taken, func(t taking) bool { return t.At < oldest })
		without(count.Taken, back, urgent)
		granted := max(0, min(n, c.room(count.Taken, now, urgent)))
		left := c.limit - granted
		for _, t := range count.Taken {
			left -= t.Writes
		}
		meter.Set(ctx, meter.Writes, float64(max(0, left)))
		if granted == 0 && back.writes == 0 {
			return 0, nil
		}
		i := slices.IndexFunc(count.Taken, func(t taking) bool { return t.At == now.Unix() })
		if i < 0 {
			i = len(count.Taken)
			count.Taken = append(count.Taken, taking{At: now.Unix()})
		}
		count.Taken[i].Writes += granted
		if urgent {
			count.Taken[i].Urgent += granted
		}
		data, err := json.Marshal(count)
		if err != nil {
			return 0, err
		}
		_, err = c.store.Put(ctx, writesName, data, nil, o.Generation)
		if !errors.Is(err, objects.ErrConflict) {
			return granted, err
		}
		if ctx.Err() != nil {
			return 0, fmt.Errorf("%s: others write it all the time: %w", writesName, ctx.Err())
		}
	}
}

// A grant is what was taken and not used yet.
type grant struct {
	left  int
	since time.Time
	none  time.Time // when there were none
	pace  int       // writes to take next
}

// holds reports whether there is a write to be used.
func (g *grant) holds(now time.Time) bool { return g.left > 0 && now.Sub(g.since) < useWithin }

// over ends what may not be used any more.
func (g *grant) over(now time.Time) (back unused) {
	if !g.holds(now) {
		back = unused{g.since, g.left}
		g.left = 0
	}
	return back
}

// refused reports whether there were none just now.
func (g *grant) refused(now time.Time) bool { return !g.none.IsZero() && now.Sub(g.none) < askAgain }
