package probe

import (
	"testing"

	"tiercel.dev/internal/event"
)

// A record that is missing is told of once: by the reason that the kernel side counted, or as one that nobody did.
func TestLossIsCountedOnce(t *testing.T) {
	drops := []Drop{
		{RingFull, event.Exec, 3}, {RingFull, event.Openat, 10}, {Reserved, event.Openat, 7}, {UserMemory, event.Openat, 50}, {Recursion, event.Exec, 5},
	}
	for _, tt := range []struct{ gaps, want uint64 }{{0, 0}, {12, 0}, {20, 0}, {21, 1}, {70, 50}} {
		if got := uncounted(tt.gaps, drops); got != tt.want {
			t.Errorf("%d of %d missing records are in no count, want %d", got, tt.gaps, tt.want)
		}
	}
}
