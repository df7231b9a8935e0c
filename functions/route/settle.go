package route

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

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
	// After half of the lease no write begins or goes on, so that none is under way when the lease is void.
	writing, cancel := context.WithTimeout(ctx, leaseFor/2)
	defer cancel()
	// A lease that ran out tells of a write that may have been made.
	isNew := h.WrittenAt.IsZero() && h.Leased.IsZero()
	h.Leased = r.cfg.Now()
	h.describe(newest, h.Leased)
	if err := r.putHead(writing, h); err != nil {
		if errors.Is(err, objects.ErrConflict) {
			return r.overtaken(ctx, h.id, newest)
		}
		return err
	}
	sum, err := r.sum(writing, h.id)
	if err != nil {
		return errors.Join(err, r.release(ctx, h))
	}
	if err := r.write(writing, h, sum, isNew); err != nil {
		return errors.Join(err, r.failed(ctx, h, sum, err))
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

// overtaken is for a lease that somebody else took first: as if it had been found taken. Unless it was no lease, but the head
// was removed since nothing had been heard of the finding for so long.
func (r *Router) overtaken(ctx context.Context, id string, newest *alert.Alert) error {
	h, err := r.head(ctx, id)
	if err != nil || h.generation != 0 {
		return err
	}
	return r.settle(ctx, h, newest)
}

func (r *Router) write(ctx context.Context, h *head, sum scc.Counted, isNew bool) error {
	f := scc.Finding(h.Alert, sum, r.cfg.Now())
	r.budget.Spent(proto.Size(f))
	if isNew {
		return r.cfg.Findings.Create(ctx, h.id, f)
	}
	return r.cfg.Findings.Repeat(ctx, h.id, f)
}

// failed decides over the lease of a write that went wrong. Of one that was refused nothing comes any more, so the next try
// need not wait. Any other may be carried out yet, later than this: then the lease is left to run out, so that no newer write
// overtakes it.
func (r *Router) failed(ctx context.Context, h *head, sum scc.Counted, why error) error {
	if errors.Is(why, fault.ErrQuota) {
		r.budget.Wait(r.cfg.Now(), scc.RetryDelay(why))
	}
	if !errors.Is(why, scc.ErrRefused) {
		return nil
	}
	if errors.Is(why, fault.ErrPoison) {
		h.Refused = sum.Events
	}
	return r.release(ctx, h)
}

// release ends a lease under which nothing was written.
func (r *Router) release(ctx context.Context, h *head) error {
	if ctx.Err() != nil {
		return nil // it runs out
	}
	h.Leased = time.Time{}
	return r.putHead(ctx, h)
}

// distrust is for a writer that outlived its lease: another wrote meanwhile, and nobody knows whose write was the last. Flush
// writes again what counts as never written.
func (r *Router) distrust(ctx context.Context, id string) error {
	for {
		h, err := r.head(ctx, id)
		if err != nil {
			return err
		}
		h.Written, h.WrittenAt, h.Leased = 0, r.cfg.Now(), time.Time{}
		if err := r.putHead(ctx, h); !errors.Is(err, objects.ErrConflict) {
			return err
		}
	}
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
