package pipeline

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"

	"tiercel.dev/alert"
)

// TestThrottleBytes: who chooses the keys and what is kept for them cannot make that more than there is room for.
func TestThrottleBytes(t *testing.T) {
	long := &alert.Alert{Process: &alert.Process{Args: slices.Repeat([]string{"argument"}, 2000)}}
	size := proto.Size(long)
	sum := uint64(0)
	th := newThrottle(1000, func(a *alert.Alert) { sum += 1 + a.GetSuppressed().GetCount() })
	th.maxBytes = 5*size + size/2
	const keys, repeats = 100, 3
	for range repeats {
		for i := range keys {
			k := throttleKey{"r", fmt.Sprint(i)}
			if th.add(k, int64(i)) {
				th.put(k, time.Minute, int64(i), proto.CloneOf(long))
			}
			kept := 0
			for _, w := range th.windows {
				kept += proto.Size(w.repeat)
			}
			if kept > th.maxBytes || kept != th.bytes {
				t.Fatalf("%d bytes are kept and %d counted where %d may be", kept, th.bytes, th.maxBytes)
			}
		}
	}
	if th.evicted == 0 {
		t.Error("windows were closed early and none is counted")
	}
	th.flush()
	if sum != keys*repeats || th.bytes != 0 {
		t.Errorf("the alerts stand for %d events, not %d; %d bytes are left", sum, keys*repeats, th.bytes)
	}
}

// TestThrottleBytesOrder: the window that ends first makes room, and one that keeps nothing stays.
func TestThrottleBytesOrder(t *testing.T) {
	th := newThrottled(100)
	th.event("r", "quiet", 0)
	for i, per := range []string{"c", "a", "b"} {
		th.event("r", per, int64(1+i)*second)
	}
	th.sent = nil
	th.maxBytes = 2 * proto.Size(&alert.Alert{Output: "ra@5"})
	for _, per := range []string{"b", "a", "c"} {
		th.event("r", per, 5*second)
	}
	if diff := cmp.Diff([]string{"rc@5+0"}, th.sent); diff != "" {
		t.Errorf("sent for want of room (-want +got):\n%s", diff)
	}
	if len(th.windows) != 3 || th.evicted != 1 {
		t.Errorf("%d windows are open and %d were closed early, want 3 and 1", len(th.windows), th.evicted)
	}
	th.maxBytes = 1
	th.event("r", "quiet", 6*second)
	if diff := cmp.Diff([]string{"rc@5+0", "rquiet@6+0", "ra@5+0", "rb@5+0"}, th.sent); diff != "" {
		t.Errorf("sent with no room at all (-want +got):\n%s", diff)
	}
	if _, ok := th.wake(); ok {
		t.Error("nothing is kept, and yet there is a time to wake at")
	}
}

// TestThrottleEvictsOne: each window too many costs one other, the one that ends first.
func TestThrottleEvictsOne(t *testing.T) {
	th := newThrottled(64)
	for i := range int64(65) {
		th.event("r", fmt.Sprint(i), i)
	}
	if th.evicted != 1 || len(th.windows) != 64 || th.windows[throttleKey{"r", "0"}] != nil {
		t.Errorf("%d closed early, %d open; want the first closed and no other", th.evicted, len(th.windows))
	}
}

// TestThrottleOrder compares with a throttle that looks at every window: what is sent, and in which order, and when to wake.
func TestThrottleOrder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	th := newThrottled(1000)
	type plain struct {
		end    int64
		repeat string
		count  int
	}
	model := make(map[string]*plain)
	var want []string
	now := int64(0)
	for range 20_000 {
		now += random.Int64N(second / 2)
		var ended []string
		for per, w := range model {
			if w.end <= now {
				ended = append(ended, per)
			}
		}
		slices.SortFunc(ended, func(a, b string) int {
			if model[a].end != model[b].end {
				return int(model[a].end - model[b].end)
			}
			return strings.Compare(a, b)
		})
		for _, per := range ended {
			if w := model[per]; w.repeat == "" {
				delete(model, per)
			} else {
				want = append(want, fmt.Sprintf("%s+%d", w.repeat, w.count))
				*w = plain{end: now + 10*second}
			}
		}
		per := fmt.Sprint(random.IntN(40))
		switch w := model[per]; {
		case w == nil:
			model[per] = &plain{end: now + 10*second}
			want = append(want, fmt.Sprintf("r%s@%d+0", per, now/second))
		case w.repeat == "":
			w.repeat = fmt.Sprintf("r%s@%d", per, now/second)
		default:
			w.count++
		}
		th.event("r", per, now)

		wake := int64(math.MaxInt64)
		for _, w := range model {
			if w.repeat != "" {
				wake = min(wake, w.end)
			}
		}
		if at, ok := th.wake(); ok != (wake != math.MaxInt64) || ok && at != wake {
			t.Fatalf("at %d: wake at %d, %v; want %d", now, at, ok, wake)
		}
	}
	if diff := cmp.Diff(want, th.sent); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
}

// TestThrottleEndOfTime: a capture may say any time, also one behind which there is no room for a window.
func TestThrottleEndOfTime(t *testing.T) {
	th := newThrottled(10)
	th.event("r", "a", math.MaxInt64-10*second)
	th.event("r", "a", math.MaxInt64-9*second)
	th.event("r", "a", math.MaxInt64)
	th.event("r", "a", math.MaxInt64)
	th.flush()
	if len(th.sent) != 4 {
		t.Errorf("sent %v", th.sent)
	}
}

// TestThrottleLongKey: a window is known by few bytes, however long the values that it counts apart.
func TestThrottleLongKey(t *testing.T) {
	long := bytes.Repeat([]byte("x"), 100_000)
	a, b := keyOf("r", append(slices.Clone(long), "a\x00"...)), keyOf("r", append(slices.Clone(long), "b\x00"...))
	if len(a.per) > longKey || a == b || a != keyOf("r", append(slices.Clone(long), "a\x00"...)) {
		t.Errorf("keys %q and %q: want two short ones, the same each time", a.per, b.per)
	}
	if short := keyOf("r", []byte("curl\x00")); short.per != "curl\x00" {
		t.Errorf("a short value's key is %q", short.per)
	}
	if forged := keyOf("r", append([]byte(a.per[:sha256.Size]), 0)); forged == a {
		t.Error("a value that looks like a digest shares a window with what has that digest")
	}
}

// BenchmarkThrottle: an event that ends one of 16,384 windows and opens another, as an attacker's names would.
func BenchmarkThrottle(b *testing.B) {
	const windows = 16384
	th := newThrottle(windows, func(*alert.Alert) {})
	keys := make([]throttleKey, 2*windows)
	for i := range keys {
		keys[i] = throttleKey{"r", fmt.Sprintf("/tmp/%d\x00", i)}
	}
	a := new(alert.Alert)
	event := func(i int64) {
		th.expire(i)
		if k := keys[i%int64(len(keys))]; th.add(k, i) {
			th.put(k, windows, i, a)
		}
	}
	i := int64(0)
	for ; i < windows; i++ {
		event(i)
	}
	b.ReportAllocs()
	for b.Loop() {
		event(i)
		i++
	}
	if len(th.windows) != windows {
		b.Fatalf("%d windows are open", len(th.windows))
	}
}

// BenchmarkThrottleKeeping: the same windows, each of which keeps a repeat and opens again, and the look when to wake.
func BenchmarkThrottleKeeping(b *testing.B) {
	const windows = 16384
	th := newThrottle(windows, func(*alert.Alert) {})
	a := new(alert.Alert)
	keys := make([]throttleKey, windows)
	for i := range keys {
		keys[i] = throttleKey{"r", fmt.Sprintf("/tmp/%d\x00", i)}
		th.put(keys[i], 2*windows, int64(i), a)
	}
	i := int64(windows)
	b.ReportAllocs()
	for b.Loop() {
		th.expire(i)
		if k := keys[i%windows]; th.add(k, i) {
			th.put(k, 2*windows, i, a)
		}
		th.wake()
		i++
	}
}
