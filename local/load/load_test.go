package load

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/sensor/output/spool"
)

func world(t *testing.T, cfg Config) *World {
	t.Helper()
	acts, err := Read("../../cmd/tiercel/bundled.capture")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Log = slog.New(slog.DiscardHandler)
	w, err := New(t.Context(), cfg, acts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return w
}

// 200 sensors live through all that can go wrong: every alert reaches the topics, by its identity, the quota is kept and not
// asked for more, each event is counted in one finding, and the severest are written first.
func TestStory(t *testing.T) {
	w := world(t, Config{Nodes: 200, Clusters: 4})
	w.Stand()
	story := Days
	story.QuietPerDay = 20
	story.Storm, story.StormEnd, story.StormPerMinute = 3*time.Minute, 4*time.Minute, 1200
	if _, err := w.Play(t.Context(), story, func(time.Duration, Sum) {}); err != nil {
		t.Fatal(err)
	}
	s := w.Tally.Sum()
	if s.Alerts < 1500 || s.Raw != s.Alerts || s.Enriched != s.Alerts || s.Unknown != 0 {
		t.Errorf("%d alerts, %d on the sensors' topic, %d on the other, %d of nobody's", s.Alerts, s.Raw, s.Enriched, s.Unknown)
	}
	if s.MostWrites > 1000 || w.Refused() != 0 {
		t.Errorf("%d writes in a minute, %d refused", s.MostWrites, w.Refused())
	}
	// The storm alone is more than the quota allows beside what is kept back.
	if s.MostWrites < 500 || s.Findings < 1300 || s.Wait[alert.Medium] == 0 {
		t.Errorf("no flood: %+v", s)
	}
	if s.FindingsOf[alert.Critical] != 10 || s.Wait[alert.Critical] != 0 || s.Wait[alert.High] != 0 {
		t.Errorf("the severest were not first: %+v", s)
	}
	if s.Events <= uint64(s.Alerts) {
		t.Errorf("%d events in %d alerts: nothing was throttled", s.Events, s.Alerts)
	}
}

// Heartbeats of a fleet are kept, and a look at it finds every node well.
func TestBeat(t *testing.T) {
	w := world(t, Config{Nodes: 60, Clusters: 2})
	b, err := w.Beat(t.Context(), 1, time.Second)
	if err != nil || b.Sent != 60 || b.Kept != 60 || b.Missed != 0 || b.Objects != 4 {
		t.Fatalf("%+v, %v", b, err)
	}
	c, err := w.Check(t.Context())
	if err != nil || c.Nodes != 60 || c.Well != 60 || c.Broken != 0 || c.Status == 0 {
		t.Errorf("%+v, %v", c, err)
	}
}

// The disk in memory reads as what was written to it.
func TestDisk(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	d := newDisk()
	var f spool.File
	f, err := d.Open("f", true)
	if err != nil {
		t.Fatal(err)
	}
	var want []byte
	for range 2000 {
		switch size := int64(len(want)); random.IntN(10) {
		case 0:
			size = random.Int64N(size + 3*page)
			if err := f.Truncate(size); err != nil {
				t.Fatal(err)
			}
			want = append(want, make([]byte, max(0, size-int64(len(want))))...)[:size]
		default:
			at, data := random.Int64N(size+2*page), make([]byte, random.IntN(3*page))
			if random.IntN(3) > 0 {
				for i := range data {
					data[i] = byte(random.Uint32())
				}
			}
			if len(data) == 0 {
				continue
			}
			if _, err := f.WriteAt(data, at); err != nil {
				t.Fatal(err)
			}
			want = append(want, make([]byte, max(0, at+int64(len(data))-size))...)
			copy(want[at:], data)
		}
		got := make([]byte, len(want))
		if n, err := f.ReadAt(got, 0); n != len(want) || err != nil && len(want) > 0 || string(got) != string(want) {
			t.Fatalf("seed %d: %d bytes of %d, %v", seed, n, len(want), err)
		}
		if got, err := f.Size(); err != nil || got != int64(len(want)) {
			t.Fatalf("seed %d: size %d, not %d: %v", seed, got, len(want), err)
		}
	}
}
