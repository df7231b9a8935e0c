package route

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/meter"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/scc"
)

// flushers write findings at once. A write is half a dozen requests, one after the other: one writer alone could not use the
// quota.
const flushers = 8

// behind is a finding that may say less than the ledger.
type behind struct {
	*head
	sum     scc.Counted
	touched time.Time        // when the newest of its objects was written
	parts   []objects.Object // the head first
}

// Flush writes what Handle left: repeats, what was beyond the budget, and findings whose writer died. The severest come
// first, and of those the ones that wait longest; what the budget does not allow, the next Flush does. It may run beside
// Handle and beside itself. One finding's failure does not keep the others from being written, but that the service asks
// for patience ends it.
func (r *Router) Flush(ctx context.Context) error {
	waiting, err := r.waiting(ctx)
	if r.cfg.Findings == nil {
		return err
	}
	var (
		all  sync.WaitGroup
		free = make(chan struct{}, flushers)
		mu   sync.Mutex
		errs = []error{err}
		over bool
	)
	meter.Set(ctx, meter.Waiting, 0)
	for i, b := range waiting {
		free <- struct{}{}
		mu.Lock()
		ended := over || ctx.Err() != nil
		mu.Unlock()
		if ended {
			break
		}
		if !r.allowed(ctx, b.Severity >= alert.High) {
			meter.Set(ctx, meter.Waiting, float64(len(waiting)-i))
			r.cfg.Log.InfoContext(ctx, "findings wait for the next minute's budget", "findings", len(waiting)-i)
			break
		}
		all.Go(func() {
			defer func() { <-free }()
			if err := r.catchUp(ctx, b); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, err)
				over = over || errors.Is(err, fault.ErrQuota)
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// allowed asks the budget, for as long as a flush waits.
func (r *Router) allowed(ctx context.Context, urgent bool) bool {
	for end := time.Now().Add(r.cfg.FlushWait); ; {
		if r.budget.Allow(ctx, r.cfg.Now(), urgent) {
			return true
		}
		if !time.Now().Before(end) {
			return false
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(time.Second):
		}
	}
}

// catchUp writes a finding of the listing, unless somebody has since.
func (r *Router) catchUp(ctx context.Context, b behind) error {
	h, err := r.head(ctx, b.id)
	if err != nil || h.generation != b.generation {
		return err
	}
	return r.settle(ctx, h, h.Alert)
}

// waiting finds what is behind by one listing, in the order in which it is to be written, and removes what has served its
// time. An error beside findings is about others, whose records cannot be read.
func (r *Router) waiting(ctx context.Context) ([]behind, error) {
	var all []behind
	var errs []error
	now := r.cfg.Now()
	id, current := "", behind{}
	next := func(of string) {
		if id != of {
			if current.waits(now) {
				all = append(all, current)
			} else if id != "" && current.forgettable(now) {
				errs = append(errs, r.forget(ctx, current))
			}
			id, current = of, behind{}
		}
	}
	for o, err := range r.cfg.Store.List(ctx, ledgerRoot) {
		if err != nil {
			return nil, errors.Join(append(errs, err)...)
		}
		of, part, _ := strings.Cut(strings.TrimPrefix(o.Name, ledgerRoot), "/")
		next(of)
		if err := current.note(of, part, o); err != nil {
			errs = append(errs, err)
		}
	}
	next("")
	slices.SortStableFunc(all, func(a, b behind) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), a.WrittenAt.Compare(b.WrittenAt))
	})
	return all, errors.Join(errs...)
}

// waits reports whether there is something to write that nobody writes now. A finding that was refused as it is would be
// refused again.
func (b behind) waits(now time.Time) bool {
	if b.head == nil || b.leased(now) {
		return false
	}
	return !b.Leased.IsZero() || b.sum.Events != b.Written && b.sum.Events != b.Refused
}

func (b *behind) note(id, part string, o objects.Object) error {
	if o.Updated.After(b.touched) {
		b.touched = o.Updated
	}
	if part != "head" {
		b.parts = append(b.parts, o)
		return add(&b.sum, o)
	}
	b.parts = slices.Insert(b.parts, 0, o)
	h, err := headOf(id, o)
	if err == nil {
		b.head = h
	}
	return err
}
