package pipeline

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/alert"
)

const second = int64(time.Second)

// throttled feeds a throttle and writes down what it sends as "output+suppressed".
type throttled struct {
	*throttle
	sent []string
}

func newThrottled(maxWindows int) *throttled {
	t := new(throttled)
	t.throttle = newThrottle(maxWindows, func(a *alert.Alert) {
		t.sent = append(t.sent, fmt.Sprintf("%s+%d", a.Output, a.GetSuppressed().GetCount()))
	})
	return t
}

func (t *throttled) event(rule, per string, at int64) {
	t.expire(at)
	k := throttleKey{rule, per}
	if t.add(k, at) {
		t.put(k, 10*time.Second, at, &alert.Alert{Output: fmt.Sprintf("%s%s@%d", rule, per, at/second)})
	}
}

func TestThrottle(t *testing.T) {
	type step struct {
		per string
		at  int64 // seconds
	}
	tests := []struct {
		name  string
		steps []step
		want  []string // after the steps
		flush []string // after the flush
	}{
		{"one", []step{{"a", 1}}, []string{"ra@1+0"}, []string{"ra@1+0"}},
		{"the first repeat waits", []step{{"a", 1}, {"a", 2}}, []string{"ra@1+0"}, []string{"ra@1+0", "ra@2+0"}},
		{"the others are counted in it", []step{{"a", 1}, {"a", 2}, {"a", 3}, {"a", 4}, {"a", 12}},
			[]string{"ra@1+0", "ra@2+2"}, []string{"ra@1+0", "ra@2+2", "ra@12+0"}},
		{"keys are apart", []step{{"a", 1}, {"b", 1}, {"a", 2}, {"b", 2}},
			[]string{"ra@1+0", "rb@1+0"}, []string{"ra@1+0", "rb@1+0", "ra@2+0", "rb@2+0"}},
		{"a quiet window closes", []step{{"a", 1}, {"a", 20}}, []string{"ra@1+0", "ra@20+0"}, []string{"ra@1+0", "ra@20+0"}},
		{"a steady stream is one a window", []step{{"a", 0}, {"a", 5}, {"a", 10}, {"a", 15}, {"a", 20}, {"a", 25}, {"a", 30}},
			[]string{"ra@0+0", "ra@5+0", "ra@10+1", "ra@20+1"}, []string{"ra@0+0", "ra@5+0", "ra@10+1", "ra@20+1", "ra@30+0"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			th := newThrottled(100)
			for _, s := range test.steps {
				th.event("r", s.per, s.at*second)
			}
			if diff := cmp.Diff(test.want, th.sent); diff != "" {
				t.Errorf("after the steps (-want +got):\n%s", diff)
			}
			th.flush()
			if diff := cmp.Diff(test.flush, th.sent); diff != "" {
				t.Errorf("after the flush (-want +got):\n%s", diff)
			}
		})
	}
}

// TestThrottleSum: every event is an alert or counted in one, whatever comes and however few windows there is room for.
func TestThrottleSum(t *testing.T) {
	for _, windows := range []int{1, 7, 1000} {
		sum := uint64(0)
		th := newThrottle(windows, func(a *alert.Alert) { sum += 1 + a.GetSuppressed().GetCount() })
		const events = 20_000
		for i := range int64(events) {
			at := i * second / 50
			th.expire(at)
			k := throttleKey{"r", fmt.Sprint(i * i % 113)}
			if th.add(k, at) {
				th.put(k, time.Duration(1+i%3)*time.Second, at, &alert.Alert{})
			}
			if len(th.windows) > windows {
				t.Fatalf("%d windows where %d may be", len(th.windows), windows)
			}
		}
		th.flush()
		if sum != events {
			t.Errorf("%d windows: the alerts stand for %d events, not %d", windows, sum, events)
		}
	}
}

func TestThrottleWake(t *testing.T) {
	th := newThrottled(10)
	th.event("r", "a", second)
	if _, ok := th.wake(); ok {
		t.Error("nothing is kept, and yet there is a time to wake at")
	}
	th.event("r", "a", 2*second)
	if at, ok := th.wake(); !ok || at != 11*second {
		t.Errorf("wake at %d, %v; want the window's end at %d", at, ok, 11*second)
	}
	th.expire(11 * second)
	if diff := cmp.Diff([]string{"ra@1+0", "ra@2+0"}, th.sent); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
}
