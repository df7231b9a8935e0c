package route

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/scc"
)

// behind is a finding that says less than the ledger.
type behind struct {
	*head
	sum scc.Counted
}

// Flush writes what Handle left: repeats, what was beyond the budget, and findings whose writer died. The severest come
// first, and of those the ones that wait longest; what the budget does not allow, the next Flush does. It may run beside
// Handle and beside itself. One finding's failure does not keep the others from being written, but that the service asks
// for patience ends it.
func (r *Router) Flush(ctx context.Context) error {
	if r.cfg.Findings == nil {
		return nil
	}
	waiting, err := r.waiting(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for i, b := range waiting {
		if !r.budget.allow(ctx, r.cfg.Now(), b.Severity) {
			r.cfg.Log.InfoContext(ctx, "findings wait for the next minute's budget", "findings", len(waiting)-i)
			break
		}
		// The listing is old by now: the head as it is decides.
		h, err := r.head(ctx, b.id)
		if err == nil && h.generation == b.generation {
			err = r.settle(ctx, h, h.Alert)
		}
		if err != nil {
			errs = append(errs, err)
		}
		if errors.Is(err, fault.ErrQuota) || ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

// waiting finds what is behind by one listing, in the order in which it is to be written.
func (r *Router) waiting(ctx context.Context) ([]behind, error) {
	var all []behind
	now := r.cfg.Now()
	current := behind{}
	done := func() {
		h := current.head
		if h != nil && current.sum.Events != h.Written && current.sum.Events != h.Refused && !h.leased(now) ||
			h != nil && !h.Leased.IsZero() && !h.leased(now) {
			all = append(all, current)
		}
	}
	id := ""
	for o, err := range r.cfg.Store.List(ctx, ledgerRoot) {
		if err != nil {
			return nil, err
		}
		of, part, _ := strings.Cut(strings.TrimPrefix(o.Name, ledgerRoot), "/")
		if of != id {
			done()
			id, current = of, behind{}
		}
		if err := current.note(of, part, o); err != nil {
			return nil, err
		}
	}
	done()
	slices.SortStableFunc(all, func(a, b behind) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), a.WrittenAt.Compare(b.WrittenAt))
	})
	return all, nil
}

func (b *behind) note(id, part string, o objects.Object) (err error) {
	if part != "head" {
		return add(&b.sum, o)
	}
	b.head, err = headOf(id, o)
	return err
}
