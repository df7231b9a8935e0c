package budget

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"
)

func writers(n, perMinute int, store Store) []*Budget {
	all := make([]*Budget, n)
	for i := range all {
		all[i] = New(Config{Store: store, WritesPerMinute: perMinute, MaxInstances: 25, Log: slog.New(slog.DiscardHandler)})
	}
	return all
}

// use has an instance make as many writes as it may, want at most.
func use(t *testing.T, b *Budget, now time.Time, urgent bool, want int) (n int) {
	for n < want && b.Allow(t.Context(), now, urgent) {
		b.Spent(3000)
		n++
	}
	return n
}

// One instance has what the others leave: a flush alone may use the minute, but for what is kept back.
func TestOneInstanceHasWhatOthersLeave(t *testing.T) {
	b := writers(1, 1000, newMemory())[0]
	if got := use(t, b, noon, false, 2000); got != 850 {
		t.Errorf("%d writes that are not urgent, want 850", got)
	}
	if got := use(t, b, noon, true, 2000); got != 100 {
		t.Errorf("%d urgent writes after them, want 100", got)
	}
	if got := use(t, b, noon.Add(59*time.Second), true, 2000); got != 0 {
		t.Errorf("%d within the same minute", got)
	}
	if got := use(t, b, noon.Add(71*time.Second), false, 2000); got != 850 {
		t.Errorf("%d in the next minute, want 850", got)
	}
}

// Who writes now and then does not keep writes from who has many.
func TestTheQuietLeaveTheQuota(t *testing.T) {
	all := writers(6, 1000, newMemory())
	made := 0
	for s := range 60 {
		now := noon.Add(time.Duration(s) * time.Second)
		if s%10 == 0 {
			for _, b := range all[1:] {
				use(t, b, now, false, 1)
			}
		}
		made += use(t, all[0], now, false, 20)
	}
	if made < 700 {
		t.Errorf("%d writes beside five instances that made 30", made)
	}
}

// However many instances write however they like, in no minute there are more than the quota has.
func TestNoMinuteHasMore(t *testing.T) {
	const perMinute = 200
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	all := writers(7, perMinute, newMemory())
	var made []time.Time
	now := noon
	for range 6000 {
		now = now.Add(time.Duration(random.IntN(400)) * time.Millisecond)
		for range use(t, all[random.IntN(len(all))], now, random.IntN(4) == 0, 1+random.IntN(12)) {
			made = append(made, now)
		}
	}
	for i := perMinute; i < len(made); i++ {
		if made[i].Sub(made[i-perMinute]) < time.Minute {
			t.Fatalf("seed %d: %d writes from %v to %v", seed, perMinute+1, made[i-perMinute], made[i])
		}
	}
	if most := perMinute * int(now.Sub(noon)/time.Minute); len(made) < most*6/10 {
		t.Errorf("seed %d: %d writes where %d might have been", seed, len(made), most)
	}
}

// Where nobody can count, each instance keeps to its even share, and to the count again when it can be read.
func TestWritesUncounted(t *testing.T) {
	store := newMemory()
	store.down = errors.New("down")
	b := writers(1, 1000, store)[0]
	if low, high := use(t, b, noon, false, 2000), use(t, b, noon, true, 2000); low != 36 || high != 4 {
		t.Errorf("%d writes, and %d urgent ones, of an even share of 40", low, high)
	}
	store.down = nil
	if got := use(t, b, noon.Add(2*time.Minute), false, 2000); got != 850 {
		t.Errorf("%d writes when the count is back, want 850", got)
	}
}
