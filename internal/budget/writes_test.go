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

// One instance has what the others leave: a burst after a quiet time may use the minute, but for what is kept back, and the minutes after
// it are spread.
func TestOneInstanceHasWhatOthersLeave(t *testing.T) {
	b := writers(1, 1000, newMemory())[0]
	if got := use(t, b, noon, false, 2000); got != 900 {
		t.Errorf("%d writes that are not urgent, want 900", got)
	}
	if got := use(t, b, noon, true, 2000); got != 80 {
		t.Errorf("%d urgent writes after them, want 80", got)
	}
	if got := use(t, b, noon.Add(64*time.Second), true, 2000); got != 0 {
		t.Errorf("%d within the same minute", got)
	}
	made := 0
	for s := 66; s < 131; s += 10 {
		got := use(t, b, noon.Add(time.Duration(s)*time.Second), false, 2000)
		if made += got; got > 900*10/65 {
			t.Errorf("%d writes that are not urgent in ten seconds of the next minute", got)
		}
	}
	if made < 850 || made > 900 {
		t.Errorf("%d writes that are not urgent in the next minute, want some 900", made)
	}
}

// What an instance took and did not use is there for others again.
func TestUnusedIsGivenBack(t *testing.T) {
	all := writers(2, 1000, newMemory())
	use(t, all[0], noon, true, 15)
	later := noon.Add(useWithin)
	use(t, all[0], later, true, 2)
	// A fiftieth is not asked for, and a twentieth is for what is not urgent.
	if got := use(t, all[1], later, true, 2000); got != 930-17 {
		t.Errorf("%d writes beside the 17 that were made, of 930", got)
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
	return &flood{t: t, store: store, all: writers(25, 1000, store), now: noon}
}

// goOn lets time pass in which nothing urgent comes.
func (f *flood) goOn(seconds int) {
	for range seconds {
		f.second(0)
	}
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

// waited is how long one has waited at most, be it still.
func (f *flood) waited() time.Duration {
	for _, since := range f.waiting {
		f.slowest = max(f.slowest, f.now.Sub(since))
	}
	return f.slowest
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

// Beside others that take all they may, 600 urgent writes a minute are made within some ten seconds, for as long as they come; where an
// instance dies every few seconds with what it had, within half a minute.
func TestUrgentAreMadeAtOnce(t *testing.T) {
	for dies, most := range map[bool]time.Duration{false: 15 * time.Second, true: 30 * time.Second} {
		f := newFlood(t)
		f.goOn(150)
		for s := range 300 {
			f.second(10)
			if dies && s%7 == 0 {
				f.crash(s / 7 % len(f.all))
			}
		}
		f.kept(1000)
		if f.waited() > most {
			t.Errorf("instances die %v: one waited for %v, and %d still do", dies, f.slowest, len(f.waiting))
		}
	}
}

// As many at once are made within a minute.
func TestUrgentBurst(t *testing.T) {
	f := newFlood(t)
	f.goOn(150)
	f.second(600)
	f.goOn(59)
	f.kept(1000)
	if len(f.waiting) > 0 {
		t.Errorf("%d still wait after a minute", len(f.waiting))
	}
}

// Where the others have just used a minute after a quiet time, 500 urgent ones a minute are each allowed within a minute still.
func TestUrgentAfterABurst(t *testing.T) {
	f := newFlood(t)
	f.second(0)
	if f.others < 800 {
		t.Fatalf("%d others were made at once", f.others)
	}
	for s := range 300 {
		f.second((s+1)*500/60 - s*500/60)
	}
	f.kept(1000)
	if f.waited() > time.Minute {
		t.Errorf("one waited for %v", f.waited())
	}
}

// However many urgent ones come, the others go on.
func TestOthersAreNeverStarved(t *testing.T) {
	f := newFlood(t)
	f.second(6000)
	f.goOn(70) // what was made before them runs out
	for range 3 {
		before := f.others
		f.goOn(70)
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
	if made < 800 {
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
	if low, high := use(t, b, noon, false, 2000), use(t, b, noon, true, 2000); low != 37 || high != 3 {
		t.Errorf("%d writes, and %d urgent ones, of an even share of 40", low, high)
	}
	store.down = nil
	if got := use(t, b, noon.Add(2*time.Minute), true, 2000); got != 930 {
		t.Errorf("%d writes when the count is back, want 930", got)
	}
}
