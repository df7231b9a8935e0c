package probe

import (
	"math"

	"golang.org/x/sys/unix"
)

// refreshClock is how often (ns of boot time) the wall clock is compared with the time since boot: often enough for a
// clock that NTP slews, seldom enough to cost nothing.
const refreshClock = 1e9

// bootTime returns when this machine was booted, in ns since the epoch: what to add to a record's time. Of a few tries
// the one counts in which the least time passed between the two clocks.
func bootTime() int64 {
	var boot int64
	best := int64(math.MaxInt64)
	for range 3 {
		before := clock(unix.CLOCK_BOOTTIME)
		wall := clock(unix.CLOCK_REALTIME)
		after := clock(unix.CLOCK_BOOTTIME)
		if after-before < best {
			best = after - before
			boot = wall - before - best/2
		}
	}
	return boot
}

func clock(id int32) int64 {
	var t unix.Timespec
	if unix.ClockGettime(id, &t) != nil {
		return 0
	}
	return t.Nano()
}
