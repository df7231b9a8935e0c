package spool

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestRuns compares runs with a plain set.
func TestRuns(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 200 {
		var r runs
		model := map[uint64]bool{}
		for range 60 {
			n := rng.Uint64N(50)
			if rng.IntN(4) == 0 {
				to := n + rng.Uint64N(8)
				r.addRun(run{n, to})
				for ; n <= to; n++ {
					model[n] = true
				}
			} else if r.add(n) == model[n] {
				t.Fatalf("add %d to %v", n, r)
			}
			model[n] = model[n] || r.has(n)
			if r.count() != uint64(count(model)) || !r.valid() {
				t.Fatalf("%v has %d, not %d", r, r.count(), count(model))
			}
			x := run{rng.Uint64N(60), rng.Uint64N(60)}
			var missing uint64
			for n := x[0]; n <= x[1]; n++ {
				if !model[n] {
					missing++
				}
				if r.has(n) != model[n] {
					t.Fatalf("%v has %d: %v", r, n, r.has(n))
				}
			}
			if got := r.missing(x); got != missing {
				t.Fatalf("%v misses %d of %v, not %d", r, got, x, missing)
			}
		}
	}
}

func count(m map[uint64]bool) (n int) {
	for _, v := range m {
		if v {
			n++
		}
	}
	return n
}

func FuzzScanner(f *testing.F) {
	b := appendRecord(appendRecord(nil, 1, 0, []byte("one")), 2, 1, []byte("two"))
	f.Add(b)
	f.Add(append([]byte("junk"), b...))
	f.Add(b[:len(b)-1])
	f.Fuzz(func(t *testing.T, buf []byte) {
		s := scanner{buf: buf}
		last := int64(-1)
		for h, data, off, ok := s.next(); ok; h, data, off, ok = s.next() {
			if off <= last || int(h.length) != len(data) || off+headerSize+int64(len(data)) > int64(len(buf)) {
				t.Fatalf("record at %d behind %d, %d bytes of %d", off, last, len(data), h.length)
			}
			last = off
		}
	})
}

func FuzzReplayControl(f *testing.F) {
	f.Add(appendRecord(nil, 1, 0, []byte(`{"next_no":3,"streams":[{"id":"ab","upto":7,"decided":[[1,5]]}]}`)))
	f.Fuzz(func(t *testing.T, buf []byte) {
		if _, state, _, ok := replayControl(buf); ok && !state.valid() {
			t.Fatalf("%+v", state)
		}
	})
}

// BenchmarkAccept measures from Put to durable, one alert after another, on the disk of the temporary directory.
func BenchmarkAccept(b *testing.B) {
	for _, delay := range []time.Duration{time.Nanosecond, 10 * time.Millisecond} {
		b.Run(delay.String(), func(b *testing.B) {
			s, err := Open(Config{Dir: b.TempDir(), CommitDelay: delay}, slog.New(slog.DiscardHandler))
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close(context.Background())
			var took []time.Duration
			data := make([]byte, 1024)
			for b.Loop() {
				began := time.Now()
				id, seq := s.Next()
				s.Put(id, seq, 3, data)
				for range s.Ready() {
					if s.Stats().Accepted == uint64(len(took)+1) {
						break
					}
				}
				took = append(took, time.Since(began))
			}
			b.ReportMetric(percentile(took, 50), "p50-ms")
			b.ReportMetric(percentile(took, 99), "p99-ms")
		})
	}
}

// BenchmarkPut is what the sensor's own goroutine pays.
func BenchmarkPut(b *testing.B) {
	s, err := Open(Config{Dir: b.TempDir()}, slog.New(slog.DiscardHandler))
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close(context.Background())
	data := make([]byte, 1024)
	b.ReportAllocs()
	for b.Loop() {
		id, seq := s.Next()
		s.Put(id, seq, 3, data)
	}
}

func percentile(d []time.Duration, p int) float64 {
	sorted := slices.Sorted(slices.Values(d))
	return float64(sorted[len(sorted)*p/100].Microseconds()) / 1000
}
