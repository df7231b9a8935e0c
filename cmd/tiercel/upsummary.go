package main

import (
	"encoding/json"
	"os"
	"time"

	"tiercel.dev/cmd/tiercel/board"
	"tiercel.dev/local"
)

// summary is what a run came to, as terminal and page counted it.
type summary struct {
	Replay        string      `json:"replay,omitempty"` // what was played, where the kernel was not watched
	Events        board.Tally `json:"events"`           // by kind
	Alerts        board.Tally `json:"alerts"`           // by rule
	AlertEvents   uint64      `json:"alert_events"`
	Findings      int         `json:"findings"`
	FindingEvents uint64      `json:"finding_events"`
	Drops         board.Tally `json:"drops"`           // by reason
	Lost          uint64      `json:"lost"`            // events, of those drops
	InPart        uint64      `json:"in_part"`         // events
	LostByOutputs uint64      `json:"lost_by_outputs"` // alerts
	DeadLettered  uint64      `json:"dead_lettered"`
	Quarantined   uint64      `json:"quarantined"`
	LatencyP50Ms  float64     `json:"latency_p50_ms"` // from the kernel's event to its finding
	LatencyP99Ms  float64     `json:"latency_p99_ms"`
}

// summarize takes the board's counts, with the cloud's as they are now.
func summarize(b *board.Board, cloud *local.Cloud) *summary {
	b.Tick(time.Now(), nil, cloudState(cloud))
	t := b.Totals()
	return &summary{
		Events: t.Events, Alerts: t.Alerts, AlertEvents: t.AlertEvents, Findings: t.Findings, FindingEvents: t.FindingEvents,
		Drops: t.Drops, Lost: t.Lost, InPart: t.InPart, LostByOutputs: t.LostByOutputs, DeadLettered: t.DeadLettered, Quarantined: t.Quarantined,
		LatencyP50Ms: milliseconds(b.Latency(0.5)), LatencyP99Ms: milliseconds(b.Latency(0.99)),
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (s *summary) write(out *terminal, file string) error {
	out.line("%s, %s of %s", counted(s.Alerts.Sum(), "alert"), counted(s.Findings, "finding"), counted(s.FindingEvents, "event"))
	if file == "" {
		return nil
	}
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o600)
}
