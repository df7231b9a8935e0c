package spool

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// workload publishes and receives in a fixed way until it is through or the disk has crashed, and notes in accepted what
// was durable. Acknowledgements and returned items are mixed.
func workload(h *harness, rng *rand.Rand, rounds int, accepted map[uint64]bool) {
	for round := 0; round < rounds; round++ {
		for range 1 + rng.IntN(6) {
			h.publish(1+rng.IntN(4), 100+rng.IntN(3000))
		}
		h.s.failed = nil
		h.s.write()
		if rng.IntN(3) > 0 {
			h.s.sync()
		}
		if h.fs.crashed {
			return
		}
		if accepted != nil {
			for _, x := range h.s.current().decided {
				for n := x[0]; n <= x[1]; n++ {
					accepted[n] = true
				}
			}
		}
		if rng.IntN(2) == 0 {
			for _, it := range h.receive(rng.IntN(8) + 1) {
				if rng.IntN(4) == 0 {
					h.s.Nack(it)
				} else {
					h.s.Ack(it)
				}
			}
		}
		if rng.IntN(4) == 0 {
			h.s.note()
		}
		if h.fs.crashed {
			return
		}
	}
}

// TestCrashAtEachOperation loses power at every operation of a run in turn, and checks after the restart that what was
// accepted arrives, nothing is invented, the losses counted are the gaps, and no number is given twice.
func TestCrashAtEachOperation(t *testing.T) {
	const rounds = 25
	for seed := range uint64(3) {
		clean := newHarness(t, newSimFS(), smallConfig())
		workload(clean, rand.New(rand.NewPCG(seed, 1)), rounds, nil)
		total := clean.fs.ops
		if total < 100 {
			t.Fatalf("only %d operations", total)
		}
		for at := 1; at <= total; at++ {
			t.Run(fmt.Sprintf("seed%d/op%d", seed, at), func(t *testing.T) { crashOnce(t, seed, at, rounds) })
		}
	}
}

func crashOnce(t *testing.T, seed uint64, at, rounds int) {
	fs := newSimFS()
	fs.crashAt = at
	h := newHarness(t, fs, smallConfig())
	accepted := map[uint64]bool{}
	if !fs.crashed {
		workload(h, rand.New(rand.NewPCG(seed, 1)), rounds, accepted)
	}
	if !fs.crashed {
		t.Fatalf("operation %d did not come", at)
	}
	before := h.s.current()

	h.restart(fs.crash(rand.New(rand.NewPCG(seed, uint64(at)))))
	if cur := h.s.current(); cur.id != before.id && before.reserved != unbounded {
		t.Errorf("the count began anew though a control file was durable")
	} else if cur.id == before.id && cur.next <= before.decided.end() {
		t.Errorf("the next number is %d, and %d was given and used", cur.next, before.decided.end())
	}
	h.publish(4, 200)
	h.commit()
	h.drain()
	for n := range accepted {
		if !h.seen[before.id][n] {
			t.Errorf("alert %d was accepted and did not arrive", n)
		}
	}
	h.checkAccount()
	if t.Failed() {
		t.Logf("lost: %v", h.s.Stats().Lost)
	}
}

func (r runs) end() uint64 {
	if len(r) == 0 {
		return 0
	}
	return r[len(r)-1][1]
}

// TestCrashWhileFull is the same with a spool that drops all the time: the account must hold.
func TestCrashWhileFull(t *testing.T) {
	cfg := smallConfig()
	cfg.MaxBytes = 256 << 10
	cfg.SegmentBytes = 4 << 10
	run := func(t *testing.T, at int) *harness {
		fs := newSimFS()
		fs.crashAt = at
		h := newHarness(t, fs, cfg)
		rng := rand.New(rand.NewPCG(7, 7))
		for range 45 {
			if fs.crashed {
				break
			}
			for range 8 {
				h.publish(1+rng.IntN(4), 1000)
			}
			h.commit()
			if fs.crashed {
				break
			}
			for _, it := range h.receive(1) {
				h.s.Ack(it)
			}
		}
		return h
	}
	clean := run(t, 0)
	if clean.lost(LostFull) == 0 {
		t.Fatal("nothing was dropped")
	}
	for at := 1; at <= clean.fs.ops; at += 2 {
		t.Run(fmt.Sprintf("op%d", at), func(t *testing.T) {
			h := run(t, at)
			h.restart(h.fs.crash(rand.New(rand.NewPCG(3, uint64(at)))))
			h.drain()
			h.checkAccount()
		})
	}
}
