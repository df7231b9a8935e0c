package pipeline

import (
	"container/heap"
	"crypto/sha256"
	"time"

	"google.golang.org/protobuf/proto"

	"tiercel.dev/alert"
)

const (
	defaultThrottleBytes = 8 << 20
	// longKey is how long a key may be before its digest stands for it: a path fits, a command line need not.
	longKey = 256
)

// A throttle lets the first alert of each key pass and folds its repeats within the window into one more alert: the
// first repeat, sent when the window ends, with the number of the others. So a repeat is at most a window late, and none
// is left out of the sum. Time is the caller's: the events' own in a replay, so that it gives the same alerts each time.
//
// What an attacker can choose, the number of keys and the size of what is kept for each, is bounded: beyond it windows
// close before their end.
type throttle struct {
	windows  map[throttleKey]*window
	all      byEnd // of windows
	keeping  byEnd // of those with a repeat
	max      int   // windows
	maxBytes int   // of repeats
	send     func(*alert.Alert)
	kept     func() // called when a window keeps its first repeat

	bytes      int    // of the repeats that are kept
	suppressed uint64 // events that are a count in another's alert
	evicted    uint64 // windows closed early because there were too many, or too much in them
}

func newThrottle(maxWindows int, send func(*alert.Alert)) *throttle {
	return &throttle{
		windows: make(map[throttleKey]*window), all: byEnd{heap: ofAll}, keeping: byEnd{heap: ofKeeping},
		max: maxWindows, maxBytes: defaultThrottleBytes, send: send, kept: func() {},
	}
}

// keyOf returns the key of a rule and the values that it counts apart, each of which ends in NUL. That end is what a
// digest does not have, so that no value can be made to look like one; and SHA-256, so that no two can be made to meet.
func keyOf(rule string, per []byte) throttleKey {
	if len(per) > longKey {
		sum := sha256.Sum256(per)
		per = append(sum[:], '#')
	}
	return throttleKey{rule: rule, per: string(per)}
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
		t.keep(w, a)
		return
	}
	if len(t.windows) >= t.max && len(t.windows) > 0 {
		t.evict(t.all.windows[0])
	}
	w := &window{key: k, end: now + int64(every), every: every}
	t.windows[k] = w
	heap.Push(&t.all, w)
	t.send(a)
}

func (t *throttle) keep(w *window, a *alert.Alert) {
	w.repeat, w.size = a, proto.Size(a)
	heap.Push(&t.keeping, w)
	t.bytes += w.size
	for t.bytes > t.maxBytes && t.keeping.Len() > 0 {
		t.evict(t.keeping.windows[0])
	}
	t.kept()
}

// expire closes the windows that have ended by now and sends what they kept. One that kept something opens again, so
// that a steady stream of repeats gives one alert a window.
func (t *throttle) expire(now int64) {
	for t.all.Len() > 0 && t.all.windows[0].end <= now {
		w := t.all.windows[0]
		a := t.sealed(w)
		if a == nil {
			t.remove(w)
			continue
		}
		w.end = now + int64(w.every)
		heap.Fix(&t.all, w.at[ofAll])
		t.send(a)
	}
}

// flush sends all that is kept, at the end of a capture or of the sensor.
func (t *throttle) flush() {
	for t.all.Len() > 0 {
		t.end(t.all.windows[0])
	}
}

// wake returns when [throttle.expire] has something to send, or false if nothing is kept.
func (t *throttle) wake() (int64, bool) {
	if t.keeping.Len() == 0 {
		return 0, false
	}
	return t.keeping.windows[0].end, true
}

func (t *throttle) evict(w *window) {
	t.evicted++
	t.end(w)
}

func (t *throttle) end(w *window) {
	a := t.sealed(w)
	t.remove(w)
	if a != nil {
		t.send(a)
	}
}

// sealed returns the window's repeat with what was counted after it, or nil, and empties the window.
func (t *throttle) sealed(w *window) *alert.Alert {
	a := w.repeat
	if a == nil {
		return nil
	}
	if w.count > 0 {
		a.Suppressed = &alert.Alert_Suppressed{Count: w.count, FirstTime: alert.Time(w.first), LastTime: alert.Time(w.last)}
	}
	heap.Remove(&t.keeping, w.at[ofKeeping])
	t.bytes -= w.size
	w.repeat, w.size, w.count = nil, 0, 0
	return a
}

func (t *throttle) remove(w *window) {
	heap.Remove(&t.all, w.at[ofAll])
	delete(t.windows, w.key)
}
