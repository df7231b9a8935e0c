package fleet

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"tiercel.dev/alert"
)

// A Sensor is what its heartbeats said.
type Sensor struct {
	Project  string `json:"project,omitempty"`
	Location string `json:"location,omitempty"`
	Cluster  string `json:"cluster,omitempty"`
	Node     string `json:"node"`
	ID       string `json:"id"`

	// At is when the last was published, by Pub/Sub's clock; Clock is when it was made, by the node's.
	At       time.Time `json:"at"`
	Clock    time.Time `json:"clock"`
	Interval int       `json:"interval_seconds"`
	Run      string    `json:"run"` // when the sensor was started
	LastSeq  uint64    `json:"last_seq"`

	Version      string    `json:"version"`
	VersionSince time.Time `json:"version_since"`
	RuleSet      string    `json:"rule_set"`
	RuleSetSince time.Time `json:"rule_set_since"`
	RulesError   string    `json:"rules_error,omitempty"`
	Impaired     string    `json:"impaired,omitempty"`

	// Counts are of all losses by reason, as of the last heartbeat; Lost is what was added to them while they grew, LostAt is
	// when they last did.
	Counts map[string]uint64 `json:"counts,omitempty"`
	Lost   map[string]uint64 `json:"lost,omitempty"`
	LostAt time.Time         `json:"lost_at,omitzero"`

	// OddAt is when the last heartbeat came whose own time, OddClock, is of another hour: no proof of life.
	OddAt    time.Time `json:"odd_at,omitzero"`
	OddClock time.Time `json:"odd_clock,omitzero"`

	// UnverifiedAt is when the last heartbeat came of which nobody could say that it is from here, and why.
	UnverifiedAt  time.Time `json:"unverified_at,omitzero"`
	UnverifiedWhy string    `json:"unverified_why,omitempty"`
}

const (
	// maxSkew is how far a heartbeat's time may be from when it was published: beyond that its sensor's clock is wrong, it
	// waited in a spool, or somebody sends old messages again.
	maxSkew = 15 * time.Minute
	// Bounds of what a heartbeat may say. A longer interval would be a way to be silent for a long time.
	minInterval, maxInterval = 1, 600 // seconds
	maxReasons               = 32
	maxText                  = 300
)

// hear takes in a heartbeat that was published at a time, and reports whether it says something new. Heartbeats may come late,
// twice and out of order.
func (s *Sensor) hear(a *alert.Alert, published time.Time) bool {
	clock, err := alert.ParseTime(a.GetTime())
	if err != nil || !published.After(s.At) {
		return false
	}
	if published.Sub(clock).Abs() > maxSkew {
		if !published.After(s.OddAt) {
			return false
		}
		s.OddAt, s.OddClock = published, clock
		return true
	}
	h := a.GetHeartbeat()
	again := h.GetStartTime() == s.Run && !clock.After(s.Clock)
	if again && published.Sub(s.At) <= 2*s.interval() {
		return false // an older one, sent once more; if nothing else comes, the node's clock was put back
	}
	s.lose(counts(h), h.GetStartTime() == s.Run, published)
	s.At, s.Clock, s.Run, s.LastSeq, s.ID = published, clock, clip(h.GetStartTime()), h.GetLastSeq(), a.GetSensorId()
	s.Interval = min(max(int(h.GetIntervalSeconds()), minInterval), maxInterval)
	if v := clip(a.GetSensorVersion()); v != s.Version || s.VersionSince.IsZero() {
		s.Version, s.VersionSince = v, published
	}
	if hash := clip(h.GetRuleSetHash()); hash != s.RuleSet || s.RuleSetSince.IsZero() {
		s.RuleSet, s.RuleSetSince = hash, published
	}
	s.RulesError, s.Impaired = clip(h.GetRulesError()), clip(h.GetImpaired())
	return true
}

func (s *Sensor) interval() time.Duration { return time.Duration(s.Interval) * time.Second }

// lose notes which counts grew since the last heartbeat. Those of a run begin at zero; those of a spool do not, and of the first
// heartbeat heard nobody knows when what it counts was lost.
func (s *Sensor) lose(now map[string]uint64, sameRun bool, at time.Time) {
	first := s.At.IsZero()
	other := at.Sub(s.LostAt) > 2*max(s.interval(), time.Minute) // what Lost says is of another time than what is lost now
	for reason, n := range now {
		was := s.Counts[reason]
		if !sameRun && !ofSpool(reason) {
			was = 0
		}
		if first || n <= was {
			continue
		}
		if s.Lost == nil || other {
			s.Lost, other = make(map[string]uint64), false
		}
		s.Lost[reason] += n - was
		s.LostAt = at
	}
	s.Counts = now
}

const output = "output "

func ofSpool(reason string) bool { return strings.HasPrefix(reason, output) }

// inPart are the reasons by which something was reported and yet not in full, or that a busy node always has some of. None
// of them means that an act went by unseen.
var inPart = []string{
	"user_memory", "path_unresolved", "x32", "missed_fork", "missed_exec", "missed_exit", "process_partial", "process_evicted",
	"process_unreadable", "user_unnamed", "cgroup_unknown", "cgroup_forgotten", "metadata_late",
}

// counts are the heartbeat's losses, of at most maxReasons.
func counts(h *alert.Heartbeat) map[string]uint64 {
	all := make(map[string]uint64)
	add := func(reason string, n uint64) {
		if _, ok := all[reason]; n > 0 && (ok || len(all) < maxReasons) {
			all[reason] += n
		}
	}
	for _, d := range h.GetDrops() {
		if !slices.Contains(inPart, d.GetReason()) {
			add(clip(d.GetReason()), d.GetCount())
		}
	}
	for _, o := range h.GetOutputs() {
		add(clip(output+o.GetName()), o.GetDropped())
	}
	return all
}

// clip bounds what is kept of a text that anybody may have sent.
func clip(s string) string {
	s = alert.Escape(s)
	return strings.ToValidUTF8(s[:min(len(s), maxText)], "")
}

// lostText is what was lost, the most first.
func (s *Sensor) lostText() (texts []string) {
	byCount := func(a, b string) int { return cmp.Or(cmp.Compare(s.Lost[b], s.Lost[a]), cmp.Compare(a, b)) }
	for _, reason := range slices.SortedFunc(maps.Keys(s.Lost), byCount) {
		texts = append(texts, strconv.FormatUint(s.Lost[reason], 10)+" "+reason)
	}
	return texts
}
