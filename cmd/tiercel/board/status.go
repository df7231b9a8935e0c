package board

import (
	"encoding/json"
	"time"

	"tiercel.dev/alert"
)

// Cloud is what is behind the sensor, at a tick.
type Cloud struct {
	DeadLettered  uint64 // messages, since the run began
	Quarantined   uint64 // messages that stand there
	Dead          uint64 // dead letters that stand there
	Memory        uint64 // bytes of this process
	Asides        []Aside
	Subscriptions []Subscription
}

// An Aside is a message that could not be handled.
type Aside struct {
	Topic        string    `json:"topic"` // "quarantine" or "dead letter"
	ID           string    `json:"id"`
	Time         time.Time `json:"time"`
	Reason       string    `json:"reason"`
	Subscription string    `json:"subscription"`
	Attempts     string    `json:"attempts"`
	Data         string    `json:"data"`
}

// A Subscription is one of Pub/Sub's.
type Subscription struct {
	Name      string `json:"name"`
	Acked     uint64 `json:"acked"`
	Nacked    uint64 `json:"nacked"`
	Backlog   int    `json:"backlog"`
	LastError string `json:"last_error"`
}

type status struct {
	Now           int64          `json:"now"` // ms since the epoch
	Started       int64          `json:"started"`
	Totals        Totals         `json:"totals"`
	Point         *Point         `json:"point,omitempty"`
	Outputs       []outputRow    `json:"outputs"`
	Drops         []dropRow      `json:"drops"`
	Subscriptions []Subscription `json:"subscriptions"`
	Processes     uint32         `json:"processes"`
	Containers    uint32         `json:"containers"`
	RuleErrors    uint64         `json:"rule_errors"`
	RulesError    string         `json:"rules_error"`
	Impaired      string         `json:"impaired"`
	Suppressed    uint64         `json:"suppressed"`
}

type outputRow struct {
	Name    string `json:"name"`
	State   string `json:"state"`
	Sent    uint64 `json:"sent"`
	Waiting uint64 `json:"waiting"`
	Dropped uint64 `json:"dropped"`
	Error   string `json:"error"`
}

type dropRow struct {
	Reason string `json:"reason"`
	Kind   string `json:"kind"`
	Count  uint64 `json:"count"`
}

// status is how the run is. b.mu is held.
func (b *Board) status(now time.Time, p *Point) status {
	h := b.health
	s := status{
		Now: now.UnixMilli(), Started: b.started.UnixMilli(), Totals: b.totals, Point: p, Outputs: []outputRow{}, Drops: []dropRow{},
		Subscriptions: b.subscriptions, Processes: h.GetProcesses(), Containers: h.GetContainers(), RuleErrors: h.GetRuleErrors(),
		RulesError: alert.Escape(h.GetRulesError()), Impaired: alert.Escape(h.GetImpaired()), Suppressed: h.GetSuppressed(),
	}
	for _, o := range h.GetOutputs() {
		s.Outputs = append(s.Outputs, outputRow{
			alert.Escape(o.GetName()), o.GetState(), o.GetSent(), o.GetWaiting(), o.GetDropped(), alert.Escape(o.GetLastError()),
		})
	}
	for _, d := range h.GetDrops() {
		s.Drops = append(s.Drops, dropRow{d.GetReason(), d.GetKind(), d.GetCount()})
	}
	return s
}

// snapshot is all that a page shows. b.mu is held.
func (b *Board) snapshot() json.RawMessage {
	return encode(struct {
		Run      string            `json:"run"`
		About    About             `json:"about"`
		Alerts   []json.RawMessage `json:"alerts"`
		Findings []json.RawMessage `json:"findings"`
		Rules    json.RawMessage   `json:"rules"`
		Asides   json.RawMessage   `json:"asides"`
		Fleet    json.RawMessage   `json:"fleet"`
		Points   []Point           `json:"points"`
		Status   status            `json:"status"`
	}{b.run, b.about, b.alerts.rows(), b.findings.rows(), b.rules, b.asides, b.fleetText(), b.rates.points, b.status(time.Now(), nil)})
}
