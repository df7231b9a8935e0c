// Package clock is a time that stands until it is moved, or runs fast, so that tests and demonstrations see weeks pass.
package clock

import (
	"sync"
	"time"
)

// A Clock is safe for concurrent use. It never goes back.
type Clock struct {
	mu    sync.Mutex
	at    time.Time // on this clock, when the world's was real
	real  time.Time
	speed float64
}

// New returns a clock that stands at a time.
func New(at time.Time) *Clock { return Fast(at, 0) }

// Fast returns a clock that starts at a time and goes speed times as fast as the world's.
func Fast(at time.Time, speed float64) *Clock {
	return &Clock{at: at, real: time.Now(), speed: speed}
}

// Now is the time on this clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

func (c *Clock) now() time.Time {
	return c.at.Add(time.Duration(float64(time.Since(c.real)) * c.speed))
}

// Advance moves the clock on. A negative d does nothing.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at, c.real = c.now().Add(max(d, 0)), time.Now()
}
