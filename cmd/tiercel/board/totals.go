package board

import (
	"maps"
	"slices"
	"time"

	"tiercel.dev/alert"
)

// A Tally counts by name.
type Tally map[string]uint64

// Sum is all of it.
func (t Tally) Sum() (n uint64) {
	for _, c := range t {
		n += c
	}
	return n
}

// Totals are what a run came to. The events of alerts and of findings are the kernel's: an alert stands for those that were
// suppressed too.
type Totals struct {
	Events        Tally  `json:"events"`     // that rules saw, by kind
	Alerts        Tally  `json:"alerts"`     // by rule
	Severities    Tally  `json:"severities"` // alerts, by severity
	AlertEvents   uint64 `json:"alert_events"`
	Findings      int    `json:"findings"`
	FindingEvents uint64 `json:"finding_events"`
	Drops         Tally  `json:"drops"`           // by reason
	Lost          uint64 `json:"lost"`            // events, of those drops
	InPart        uint64 `json:"in_part"`         // events
	LostByOutputs uint64 `json:"lost_by_outputs"` // alerts
	DeadLettered  uint64 `json:"dead_lettered"`   // since the run began
	Quarantined   uint64 `json:"quarantined"`     // messages that stand there
	Dead          uint64 `json:"dead"`            // dead letters that stand there
	Memory        uint64 `json:"memory"`          // bytes of this process
	LastHeartbeat string `json:"last_heartbeat"`
}

func newTotals() Totals {
	return Totals{Events: Tally{}, Alerts: Tally{}, Severities: Tally{}, Drops: Tally{}}
}

func (t *Totals) alert(a *alert.Alert) {
	t.Alerts[a.GetRule().GetName()]++
	t.Severities[a.GetSeverity().String()]++
	t.AlertEvents += 1 + a.GetSuppressed().GetCount()
}

// health takes the sensor's counts, which run since its start.
func (t *Totals) health(h *alert.Heartbeat) {
	clear(t.Events)
	clear(t.Drops)
	for _, c := range h.GetEvents() {
		t.Events[c.GetKind()] += c.GetCount()
	}
	for _, d := range h.GetDrops() {
		t.Drops[d.GetReason()] += d.GetCount()
	}
	t.Lost, t.InPart = losses(t.Drops)
	t.LostByOutputs = 0
	for _, o := range h.GetOutputs() {
		t.LostByOutputs += o.GetDropped()
	}
}

// Totals returns them as they are.
func (b *Board) Totals() Totals {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := b.totals
	t.Events, t.Alerts, t.Severities, t.Drops = maps.Clone(t.Events), maps.Clone(t.Alerts), maps.Clone(t.Severities), maps.Clone(t.Drops)
	return t
}

// Now is how a run is, in a line.
type Now struct {
	Rate     float64 // events a second, that rules saw
	Alerts   uint64
	Findings int
	Lost     uint64 // events and alerts
	InPart   uint64 // events
	Aside    uint64 // messages
	Memory   uint64 // bytes
	Running  time.Duration
}

// Now is as of the last tick.
func (b *Board) Now() Now {
	b.mu.Lock()
	defer b.mu.Unlock()
	t := &b.totals
	n := Now{
		Alerts: t.Alerts.Sum(), Findings: t.Findings, Lost: t.Lost + t.LostByOutputs, InPart: t.InPart, Aside: t.Dead + t.Quarantined,
		Memory: t.Memory, Running: b.rates.last.Sub(b.started),
	}
	if len(b.rates.points) > 0 {
		n.Rate = b.rates.points[len(b.rates.points)-1].Events
	}
	return n
}

// Latency is the time from the kernel's event to its finding, at a share of the first writes; 0 if there was none.
func (b *Board) Latency(share float64) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.took) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(b.took))
	return sorted[int(share*float64(len(sorted)-1))]
}
