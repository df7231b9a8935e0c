package fleet

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"google.golang.org/api/option"

	"tiercel.dev/alert"
	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/push"
	"tiercel.dev/local/storage"
)

// counted counts a store's writes.
type counted struct {
	Store
	mu   sync.Mutex
	puts int
}

func (c *counted) Put(ctx context.Context, name string, data []byte, meta map[string]string, generation int64) (int64, error) {
	c.mu.Lock()
	c.puts++
	c.mu.Unlock()
	return c.Store.Put(ctx, name, data, meta, generation)
}

func newStore(t *testing.T) *counted {
	t.Helper()
	h := httptest.NewServer(storage.New())
	t.Cleanup(h.Close)
	bucket, err := objects.NewBucket(t.Context(), "records", option.WithEndpoint(h.URL+"/storage/v1/"), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	return &counted{Store: bucket}
}

func delivery(t *testing.T, a *alert.Alert, published time.Time) push.Message {
	t.Helper()
	data, err := alert.Marshal(a, alert.EncodingBinary)
	if err != nil {
		t.Fatal(err)
	}
	return push.Message{ID: a.AlertId, Data: data, Published: published}
}

func record(t *testing.T, b *Beats, a *alert.Alert, published time.Time) {
	t.Helper()
	if err := b.Record(t.Context(), delivery(t, a, published)); err != nil {
		t.Error(err)
	}
}

func read(t *testing.T, b *Beats) Heard {
	t.Helper()
	heard, err := b.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return heard
}

// Heartbeats of many nodes that come at once through two instances are all kept, by few writes.
func TestRecordMany(t *testing.T) {
	store := newStore(t)
	instances := []*Beats{NewBeats(store, 200*time.Millisecond), NewBeats(store, 200*time.Millisecond)}
	const nodes = 200
	var all sync.WaitGroup
	for n := range nodes {
		for i, b := range instances { // each is delivered twice
			all.Go(func() {
				at := now.Add(time.Duration(i) * time.Minute)
				record(t, b, heartbeat(fmt.Sprint("n", n), at), at)
			})
		}
	}
	all.Wait()
	heard := read(t, instances[0])
	late := 0
	for _, s := range heard.Sensors {
		if !s.At.Equal(now.Add(time.Minute)) {
			late++
		}
	}
	if len(heard.Sensors) != nodes || late > 0 {
		t.Errorf("%d sensors, %d of them not as last heard", len(heard.Sensors), late)
	}
	if store.puts > nodes/2 {
		t.Errorf("%d writes of %d heartbeats", store.puts, 2*nodes)
	}
}

// What is no heartbeat, or not verified, or old, changes nothing.
func TestRecordWhatDoesNotCount(t *testing.T) {
	store := newStore(t)
	b := NewBeats(store, -1)
	record(t, b, heartbeat("n", now), now)
	if store.puts != 1 {
		t.Errorf("%d writes", store.puts)
	}
	record(t, b, heartbeat("n", now), now)                                     // again
	record(t, b, heartbeat("n", now.Add(-time.Minute)), now.Add(-time.Minute)) // late
	act := &alert.Alert{Schema: 1, Kind: alert.KindAlert, SensorId: "n", BootId: "b", Seq: 1, AlertId: alert.ID("n", "b", 1), Severity: alert.Low,
		Time: alert.Time(now.UnixNano()), Rule: &alert.Rule{Name: "r"}}
	act.Identity = alert.Identity(act)
	record(t, b, act, now)
	if store.puts != 1 {
		t.Errorf("%d writes, one of them of nothing new", store.puts)
	}
	forged := heartbeat("n", now.Add(time.Hour), func(a *alert.Alert) {
		a.Enrichment = &alert.Enrichment{Verification: alert.Unverified, VerificationReason: "no such node"}
	})
	record(t, b, forged, now.Add(time.Hour))
	if heard := read(t, b); len(heard.Sensors) != 1 || !heard.Sensors[0].At.Equal(now) || heard.Unverified.Count != 1 || !heard.Unverified.At.Equal(now.Add(time.Hour)) || heard.Sensors[0].UnverifiedWhy != "no such node" {
		t.Errorf("%+v", heard)
	}
	for name, m := range map[string]push.Message{
		"no message":                    {ID: "1", Data: []byte("x"), Published: now},
		"no sensor's":                   {ID: "1", Data: []byte(`{"schema":1}`), Published: now},
		"without a time of publication": delivery(t, heartbeat("n", now), time.Time{}),
	} {
		if err := b.Record(t.Context(), m); !errors.Is(err, fault.ErrPoison) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Heartbeats of every version of the contract are proof of life.
func TestEveryVersion(t *testing.T) {
	paths, err := filepath.Glob("../../alert/testdata/v*/heartbeat*.*")
	if err != nil || len(paths) < 8 {
		t.Fatalf("%q, %v", paths, err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		a, err := alert.Unmarshal(data)
		if err != nil {
			t.Fatal(err)
		}
		a.Enrichment = &alert.Enrichment{Verification: alert.Verified}
		verified, err := alert.Marshal(a, alert.EncodingOf(data))
		if err != nil {
			t.Fatal(err)
		}
		b := NewBeats(newStore(t), -1)
		if err := b.Record(t.Context(), push.Message{ID: path, Data: verified, Published: now}); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		if heard := read(t, b); len(heard.Sensors) != 1 || heard.Sensors[0].Node != a.GetNode().GetName() {
			t.Errorf("%s: %+v", path, heard.Sensors)
		}
	}
}

// A record of a newer program, or a broken one, is an error, and not an empty fleet.
func TestRecordsThatCannotBeRead(t *testing.T) {
	for name, data := range map[string]string{"newer": `{"version":2,"sensors":[]}`, "broken": `{"version":1,`} {
		store := newStore(t)
		if _, err := store.Put(t.Context(), beatRoot+"00", []byte(data), nil, 0); err != nil {
			t.Fatal(err)
		}
		b := NewBeats(store, -1)
		if _, err := b.Read(t.Context()); err == nil {
			t.Errorf("%s: read", name)
		}
		refused := 0
		for n := range 40 {
			if err := b.Record(t.Context(), delivery(t, heartbeat(fmt.Sprint(n), now), now)); err != nil {
				refused++
			}
		}
		if refused == 0 || refused == 40 {
			t.Errorf("%s: %d of 40 heartbeats refused", name, refused)
		}
	}
}

func TestShardIsBounded(t *testing.T) {
	s := new(shard)
	for n := range maxSensors + 10 {
		s.Sensors = append(s.Sensors, sensor(fmt.Sprintf("n%06d", n), func(s *Sensor) { s.At = now.Add(-time.Duration(n) * time.Second) }))
	}
	s.Sensors = append(s.Sensors, sensor("old", silent(8*24*time.Hour)))
	s.bound(now)
	if len(s.Sensors) != maxSensors || s.Sensors[0].Node != "n000000" || s.Sensors[maxSensors-1].Node != fmt.Sprintf("n%06d", maxSensors-1) {
		t.Errorf("%d sensors, from %s to %s", len(s.Sensors), s.Sensors[0].Node, s.Sensors[len(s.Sensors)-1].Node)
	}
}

// held is a store whose writes wait to be let go.
type held struct {
	slot
	begun, free chan struct{}
}

func (h *held) Put(ctx context.Context, name string, data []byte, meta map[string]string, generation int64) (int64, error) {
	h.begun <- struct{}{}
	<-h.free
	if generation != h.generation {
		return 0, objects.ErrConflict
	}
	return h.slot.Put(ctx, name, data, meta, generation)
}

// What comes while a shard is being written is one more write, which begins when that one has ended.
func TestAnInstanceDoesNotMeetItself(t *testing.T) {
	const later = 50
	h := &held{begun: make(chan struct{}), free: make(chan struct{})}
	b := NewBeats(h, -1)
	name := shardOf("n0")
	var all sync.WaitGroup
	sent := 0
	send := func(want int) {
		for ; want > 0; sent++ {
			if node := fmt.Sprint("n", sent); shardOf(node) == name {
				want--
				all.Go(func() { record(t, b, heartbeat(node, now), now) })
			}
		}
	}
	send(1)
	<-h.begun
	send(later)
	for waiting := 0; waiting < later; time.Sleep(time.Millisecond) {
		b.mu.Lock()
		if batch := b.waiting[name]; batch != nil {
			waiting = len(batch.beats)
		}
		b.mu.Unlock()
	}
	select {
	case <-h.begun:
		t.Error("a second write began beside the first")
	default:
	}
	h.free <- struct{}{}
	<-h.begun
	h.free <- struct{}{}
	all.Wait()
	s, writes, err := readShard(t.Context(), h, name)
	if err != nil || len(s.Sensors) != later+1 || writes != 2 {
		t.Errorf("%d sensors after %d writes, want %d after 2: %v", len(s.Sensors), writes, later+1, err)
	}
}
