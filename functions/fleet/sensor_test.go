package fleet

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"tiercel.dev/alert"
)

// heartbeat is one of a node, made at a time.
func heartbeat(node string, at time.Time, change ...func(*alert.Alert)) *alert.Alert {
	a := &alert.Alert{
		Schema: alert.Schema, Kind: alert.KindHeartbeat, SensorId: node, BootId: "b", SensorVersion: "v1.2.0", Time: alert.Time(at.UnixNano()),
		Node: &alert.Node{Name: node}, Cluster: &alert.Cluster{Project: "p", Location: "l", Name: "c"},
		Heartbeat: &alert.Heartbeat{StartTime: "2026-01-01T00:00:00Z", IntervalSeconds: 60, RuleSetHash: "r1", LastSeq: 3},
	}
	a.Enrichment = &alert.Enrichment{Verification: alert.Verified}
	for _, c := range change {
		c(a)
	}
	a.AlertId = alert.HeartbeatID(a.SensorId, a.BootId, a.Time)
	return a
}

func drops(reason string, n uint64) func(*alert.Alert) {
	return func(a *alert.Alert) {
		a.Heartbeat.Drops = append(a.Heartbeat.Drops, &alert.Drop{Reason: reason, Kind: "open", Count: n})
	}
}

func lost(n uint64) func(*alert.Alert) {
	return func(a *alert.Alert) {
		a.Heartbeat.Outputs = []*alert.Output{{Name: "pubsub", Dropped: n}, {Name: "stdout"}}
	}
}

func run(start string) func(*alert.Alert) {
	return func(a *alert.Alert) { a.Heartbeat.StartTime = start }
}

func TestHear(t *testing.T) {
	type one struct {
		published time.Duration // after now
		a         *alert.Alert
	}
	minute := time.Minute
	for name, tt := range map[string]struct {
		beats []one
		at    time.Duration // the last that counts, after now
		lost  map[string]uint64
		odd   bool
	}{
		"the first":                {beats: []one{{0, heartbeat("n", now, drops("ring_full", 7), lost(3))}}},
		"nothing new lost":         {beats: []one{{0, heartbeat("n", now, drops("ring_full", 7))}, {minute, heartbeat("n", now.Add(minute), drops("ring_full", 7))}}, at: minute},
		"more lost":                {beats: []one{{0, heartbeat("n", now, drops("ring_full", 7), lost(3))}, {minute, heartbeat("n", now.Add(minute), drops("ring_full", 9), lost(4))}}, at: minute, lost: map[string]uint64{"ring_full": 2, "output pubsub": 1}},
		"more in part":             {beats: []one{{0, heartbeat("n", now)}, {minute, heartbeat("n", now.Add(minute), drops("path_unresolved", 9))}}, at: minute},
		"a reason of a newer":      {beats: []one{{0, heartbeat("n", now)}, {minute, heartbeat("n", now.Add(minute), drops("new_reason", 9))}}, at: minute, lost: map[string]uint64{"new_reason": 9}},
		"growing on":               {beats: []one{{0, heartbeat("n", now)}, {minute, heartbeat("n", now.Add(minute), drops("ring_full", 1))}, {2 * minute, heartbeat("n", now.Add(2*minute), drops("ring_full", 3))}}, at: 2 * minute, lost: map[string]uint64{"ring_full": 3}},
		"lost a while ago":         {beats: []one{{0, heartbeat("n", now)}, {minute, heartbeat("n", now.Add(minute), drops("ring_full", 2))}, {5 * minute, heartbeat("n", now.Add(5*minute), drops("ring_full", 2))}}, at: 5 * minute, lost: map[string]uint64{"ring_full": 2}},
		"lost again after a while": {beats: []one{{0, heartbeat("n", now)}, {minute, heartbeat("n", now.Add(minute), drops("ring_full", 2))}, {5 * minute, heartbeat("n", now.Add(5*minute), drops("ring_full", 5))}}, at: 5 * minute, lost: map[string]uint64{"ring_full": 3}},
		"started anew":             {beats: []one{{0, heartbeat("n", now, drops("ring_full", 7), lost(3))}, {minute, heartbeat("n", now.Add(minute), run("2026-01-02T12:00:30Z"), drops("ring_full", 2), lost(3))}}, at: minute, lost: map[string]uint64{"ring_full": 2}},
		"a spool made anew":        {beats: []one{{0, heartbeat("n", now, lost(3))}, {minute, heartbeat("n", now.Add(minute), run("2026-01-02T12:00:30Z"), lost(0))}}, at: minute},
		"twice delivered":          {beats: []one{{0, heartbeat("n", now)}, {0, heartbeat("n", now)}}},
		"out of order":             {beats: []one{{minute, heartbeat("n", now.Add(minute), drops("ring_full", 9))}, {0, heartbeat("n", now)}}, at: minute},
		"sent twice, the old last": {beats: []one{{0, heartbeat("n", now, drops("ring_full", 1))}, {minute, heartbeat("n", now.Add(minute), drops("ring_full", 1))}, {minute + 1, heartbeat("n", now)}}, at: minute},
		"out of a spool":           {beats: []one{{0, heartbeat("n", now)}, {10 * minute, heartbeat("n", now.Add(minute))}, {10*minute + 1, heartbeat("n", now.Add(2*minute))}}, at: 10*minute + 1},
		"of another day":           {beats: []one{{0, heartbeat("n", now)}, {minute, heartbeat("n", now.Add(-24*time.Hour))}}, odd: true},
		"of times to come":         {beats: []one{{0, heartbeat("n", now)}, {minute, heartbeat("n", now.Add(24*time.Hour))}}, odd: true},
		"a clock put back":         {beats: []one{{0, heartbeat("n", now)}, {minute, heartbeat("n", now.Add(-5*minute))}, {3 * minute, heartbeat("n", now.Add(-3*minute))}}, at: 3 * minute},
	} {
		s := &Sensor{Node: "n"}
		for _, b := range tt.beats {
			s.hear(b.a, now.Add(b.published))
		}
		if want := now.Add(tt.at); !s.At.Equal(want) {
			t.Errorf("%s: heard at %v, want %v", name, s.At, want)
		}
		if d := cmp.Diff(tt.lost, s.Lost, cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%s: lost (-want +got):\n%s", name, d)
		}
		if !s.OddAt.IsZero() != tt.odd {
			t.Errorf("%s: odd at %v", name, s.OddAt)
		}
	}
}

func TestHearSince(t *testing.T) {
	s := &Sensor{}
	for i, hash := range []string{"r1", "r1", "r2", "r2"} {
		at := now.Add(time.Duration(i) * time.Minute)
		s.hear(heartbeat("n", at, func(a *alert.Alert) { a.Heartbeat.RuleSetHash = hash }), at)
	}
	if want := now.Add(2 * time.Minute); s.RuleSet != "r2" || !s.RuleSetSince.Equal(want) || !s.VersionSince.Equal(now) {
		t.Errorf("%s since %v, %s since %v", s.RuleSet, s.RuleSetSince, s.Version, s.VersionSince)
	}
}

// Whatever a heartbeat says, what is kept of it is small and can be shown.
func TestHostileHeartbeat(t *testing.T) {
	hostile := "\x1b[31m" + strings.Repeat("€", 1000)
	s := &Sensor{}
	for i := range 3 {
		at := now.Add(time.Duration(i) * time.Minute)
		s.hear(heartbeat("n", at, func(a *alert.Alert) {
			a.SensorVersion, a.Heartbeat.RuleSetHash, a.Heartbeat.RulesError, a.Heartbeat.IntervalSeconds = hostile, hostile, hostile, 1<<31
			for n := range 1000 {
				drops(fmt.Sprint(n, hostile), uint64(n+i))(a)
				a.Heartbeat.Outputs = append(a.Heartbeat.Outputs, &alert.Output{Name: fmt.Sprint(n), Dropped: uint64(i)})
			}
		}), at)
	}
	if s.Interval != maxInterval || len(s.Counts) > maxReasons || len(s.Lost) > maxReasons {
		t.Errorf("every %d s, %d counts", s.Interval, len(s.Counts))
	}
	for _, text := range append([]string{s.Version, s.RuleSet, s.RulesError}, s.lostText()...) {
		if strings.Contains(text, "\x1b") || len(text) > maxText+40 {
			t.Errorf("%q", text)
		}
	}
}
