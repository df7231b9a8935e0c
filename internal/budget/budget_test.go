package budget

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"tiercel.dev/internal/objects"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// memory is a store that may be down.
type memory struct {
	mu      sync.Mutex
	objects map[string]objects.Object
	down    error
}

func newMemory() *memory { return &memory{objects: make(map[string]objects.Object)} }

func (m *memory) Get(_ context.Context, name string) (objects.Object, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.objects[name]
	if m.down == nil && !ok {
		return o, objects.ErrNotFound
	}
	return o, m.down
}

func (m *memory) Put(_ context.Context, name string, data []byte, _ map[string]string, generation int64) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down == nil && m.objects[name].Generation != generation {
		return 0, objects.ErrConflict
	}
	m.objects[name] = objects.Object{Name: name, Data: data, Generation: generation + 1}
	return generation + 1, m.down
}

// instances are budgets over one store.
func instances(n int, store Store, bytes int64) []*Budget {
	all := make([]*Budget, n)
	for i := range all {
		all[i] = New(Config{Store: store, WritesPerMinute: n * 100_000, MaxInstances: n, BytesPerDay: bytes, Log: slog.New(slog.DiscardHandler)})
	}
	return all
}

// drain has all instances write at once, each until it may not.
func drain(t *testing.T, all []*Budget, now time.Time, urgent bool, size int) (bytes int) {
	var mu sync.Mutex
	var writers sync.WaitGroup
	for _, b := range all {
		writers.Go(func() {
			for b.Allow(t.Context(), now, urgent) {
				b.Spent(size)
				mu.Lock()
				bytes += size
				mu.Unlock()
			}
		})
	}
	writers.Wait()
	return bytes
}

// The instances together stay within a day's bytes, whose last are for the severest; the next day has new ones.
func TestBytesOfADay(t *testing.T) {
	const day = 20 * piece
	all, at := instances(3, newMemory(), day), noon
	for _, size := range []int{600, 32 << 10} {
		low := drain(t, all, at, false, size)
		high := drain(t, all, at, true, size)
		// Of each piece an instance may leave less than a write's.
		if low > 16*piece+3*size || low < 13*piece || high < 3*piece || low+high > day+3*size {
			t.Errorf("writes of %d bytes: %d for all, then %d for what is urgent, of %d", size, low, high, day)
		}
		at = at.AddDate(0, 0, 1)
	}
}

// Where nobody can count, findings are written.
func TestBytesUncounted(t *testing.T) {
	b := instances(1, &memory{down: errors.New("down")}, piece)[0]
	for range 1000 {
		if !b.Allow(t.Context(), noon, false) {
			t.Fatal("not allowed")
		}
	}
}

// In no minute are there more writes than the window has.
func TestWindow(t *testing.T) {
	w := window{at: make([]time.Time, 10)}
	var made []time.Time
	for i := range 400 {
		now := noon.Add(time.Duration(i) * 1700 * time.Millisecond)
		limit := 10
		if i%3 == 0 {
			limit = 7
		}
		if w.room(now, limit) {
			w.note(now)
			made = append(made, now)
		}
	}
	for i, at := range made {
		if i >= 10 && at.Sub(made[i-10]) < time.Minute {
			t.Fatalf("11 writes from %v to %v", made[i-10], at)
		}
	}
	if len(made) < 100 {
		t.Errorf("%d writes in 11 minutes", len(made))
	}
}

// Counts of a newer program's are left as they are, and who cannot read them keeps to its even share; those of before there were
// versions are taken, and have one when they are written.
func TestVersionsOfCounts(t *testing.T) {
	day := "budget/" + noon.Format(time.DateOnly)
	for name, tt := range map[string]struct {
		version string
		same    bool
	}{"newer": {`"version":2,`, true}, "older": {"", false}} {
		store := newMemory()
		before := map[string]string{writesName: `{` + tt.version + `"taken":[]}`, day: `{` + tt.version + `"bytes":7}`}
		for object, data := range before {
			store.objects[object] = objects.Object{Name: object, Data: []byte(data), Generation: 1}
		}
		b := instances(1, store, 20*piece)[0]
		if !b.Allow(t.Context(), noon, false) {
			t.Errorf("%s: nothing is allowed", name)
		}
		b.Spent(3000)
		for object, data := range before {
			got := string(store.objects[object].Data)
			if (got == data) != tt.same || !tt.same && !strings.Contains(got, `"version":1`) {
				t.Errorf("%s: %s: %s", name, object, got)
			}
		}
	}
}
