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

// looks is how often a flush looks, while it waits for the budget, whether something severer waits by now.
const looks = 5

// Flush writes what Handle left: repeats, what was beyond the budget, and findings whose writer died. The severest come
// first, and of those the ones that wait longest; what the budget does not allow while it waits, the next Flush does. It may run
// beside Handle and beside itself. One finding's failure does not keep the others from being written, but that the service asks
// for patience ends it.
func (r *Router) Flush(ctx context.Context) error {
	var errs []error
	for end := time.Now().Add(r.cfg.FlushWait); ; {
		began := time.Now()
		waiting, err := r.waiting(ctx)
		errs = append(errs, err)
		if r.cfg.Findings == nil {
			break
		}
		// Where there is so much that to look takes long, no more than half of the time goes into it.
		until := time.Now().Add(max(r.cfg.FlushWait/looks, time.Since(began)))
		left, err := r.round(ctx, waiting, slices.MinFunc([]time.Time{until, end}, time.Time.Compare))
		errs = append(errs, err)
		meter.Set(ctx, meter.Waiting, float64(left))
		if errors.Is(err, fault.ErrQuota) || !time.Now().Before(end) || left == 0 && !r.expects(ctx, until) || ctx.Err() != nil {
			if left > 0 {
				r.cfg.Log.InfoContext(ctx, "findings wait for the next minute's budget", "findings", left)
			}
			break
		}
	}
	return errors.Join(errs...)
}

// expects reports whether something urgent may come that finds no write, and is then back when it is time to look for that.
func (r *Router) expects(ctx context.Context, until time.Time) bool {
	if !r.budget.Tight(ctx, r.cfg.Now()) {
		return false
	}
	select {
	case <-ctx.Done():
	case <-time.After(time.Until(until)):
	}
	return true
}

// round writes what a look found, and returns how many findings were left when the budget had no more for them. What is urgent and
// what is not do not wait for each other: there are writes that only the one may have, and some that only the other may.
func (r *Router) round(ctx context.Context, waiting []behind, until time.Time) (left int, err error) {
	f := flushing{router: r, until: until, free: make(chan struct{}, flushers)}
	urgent := 0
	for urgent < len(waiting) && waiting[urgent].urgent() {
		urgent++
	}
	var both sync.WaitGroup
	for _, of := range [][]behind{waiting[:urgent], waiting[urgent:]} {
		both.Go(func() { f.write(ctx, of) })
	}
	both.Wait()
	return f.left, errors.Join(f.errs...)
}

func (b behind) urgent() bool { return b.Severity >= alert.High }

// flushing is a round under way.
type flushing struct {
	router *Router
	until  time.Time // it waits for the budget
	free   chan struct{}

	mu   sync.Mutex
	errs []error
	over bool // the service had enough
	left int
}

// write writes findings of one urgency, in their order.
func (f *flushing) write(ctx context.Context, all []behind) {
	var writing sync.WaitGroup
	defer writing.Wait()
	for i, b := range all {
		f.free <- struct{}{}
		if f.ended() || ctx.Err() != nil || !f.router.allowed(ctx, b.urgent(), f.until) {
			<-f.free
			f.mu.Lock()
			defer f.mu.Unlock()
			f.left += len(all) - i
			return
		}
		writing.Go(func() {
			defer func() { <-f.free }()
			if err := f.router.catchUp(ctx, b); err != nil {
				f.mu.Lock()
				defer f.mu.Unlock()
				f.errs = append(f.errs, err)
				f.over = f.over || errors.Is(err, fault.ErrQuota)
			}
		})
	}
}

func (f *flushing) ended() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.over
}

// allowed asks the budget, again each second until a time that has come or comes.
func (r *Router) allowed(ctx context.Context, urgent bool, until time.Time) bool {
	for {
		if r.budget.Allow(ctx, r.cfg.Now(), urgent) {
			return true
		}
		if !time.Now().Before(until) {
			return false
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(min(time.Second, time.Until(until))):
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
