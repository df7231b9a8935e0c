// Package board is what a run of `tiercel up` has seen so far: alerts, findings, rates, the sensor's health, the rules, and
// messages that were put aside. The terminal, the page and the summary read the same board, so that they agree. It keeps the
// newest in full, bounded, and counts all.
//
// It knows neither sensor nor cloud: what happens is told to it. What it gives out is safe to show: text from messages is
// escaped as [alert.Escape] does.
package board

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"sync"
	"time"

	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/protobuf/proto"

	"tiercel.dev/alert"
	"tiercel.dev/rules"
)

// What is kept in full. A page shows no more than it.
const (
	keptAlerts   = 1000
	keptBytes    = 32 << 20 // of alerts, as messages
	keptFindings = 1000
	keptPoints   = 600 // of rates: ten minutes
)

// A Board is safe for concurrent use.
type Board struct {
	run     string
	started time.Time
	rates   rates
	changes changes

	mu            sync.Mutex
	about         About
	alerts        kept[*alert.Alert]
	findings      kept[*sccpb.Finding]
	counts        map[string]float64 // events of each finding, by its name
	took          []time.Duration    // to the first write of each
	rules         json.RawMessage
	infos         []rules.Info // the rules in force
	asides        json.RawMessage
	subscriptions []Subscription
	fleet         json.RawMessage // nil before anything is known of one
	follower      follower
	health        *alert.Heartbeat
	totals        Totals
}

// About is what a run is and where.
type About struct {
	Replay   bool   `json:"replay,omitempty"` // of a recording: no kernel is watched
	Node     string `json:"node"`
	Kernel   string `json:"kernel"`
	Arch     string `json:"arch"`
	Version  string `json:"version"`
	Programs int    `json:"programs"` // attached in the kernel
	Kinds    int    `json:"kinds"`    // of events that rules ask for
	Rules    int    `json:"rules"`
	RuleSet  string `json:"rule_set"`
	Topic    string `json:"topic"`
	Source   string `json:"source"`
}

// New returns an empty board of a run that begins now.
func New(now time.Time) *Board {
	id := make([]byte, 6)
	rand.Read(id)
	b := &Board{
		run: hex.EncodeToString(id), started: now, changes: newChanges(), counts: make(map[string]float64), totals: newTotals(),
		alerts: newKept[*alert.Alert](keptAlerts, keptBytes), findings: newKept[*sccpb.Finding](keptFindings, keptBytes),
		rules: json.RawMessage("[]"), asides: json.RawMessage("[]"),
	}
	b.rates.last = now
	return b
}

// Run names this run, so that a reader knows one from the next.
func (b *Board) Run() string { return b.run }

// Alert takes an alert, or a heartbeat. It must not be changed afterwards.
func (b *Board) Alert(a *alert.Alert) {
	if a.GetKind() == alert.KindHeartbeat {
		b.mu.Lock()
		b.note(a.GetHeartbeat())
		b.totals.LastHeartbeat = a.GetTime()
		b.mu.Unlock()
		return
	}
	row := alertRow(a)
	size := proto.Size(a)
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.alerts.has(a.GetAlertId()) {
		b.totals.alert(a)
		b.rates.alert(a.GetSeverity())
	}
	b.alerts.put(a.GetAlertId(), a, size, row)
	b.changes.add("alert", row)
}

// Enriched takes an alert again, with what the cloud found out about it. One that is not kept is left.
func (b *Board) Enriched(a *alert.Alert) {
	row := alertRow(a)
	size := proto.Size(a)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.alerts.has(a.GetAlertId()) {
		b.alerts.put(a.GetAlertId(), a, size, row)
		b.changes.add("alert", row)
	}
}

// Finding takes a finding as it was written, and says whether its name is new.
func (b *Board) Finding(f *sccpb.Finding, now time.Time) (fresh bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fresh = b.put(f)
	if fresh {
		b.took = append(b.took, now.Sub(f.EventTime.AsTime()))
	}
	return fresh
}

// Restored takes a finding of an earlier run. If this run has written it meanwhile, that stands.
func (b *Board) Restored(f *sccpb.Finding) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, seen := b.counts[f.Name]; !seen {
		b.put(f)
	}
}

// put says whether a finding's name is new. b.mu is held.
func (b *Board) put(f *sccpb.Finding) (fresh bool) {
	row := findingRow(f)
	count := f.SourceProperties["count"].GetNumberValue()
	before, seen := b.counts[f.Name]
	if !seen {
		b.totals.Findings++
	}
	b.counts[f.Name] = count
	b.totals.FindingEvents += uint64(count) - uint64(before) // wraps where a count became less, and the sum is right
	b.findings.put(f.Name, f, proto.Size(f), row)
	b.changes.add("finding", row)
	return !seen
}

// Watching says what the run watches and by which rules.
func (b *Board) Watching(about About, set []rules.Info) {
	text := ruleRows(set)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.about, b.rules, b.infos = about, text, set
	b.changes.add("rules", encode(struct {
		About About           `json:"about"`
		Rules json.RawMessage `json:"rules"`
	}{about, text}))
}

// Tick is called each second or so, with the sensor's health where there is a sensor, and what the cloud counts.
func (b *Board) Tick(now time.Time, h *alert.Heartbeat, cloud Cloud) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.note(h)
	b.totals.DeadLettered, b.totals.Quarantined, b.totals.Dead = cloud.DeadLettered, cloud.Quarantined, cloud.Dead
	b.totals.Memory, b.subscriptions = cloud.Memory, cloud.Subscriptions
	point, ok := b.rates.point(now, b.totals)
	if !ok {
		return
	}
	b.changes.add("status", encode(b.status(now, &point)))
	if asides := asideRows(cloud.Asides); string(asides) != string(b.asides) {
		b.asides = asides
		b.changes.add("asides", asides)
	}
}

// note takes the sensor's own counts. b.mu is held.
func (b *Board) note(h *alert.Heartbeat) {
	if h == nil {
		return
	}
	b.health = h
	b.totals.health(h)
}

// End tells readers that nothing more comes.
func (b *Board) End(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.changes.add("end", encode(b.status(now, nil)))
}

// Get returns an alert that is kept.
func (b *Board) Get(alertID string) (*alert.Alert, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.alerts.get(alertID)
}

// GetFinding returns a finding that is kept.
func (b *Board) GetFinding(name string) (*sccpb.Finding, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.findings.get(name)
}
