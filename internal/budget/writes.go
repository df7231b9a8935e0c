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
// writes from those who have many to make, and takes twice as many each time as it used up the last at once: an object takes one write
// a second, and a flood must not be one of takings.
const (
	firstWrites = 2
	mostWrites  = 0.02 // of a minute's
	// useWithin is how long they may be used; what is left then is given back with the next taking, and lost to all if there is none.
	useWithin = 5 * time.Second
	// atOnce is in how short a time they are used up where twice as many will be in time.
	atOnce = useWithin / 2
	// counts is for how long what was taken counts: in no minute after that are there more writes than a minute has.
	counts = time.Minute + useWithin
	// spreadOver is the time in which what is not urgent has an even part.
	spreadOver = 10 * time.Second
	// refusedFor is how long the others leave what comes free to what is urgent after something urgent was refused, in s.
	refusedFor = 4
	// askAgain is when an instance looks again that was told that there are none.
	askAgain = time.Second
	// alone is how long an instance keeps to its even share that could not read the count.
	alone = 10 * time.Second
	// unasked are a minute's writes that nobody takes here: tiercel doctor writes a finding without asking, and one that was allowed
	// may take longer to be made than it counts for.
	unasked = 0.02
	// forOthers are a minute's writes that are never for what is urgent, so that no flood of it has the others wait for ever.
	forOthers = 0.05
)

// writesName is the object that holds the count.
const writesName = "budget/writes"

// A minuteCount is how many writes all instances together have taken. In no minute are more made than there are in one: what was
// taken counts for a minute after the last moment at which it may be used.
//
// What is not urgent may have all that is not kept back at once after a quiet time, and is spread over the time after that. If it had
// each minute's in its first seconds, what is urgent would find little for the rest of it, again and again; as it is, every ten seconds
// as many come free as the others have in ten seconds. Where that is not enough, and something urgent is refused, the others leave it
// what comes free.
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
func (c minuteCount) room(m minuteTaken, now time.Time, urgent bool) int {
	sum, others, earlier, lately := 0, 0, 0, 0
	for _, t := range m.Taken {
		if t.At >= now.Add(-counts).Unix() {
			sum, others = sum+t.Writes, others+t.Writes-t.Urgent
		}
		if t.At > now.Add(-spreadOver).Unix() {
			lately += t.Writes - t.Urgent
		} else {
			earlier += t.Writes
		}
	}
	owed, free := max(0, c.part(forOthers)-others), c.limit-c.part(unasked)-sum
	if urgent {
		return free - owed
	}
	if now.Unix()-m.Refused <= refusedFor {
		return min(owed, free)
	}
	most := c.limit - c.part(unasked) - c.part(urgentWrites)
	even := most * int(spreadOver) / int(counts)
	return min(max(free-c.part(urgentWrites), min(owed, free)), max(1, even, most-earlier)-lately)
}

// left is what nobody has taken.
func (c minuteCount) left(taken []taking, now time.Time) int {
	left := c.limit
	for _, t := range taken {
		if t.At >= now.Add(-counts).Unix() {
			left -= t.Writes
		}
	}
	return max(0, left)
}

// A minuteTaken is what stands in the store.
type minuteTaken struct {
	Version int      `json:"version"`
	Taken   []taking `json:"taken"`
	// Refused is when something urgent was refused last, in s since the epoch.
	Refused int64 `json:"refused,omitempty"`
}

// read returns what was taken of this minute and the one before it.
func (c minuteCount) read(ctx context.Context, now time.Time) (count minuteTaken, generation int64, err error) {
	o, err := c.store.Get(ctx, writesName)
	if errors.Is(err, objects.ErrNotFound) {
		return minuteTaken{Version: countVersion}, 0, nil
	}
	if err == nil {
		err = o.Read(countVersion, &count)
	}
	if err != nil {
		return count, 0, err
	}
	count.Version = countVersion
	oldest := now.Add(-2 * counts).Unix()
	count.Taken = slices.DeleteFunc(count.Taken, func(t taking) bool { return t.At < oldest })
	return count, o.Generation, nil
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
		count, generation, err := c.read(ctx, now)
		if err != nil {
			return 0, err
		}
		without(count.Taken, back, urgent)
		granted := max(0, min(n, c.room(count, now, urgent)))
		meter.Set(ctx, meter.Writes, float64(c.left(count.Taken, now)-granted))
		tell := urgent && granted == 0 && now.Unix()-count.Refused > refusedFor/2
		if tell {
			count.Refused = now.Unix()
		}
		if granted == 0 && back.writes == 0 && !tell {
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
		_, err = c.store.Put(ctx, writesName, data, nil, generation)
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
