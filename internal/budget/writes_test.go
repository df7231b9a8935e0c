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

// One instance has what the others leave: a flush alone may use the minute, but for what is kept back, and not all of it at once.
func TestOneInstanceHasWhatOthersLeave(t *testing.T) {
	b := writers(1, 1000, newMemory())[0]
	made := 0
	for s := range 7 {
		got := use(t, b, noon.Add(time.Duration(s)*useWithin), false, 2000)
		if made += got; got > 850/7 {
			t.Errorf("%d writes that are not urgent at once, want a seventh of 850", got)
		}
	}
	if made < 840 || made > 850 {
		t.Errorf("%d writes that are not urgent, want 850", made)
	}
	if got := use(t, b, noon.Add(69*time.Second), true, 2000); got != 950-made {
		t.Errorf("%d urgent writes after them, want %d", got, 950-made)
	}
	if got := use(t, b, noon.Add(70*time.Second), true, 2000); got != 0 {
		t.Errorf("%d within the same minute", got)
	}
	if got := use(t, b, noon.Add(82*time.Second), true, 2000); got < 850/7 || got > 2*850/7 {
		t.Errorf("%d urgent writes when the first of the others ran out", got)
	}
}

// What an instance took and did not use is there for others again.
func TestUnusedIsGivenBack(t *testing.T) {
	all := writers(2, 1000, newMemory())
	use(t, all[0], noon, true, 15)
	later := noon.Add(useWithin)
	use(t, all[0], later, true, 2)
	// A twentieth is not asked for, and another is for what is not urgent.
	if got := use(t, all[1], later, true, 2000); got != 900-17 {
		t.Errorf("%d writes beside the 17 that were made, of 900", got)
	}
}

// A flood is many instances over one count, of which some hold all that they may write of what is not urgent, for ever.
type flood struct {
	t       *testing.T
	store   Store
	all     []*Budget
	now     time.Time
	waiting []time.Time // urgent ones, since when
	slowest time.Duration
	made    []time.Time
	others  int
}

func newFlood(t *testing.T) *flood {
	store := newMemory()
	f := &flood{t: t, store: store, all: writers(25, 1000, store), now: noon}
	for range 150 {
		f.second(0)
	}
	return f
}

// second passes: so many urgent ones come, and each that waits is tried by the instance that has it.
func (f *flood) second(urgent int) {
	f.now = f.now.Add(time.Second)
	for range urgent {
		f.waiting = append(f.waiting, f.now)
	}
	for i := range 10 {
		n := use(f.t, f.all[i], f.now, false, 100)
		f.others += n
		f.note(n)
	}
	var left []time.Time
	refused := 0
	for i, since := range f.waiting {
		if refused == 15 { // everybody was
			left = append(left, f.waiting[i:]...)
			break
		}
		if !f.all[10+i%15].Allow(f.t.Context(), f.now, true) {
			left = append(left, since)
			refused++
			continue
		}
		refused = 0
		f.slowest = max(f.slowest, f.now.Sub(since))
		f.note(1)
	}
	f.waiting = left
}

func (f *flood) note(writes int) {
	for range writes {
		f.made = append(f.made, f.now)
	}
}

// crash has an instance die with what it had taken, and another begin.
func (f *flood) crash(i int) { f.all[i] = writers(1, 1000, f.store)[0] }

// kept fails if a minute had more than the quota.
func (f *flood) kept(quota int) {
	f.t.Helper()
	for i := quota; i < len(f.made); i++ {
		if f.made[i].Sub(f.made[i-quota]) < time.Minute {
			f.t.Fatalf("%d writes from %v to %v", quota+1, f.made[i-quota], f.made[i])
		}
	}
}

// Beside others that take all they may, 600 urgent writes a minute are made as they come, for as long as they come, and also where
// an instance dies every few seconds.
func TestUrgentAreMadeAsTheyCome(t *testing.T) {
	f := newFlood(t)
	for s := range 300 {
		f.second(10)
		if s%7 == 0 {
			f.crash(s / 7 % len(f.all))
		}
	}
	f.kept(1000)
	if len(f.waiting) > 10 || f.slowest > 15*time.Second {
		t.Errorf("one waited for %v, and %d still do", f.slowest, len(f.waiting))
	}
}

// As many at once are made within a minute.
func TestUrgentBurst(t *testing.T) {
	f := newFlood(t)
	f.second(600)
	for range 59 {
		f.second(0)
	}
	f.kept(1000)
	if len(f.waiting) > 0 {
		t.Errorf("%d still wait after a minute", len(f.waiting))
	}
}

// However many urgent ones come, the others go on.
func TestOthersAreNeverStarved(t *testing.T) {
	f := newFlood(t)
	f.second(6000)
	for range 70 {
		f.second(0) // what was made before them runs out
	}
	for range 3 {
		before := f.others
		for range 70 {
			f.second(0)
		}
		if got := f.others - before; got < 40 {
			t.Errorf("%d others in 70 s beside urgent ones without end", got)
		}
	}
	f.kept(1000)
	if len(f.waiting) == 0 {
		t.Error("the urgent ones had an end")
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
	if made < 650 {
		t.Errorf("%d writes beside five instances that made 30", made)
	}
}

// However many instances write however they like, and die with what they took, in no minute there are more than the quota has.
func TestNoMinuteHasMore(t *testing.T) {
	const perMinute = 200
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	store := newMemory()
	all := writers(7, perMinute, store)
	var made []time.Time
	now := noon
	for range 6000 {
		now = now.Add(time.Duration(random.IntN(400)) * time.Millisecond)
		for range use(t, all[random.IntN(len(all))], now, random.IntN(4) == 0, 1+random.IntN(12)) {
			made = append(made, now)
		}
		if random.IntN(100) == 0 {
			all[random.IntN(len(all))] = writers(1, perMinute, store)[0]
		}
	}
	for i := perMinute; i < len(made); i++ {
		if made[i].Sub(made[i-perMinute]) < time.Minute {
			t.Fatalf("seed %d: %d writes from %v to %v", seed, perMinute+1, made[i-perMinute], made[i])
		}
	}
	if most := perMinute * int(now.Sub(noon)/time.Minute); len(made) < most/2 {
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
	if got := use(t, b, noon.Add(2*time.Minute), true, 2000); got != 900 {
		t.Errorf("%d writes when the count is back, want 900", got)
	}
}
