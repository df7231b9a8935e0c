package pipeline

import (
	"cmp"
	"slices"
	"time"

	"tiercel.dev/alert"
)

// A throttle lets the first alert of each key pass and folds its repeats within the window into one more alert: the
// first repeat, sent when the window ends, with the number of the others. So a repeat is at most a window late, and none
// is left out of the sum. Time is the caller's: the events' own in a replay, so that it gives the same alerts each time.
type throttle struct {
	windows map[throttleKey]*window
	max     int
	nextEnd int64 // no window ends before this time, ns since the epoch
	send    func(*alert.Alert)
	kept    func() // called when a window keeps its first repeat

	suppressed uint64 // events that are a count in another's alert
	evicted    uint64 // windows closed early because there were too many
}

// throttleKey is a rule and the values of its throttle's fields.
type throttleKey struct{ rule, per string }

type window struct {
	end    int64 // ns since the epoch
	every  time.Duration
	repeat *alert.Alert // the first repeat; nil if there was none

	count       uint64 // of the repeats after it
	first, last int64  // of those, ns since the epoch
}

// sealed returns the window's repeat with what was counted after it, or nil, and empties the window.
func (w *window) sealed() *alert.Alert {
	a := w.repeat
	if a != nil && w.count > 0 {
		a.Suppressed = &alert.Alert_Suppressed{Count: w.count, FirstTime: alert.Time(w.first), LastTime: alert.Time(w.last)}
	}
	w.repeat, w.count = nil, 0
	return a
}

func newThrottle(maxWindows int, send func(*alert.Alert)) *throttle {
	return &throttle{windows: make(map[throttleKey]*window), max: maxWindows, send: send, kept: func() {}}
}

// add counts an event at now under k. It reports whether an alert for the event is wanted, to be given to [throttle.put].
// A repeat of a repeat only counts, which is cheap: an event that repeats a million times builds two alerts.
func (t *throttle) add(k throttleKey, now int64) (wanted bool) {
	w := t.windows[k]
	if w == nil || w.repeat == nil {
		return true
	}
	if w.count == 0 {
		w.first = now
	}
	w.count++
	w.last = now
	t.suppressed++
	return false
}

// put sends a, the first of its key, and opens the key's window, or keeps a back as the first repeat.
func (t *throttle) put(k throttleKey, every time.Duration, now int64, a *alert.Alert) {
	if w := t.windows[k]; w != nil {
		w.repeat = a
		t.kept()
		return
	}
	if len(t.windows) >= t.max {
		t.evictEarliest()
	}
	t.windows[k] = &window{end: now + int64(every), every: every}
	t.nextEnd = t.earliestEnd(now + int64(every))
	t.send(a)
}

// expire closes the windows that have ended by now and sends what they kept. One that kept something opens again, so
// that a steady stream of repeats gives one alert a window.
func (t *throttle) expire(now int64) {
	if len(t.windows) == 0 || now < t.nextEnd {
		return
	}
	t.nextEnd = 1<<63 - 1
	for _, k := range t.endedBy(now) {
		w := t.windows[k]
		a := w.sealed()
		if a == nil {
			delete(t.windows, k)
			continue
		}
		w.end = now + int64(w.every)
		t.send(a)
	}
	for _, w := range t.windows {
		t.nextEnd = min(t.nextEnd, w.end)
	}
}

// flush sends all that is kept, at the end of a capture or of the sensor.
func (t *throttle) flush() {
	for _, k := range t.endedBy(1<<63 - 1) {
		if a := t.windows[k].sealed(); a != nil {
			t.send(a)
		}
		delete(t.windows, k)
	}
}

// wake returns when [throttle.expire] has something to send, or false if nothing is kept.
func (t *throttle) wake() (int64, bool) {
	end, kept := int64(1<<63-1), false
	for _, w := range t.windows {
		if w.repeat != nil {
			end, kept = min(end, w.end), true
		}
	}
	return end, kept
}

func (t *throttle) earliestEnd(end int64) int64 {
	if len(t.windows) == 1 {
		return end
	}
	return min(t.nextEnd, end)
}

// endedBy returns the keys of the windows that have ended, earliest first and then by name: the order in which their
// alerts are sent must not depend on the map's.
func (t *throttle) endedBy(now int64) []throttleKey {
	var keys []throttleKey
	for k, w := range t.windows {
		if w.end <= now {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b throttleKey) int {
		return cmp.Or(
			cmp.Compare(t.windows[a].end, t.windows[b].end),
			cmp.Compare(a.rule, b.rule),
			cmp.Compare(a.per, b.per))
	})
	return keys
}

func (t *throttle) evictEarliest() {
	keys := t.endedBy(1<<63 - 1)
	for _, k := range keys[:max(1, len(keys)/16)] {
		if a := t.windows[k].sealed(); a != nil {
			t.send(a)
		}
		delete(t.windows, k)
		t.evicted++
	}
}
