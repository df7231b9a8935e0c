package board

import (
	"time"

	"tiercel.dev/alert"
)

// A Point is the rates of about a second.
type Point struct {
	At     int64   `json:"at"`     // ms since the epoch
	Events float64 `json:"events"` // a second, that rules saw
	Drops  float64 `json:"drops"`  // a second
	Alerts [5]int  `json:"alerts"` // in this time, by severity; the first is of none
}

// rates makes points of totals.
type rates struct {
	last          time.Time
	events, drops uint64
	alerts        [5]int
	points        []Point
}

func (r *rates) alert(s alert.Severity) { r.alerts[min(max(int(s), 0), len(r.alerts)-1)]++ }

// point ends a point; ok is false if no time has gone by.
func (r *rates) point(now time.Time, t Totals) (p Point, ok bool) {
	seconds := now.Sub(r.last).Seconds()
	if seconds <= 0 {
		return p, false
	}
	events, drops := t.Events.Sum(), t.Lost+t.LostByOutputs
	p = Point{At: now.UnixMilli(), Events: grown(r.events, events) / seconds, Drops: grown(r.drops, drops) / seconds, Alerts: r.alerts}
	r.last, r.events, r.drops, r.alerts = now, events, drops, [5]int{}
	r.points = append(r.points, p)
	if len(r.points) > keptPoints {
		r.points = append(r.points[:0], r.points[len(r.points)-keptPoints:]...)
	}
	return p, true
}

// grown is by how much a count grew; a count that became less is of another sensor, or was read in between.
func grown(before, now uint64) float64 {
	if now < before {
		return 0
	}
	return float64(now - before)
}
