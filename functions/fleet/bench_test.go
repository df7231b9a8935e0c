package fleet

import (
	"context"
	"fmt"
	"testing"
	"time"

	"tiercel.dev/internal/objects"
)

// BenchmarkBeats is one write of a quarter of 15,000 sensors' heartbeats, of whom 300 have sent one: what each instance does four
// times in five seconds. The store is left out.
func BenchmarkBeats(b *testing.B) {
	const sensors, beats = 15_000 / beatShards, 300
	store := &slot{}
	kept := NewBeats(store, -1)
	made := func(n int, at time.Time) (all []beat) {
		for i := range n {
			a := heartbeat(fmt.Sprintf("gke-prod-default-pool-%08x-%04d", i/1000, i%1000), at, drops("missed_exec", 3), drops("process_partial", 4))
			all = append(all, beat{a, at})
		}
		return all
	}
	at := now
	if err := kept.write(b.Context(), "fleet/beats/00", made(sensors, at)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		at = at.Add(time.Minute)
		if err := kept.write(b.Context(), "fleet/beats/00", made(beats, at)); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(store.data))/sensors, "bytes/sensor")
}

// slot holds one object.
type slot struct {
	Store
	data       []byte
	generation int64
}

func (s *slot) Get(context.Context, string) (objects.Object, error) {
	if s.generation == 0 {
		return objects.Object{}, objects.ErrNotFound
	}
	return objects.Object{Data: s.data, Generation: s.generation}, nil
}

func (s *slot) Put(_ context.Context, _ string, data []byte, _ map[string]string, _ int64) (int64, error) {
	s.generation++
	s.data = data
	return s.generation, nil
}
