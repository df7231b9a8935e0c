package route_test

import (
	"context"
	"testing"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/functions/route"
	localscc "tiercel.dev/local/scc"
)

func (w *world) ledger() (n int) {
	for _, err := range w.bucket.List(w.t.Context(), "ledger/") {
		if err != nil {
			w.t.Fatal(err)
		}
		n++
	}
	return n
}

// A ledger of which nothing is heard goes away once all is written, and a finding that comes back begins anew.
func TestForgets(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	w.now = time.Now() // the store has a clock of its own
	r := w.router(nil)
	for seq := range uint64(3) {
		if err := r.Handle(t.Context(), act("s", seq+1, "x", alert.High)); err != nil {
			t.Fatal(err)
		}
	}
	w.flush(r)
	w.later(80 * 24 * time.Hour)
	w.flush(r)
	if n := w.ledger(); n != 2 {
		t.Errorf("%d records after 80 days", n)
	}
	w.later(11 * 24 * time.Hour)
	w.flush(r)
	if n := w.ledger(); n != 0 {
		t.Errorf("%d records after 91 days", n)
	}
	if err := r.Handle(t.Context(), act("s", 4, "x", alert.High)); err != nil {
		t.Fatal(err)
	}
	w.expect("back again", 1)
}

// forgetful removes a head just before it is leased.
type forgetful struct {
	route.Store
	w *world
}

func (s forgetful) Put(ctx context.Context, name string, data []byte, meta map[string]string, generation int64) (int64, error) {
	if generation != 0 && meta["writing"] != "" {
		if err := s.Delete(ctx, name, generation); err != nil {
			s.w.t.Error(err)
		}
	}
	return s.Store.Put(ctx, name, data, meta, generation)
}

// An alert that comes in the moment in which its finding is forgotten is in the finding all the same.
func TestForgottenInBetween(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	if err := w.router(nil).Handle(t.Context(), act("s", 1, "x", alert.High)); err != nil {
		t.Fatal(err)
	}
	w.later(2 * time.Minute)
	r := w.router(func(cfg *route.Config) { cfg.Store = forgetful{cfg.Store, w} })
	if err := r.Handle(t.Context(), act("s", 2, "x", alert.High)); err != nil {
		t.Fatal(err)
	}
	w.expect("at once", 2)
}
