package route

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/scc"
)

// settle writes a finding as the ledger has it.
//
// The order is what keeps a slow writer from putting an old sum over a newer one: the head is leased by compare-and-swap,
// and only then are the shards summed, the finding written, and the lease ended with what was written. Whoever finds the
// lease taken leaves the finding alone, and what it counted is in the sum, or differs from what the head says was
// written. A writer that dies leaves a lease, which is void after a minute; whoever comes then writes again.
func (r *Router) settle(ctx context.Context, h *head, newest *alert.Alert) error {
	if h.Alert == nil || newest.GetTime() > h.Alert.GetTime() {
		h.Alert = newest
	}
	h.Leased = r.cfg.Now()
	if err := r.putHead(ctx, h); err != nil {
		if errors.Is(err, objects.ErrConflict) {
			return nil // somebody else was first: as if the lease had been found taken
		}
		return err
	}
	sum, err := r.sum(ctx, h.id)
	if err == nil {
		err = r.write(ctx, h, sum)
	}
	if err != nil {
		return errors.Join(err, r.release(ctx, h, sum, err))
	}
	h.Written, h.WrittenAt, h.Leased, h.Refused = sum.Events, r.cfg.Now(), time.Time{}, 0
	err = r.putHead(ctx, h)
	if errors.Is(err, objects.ErrConflict) {
		return r.distrust(ctx, h.id)
	}
	if err != nil {
		return fmt.Errorf("finding %s was written and could not be noted: %w", h.id, err)
	}
	return nil
}

// distrust is for a writer that outlived its lease: another wrote meanwhile, and nobody knows whose write was the last. Flush
// writes again what counts as never written.
func (r *Router) distrust(ctx context.Context, id string) error {
	for {
		h, err := r.head(ctx, id)
		if err != nil {
			return err
		}
		h.Written, h.Leased = 0, time.Time{}
		if err := r.putHead(ctx, h); !errors.Is(err, objects.ErrConflict) {
			return err
		}
	}
}

func (r *Router) write(ctx context.Context, h *head, sum scc.Counted) error {
	f := scc.Finding(h.Alert, sum, r.cfg.Now())
	if h.WrittenAt.IsZero() {
		return r.cfg.Findings.Create(ctx, h.id, f)
	}
	return r.cfg.Findings.Repeat(ctx, h.id, f)
}

// release ends the lease of a write that failed, so that the next try need not wait for its end. After a deadline the
// finding may be written all the same, later than this: then the lease is left to run out.
func (r *Router) release(ctx context.Context, h *head, sum scc.Counted, why error) error {
	if errors.Is(why, context.DeadlineExceeded) || ctx.Err() != nil {
		return nil
	}
	h.Leased = time.Time{}
	if errors.Is(why, fault.ErrPoison) {
		h.Refused = sum.Events
	}
	return r.putHead(ctx, h)
}

// sum adds up a finding's shards.
func (r *Router) sum(ctx context.Context, id string) (scc.Counted, error) {
	var sum scc.Counted
	for o, err := range r.cfg.Store.List(ctx, ledgerRoot+id+"/") {
		if err != nil {
			return sum, err
		}
		if !strings.HasSuffix(o.Name, "/head") {
			if err := add(&sum, o); err != nil {
				return sum, err
			}
		}
	}
	return sum, nil
}

// add adds what a listing tells of a shard.
func add(sum *scc.Counted, o objects.Object) error {
	events, err1 := number(o.Meta, metaEvents)
	first, err2 := moment(o.Meta, metaFirst)
	last, err3 := moment(o.Meta, metaLast)
	if err := errors.Join(err1, err2, err3); err != nil {
		return fault.Poison(fmt.Errorf("%s, generation %d: %w", o.Name, o.Generation, err))
	}
	sum.Events += events
	if sum.First.IsZero() || first.Before(sum.First) {
		sum.First = first
	}
	if last.After(sum.Last) {
		sum.Last = last
	}
	return nil
}
