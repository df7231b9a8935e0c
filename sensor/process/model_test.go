package process

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"tiercel.dev/internal/event"
	"tiercel.dev/internal/race"
)

// play lets a machine live by the bytes of a script while records of it are lost, delayed and overtaken, and then
// checks that each process's next record, and a scan, put the table right.
func play(t *testing.T, script []byte, cfg Config) {
	w := newWorld(t, cfg)
	var ring []*event.Event // made, and not yet read
	next := func() byte {
		if len(script) == 0 {
			return 0
		}
		b := script[0]
		script = script[1:]
		return b
	}
	some := func() *task {
		pids := slices.Sorted(maps.Keys(w.tasks))
		return w.tasks[pids[int(next())%len(pids)]]
	}
	emit := func(ev *event.Event) {
		switch loss := next() % 8; {
		case loss == 0:
			return
		case loss == 1 && len(ring) > 0: // another CPU's record comes first
			ring = append(ring[:len(ring)-1], ev, ring[len(ring)-1])
		default:
			ring = append(ring, ev)
		}
	}
	for len(script) > 0 {
		op, p := next()%16, some()
		switch {
		case op < 4:
			if len(w.tasks) < 40 {
				pid := 2 + int32(next())%60
				if w.tasks[pid] == nil {
					w.now += tick // numbers come round slower than that
					_, ev := w.forkAs(pid, p)
					emit(ev)
				}
			}
		case op < 7:
			emit(w.exec(p, fmt.Sprintf("prog%d", next()%8), "arg"))
		case op < 9:
			if p.pid != 1 {
				emit(w.exit(p))
			}
		case op < 10:
			p.uid = uint32(next())
			emit(w.does(p))
		case op < 11:
			emit(w.thread(p, 900))
			emit(w.exitThread(p, 900))
		case op < 12:
			if next()%8 == 0 {
				w.scan()
			}
		default:
			emit(w.does(p))
		}
		// The reader is up to 16 records behind.
		for len(ring) > int(next())%16 {
			w.apply(ring[0])
			w.table.consistent(t)
			ring = ring[1:]
		}
	}
	for _, ev := range ring {
		w.apply(ev)
	}
	w.now += int64(2 * time.Second)
	w.scan()
	for _, p := range w.tasks {
		w.apply(w.does(p))
	}
	w.sameLive()
	for _, p := range w.tasks {
		w.sees(p)
	}
	w.table.consistent(t)
}

// consistent checks what must hold after every record.
func (t *Table) consistent(tb testing.TB) {
	var live, exited int64
	for pid, head := range t.byPID {
		for e := head; e != nil; e = e.older {
			switch {
			case e.proc.PID != pid:
				tb.Fatalf("process %d stands at %d", e.proc.PID, pid)
			case e.removed:
				tb.Fatalf("process %d was removed", pid)
			case e != head && !e.proc.Exited:
				tb.Fatalf("two processes %d are alive", pid)
			case e.older != nil && e.older.proc.Start > e.proc.Start:
				tb.Fatalf("processes %d are out of order", pid)
			case (e.parent == nil) != (e.proc.Parent == nil), e.parent != nil && e.proc.Parent != &e.parent.proc:
				tb.Fatalf("process %d: two parents", pid)
			case e.parent != nil && e.parent.removed:
				tb.Fatalf("process %d: its parent was removed", pid)
			}
			for p, n := e.parent, 0; p != nil; p, n = p.parent, n+1 {
				if p == e || n > 10_000 {
					tb.Fatalf("process %d descends from itself", pid)
				}
			}
			if e.proc.Exited {
				exited++
			} else {
				live++
			}
		}
	}
	if s := t.Stats(); s.Live != live || s.Exited != exited {
		tb.Fatalf("counted %d live and %d exited, have %d and %d", s.Live, s.Exited, live, exited)
	}
}

func TestRandomLives(t *testing.T) {
	race.Skip(t, "one goroutine plays 300 lives")
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		script := make([]byte, 2000)
		for i := range script {
			script[i] = byte(random.Uint32())
		}
		cfg := Config{}
		if seed%3 == 1 {
			cfg.MaxExited = 2 // forgotten at once
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) { play(t, script, cfg) })
		if t.Failed() {
			return
		}
	}
}

func FuzzTable(f *testing.F) {
	f.Add([]byte{0, 0, 5, 3, 0, 0, 0, 6, 1, 3, 1, 2, 8, 1, 3})
	f.Fuzz(func(t *testing.T, script []byte) {
		if len(script) > 4000 {
			t.Skip("longer than needed")
		}
		play(t, script, Config{})
	})
}
