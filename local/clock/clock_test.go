package clock

import (
	"testing"
	"time"
)

var start = time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)

func TestStandsUntilMoved(t *testing.T) {
	c := New(start)
	c.Advance(time.Hour)
	c.Advance(-time.Hour)
	if got := c.Now(); !got.Equal(start.Add(time.Hour)) {
		t.Error(got)
	}
}

func TestRunsFast(t *testing.T) {
	c := Fast(start, 1e9)
	before := time.Now()
	for time.Since(before) == 0 { // until the world's clock has moved at all
	}
	if got := c.Now(); got.Sub(start) < time.Second {
		t.Error(got)
	}
}
