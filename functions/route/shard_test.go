package route

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"tiercel.dev/alert"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func of(sensor string, seq uint64) *alert.Alert {
	return &alert.Alert{SensorId: sensor, BootId: "b", Seq: seq, Time: alert.Time(noon.Add(time.Duration(seq) * time.Millisecond).UnixNano())}
}

// A shard is bounded, counts each alert once, and says of one that it may have forgotten that it came late.
func TestShardForgets(t *testing.T) {
	s := new(shard)
	const n = 3 * maxSeqs
	for seq := range uint64(n) {
		if err := s.add(of("s", seq+1), noon.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	if s.Events != n || s.Alerts != n || len(s.Counts[0].Seqs) > maxSeqs {
		t.Errorf("%d events of %d, %d remembered", s.Events, n, len(s.Counts[0].Seqs))
	}
	for _, seq := range []uint64{1, n / 2, n - 1, n} {
		s.add(of("s", seq), noon)
	}
	if s.Events != n || s.Late != 2 {
		t.Errorf("%d events of %d, %d late", s.Events, n, s.Late)
	}
	if text, _ := json.Marshal(s); len(text) > 100_000 {
		t.Errorf("%d bytes", len(text))
	}
}

// Nodes come and go.
func TestShardOfManySensors(t *testing.T) {
	s := new(shard)
	for i := range uint64(3 * maxCounts) {
		s.add(of(fmt.Sprint("s", i), i+1), noon.Add(time.Hour))
	}
	if s.Events != 3*maxCounts || len(s.Counts) > maxCounts || s.Counts[0].Sensor != fmt.Sprint("s", 2*maxCounts) {
		t.Errorf("%d events, %d sensors from %s", s.Events, len(s.Counts), s.Counts[0].Sensor)
	}
}

func TestSumsEnd(t *testing.T) {
	s := new(shard)
	for seq := range uint64(3) {
		a := of("s", seq+1)
		a.Suppressed = &alert.Suppressed{Count: 1<<64 - 1}
		s.add(a, noon)
	}
	if s.Events != maxEvents {
		t.Errorf("%d events", s.Events)
	}
}
