// Package route turns alerts into Security Command Center findings: each accepted alert is counted in exactly one finding,
// however often it is delivered, by whichever instances, and wherever one of them dies. It is a Cloud Function behind a
// push subscription ([Router.Handle]) and a scheduled one ([Router.Flush]).
//
// Security Command Center has no compare-and-swap, so it is not where anything is counted. A ledger in Cloud Storage is: an
// alert is added to it before anything is written, and what is written is the ledger's sum. See shard.go, count.go and
// head.go for what stands there, and settle.go for how a write that was cut off is made up for.
package route

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"

	"tiercel.dev/alert"
	"tiercel.dev/internal/budget"
	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/meter"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/push"
	"tiercel.dev/internal/scc"
)

// A Store keeps the ledger. [objects.Bucket] is one; its errors are that package's.
type Store interface {
	Get(ctx context.Context, name string) (objects.Object, error)
	Put(ctx context.Context, name string, data []byte, meta map[string]string, generation int64) (int64, error)
	List(ctx context.Context, prefix string) iter.Seq2[objects.Object, error]
	Delete(ctx context.Context, name string, generation int64) error
}

// Findings are written to; [scc.Writer] does, and errors are its. Both methods may be called twice with the same arguments.
type Findings interface {
	// Create writes a finding of which nobody knows that it is there, and Repeat one that may be.
	Create(ctx context.Context, id string, f *pb.Finding) error
	Repeat(ctx context.Context, id string, f *pb.Finding) error
}

// Config is what a [Router] is made of. Store must be set.
type Config struct {
	Store Store
	// Findings is nil where there is no organization to hold them: alerts are counted then, and not written.
	Findings Findings
	// WritesPerMinute, BytesPerDay and MaxInstances are [budget.Config]'s.
	WritesPerMinute int
	BytesPerDay     int64
	MaxInstances    int
	// RepeatEvery is how long a finding is left alone after a write; what repeats meanwhile, Flush writes. Default 1 min.
	RepeatEvery time.Duration
	// FlushWait is how long a flush waits for writes that the budget does not allow yet, in real time: what a flush of a minute ago
	// took counts for some seconds longer than a minute. Default not at all, and it writes what is allowed at once.
	FlushWait time.Duration
	// UrgentWait is how long Handle waits so with a finding of severity HIGH or above that nobody has written yet. Default not at all.
	UrgentWait time.Duration
	Now        func() time.Time // default time.Now
	Log        *slog.Logger     // default slog.Default()
}

// A Router is safe for concurrent use, in any number of processes over one store.
type Router struct {
	cfg    Config
	counts *counter
	budget *budget.Budget
	off    sync.Once     // says that there is nowhere to write to
	urgent chan struct{} // held by those who wait with what is urgent
}

// urgentWaiting is how many alerts an instance waits with at most: others come to it meanwhile.
const urgentWaiting = 8

// New returns a router that has made no request yet.
func New(cfg Config) *Router {
	if cfg.RepeatEvery == 0 {
		cfg.RepeatEvery = time.Minute
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Router{cfg: cfg, urgent: make(chan struct{}, urgentWaiting), counts: &counter{cfg: cfg, waiting: make(map[string][]*counted)}, budget: budget.New(budget.Config{
		Store: cfg.Store, WritesPerMinute: cfg.WritesPerMinute, BytesPerDay: cfg.BytesPerDay, MaxInstances: cfg.MaxInstances, Log: cfg.Log,
	})}
}

// Handle takes one delivery of an alert. When it returns nil the alert is in the ledger, and in its finding or on the way
// there by Flush. A message that is no alert is [fault.ErrPoison].
func (r *Router) Handle(ctx context.Context, m push.Message) error {
	a, err := alert.Unmarshal(m.Data)
	if err == nil {
		err = alert.Validate(a)
	}
	if err != nil {
		return fault.Poison(fmt.Errorf("message %s: %w", m.ID, err))
	}
	result := skipped
	switch {
	case a.GetKind() != alert.KindAlert, scc.OfTiercel(a):
	case a.GetEnrichment().GetPolicy().GetMuted():
		result = muted
	default:
		if result, err = r.handle(ctx, scc.ID(a), a); err != nil {
			return fmt.Errorf("alert %s: %w", a.AlertId, err)
		}
	}
	meter.Add(ctx, meter.Routed, 1, string(result))
	return nil
}

// A result is what came of an alert, as it is counted.
type result string

const (
	written    result = "written"    // its finding says it
	aggregated result = "aggregated" // it is in the ledger, and its finding says it later
	waiting    result = "waiting"    // so it is, for want of budget
	muted      result = "muted"      // by the where list
	skipped    result = "skipped"    // it is about sensors or clusters, and others write its finding
)

func (r *Router) handle(ctx context.Context, id string, a *alert.Alert) (result, error) {
	if err := r.counts.add(ctx, id, a); err != nil {
		return "", err
	}
	if r.cfg.Findings == nil {
		r.off.Do(func() {
			r.cfg.Log.WarnContext(ctx, "alerts are counted and no findings written: Security Command Center is off in the settings")
		})
		return aggregated, nil
	}
	h, err := r.head(ctx, id)
	if err != nil {
		return "", err
	}
	now := r.cfg.Now()
	switch {
	case h.leased(now):
		return aggregated, nil // whoever writes now, or Flush, has this alert in the sum
	case !h.WrittenAt.IsZero() && now.Sub(h.WrittenAt) < r.cfg.RepeatEvery && a.GetSeverity() <= h.Severity:
		return aggregated, nil
	case !r.mayWrite(ctx, a.GetSeverity() >= alert.High, h.WrittenAt.IsZero()):
		return waiting, r.leave(ctx, h, a)
	}
	return written, r.settle(ctx, h, a)
}

// mayWrite asks the budget, and waits for it with what is urgent and new. A flush that wrote nothing back would not find it for up
// to a minute.
func (r *Router) mayWrite(ctx context.Context, urgent, isNew bool) bool {
	until := time.Now()
	if urgent && isNew {
		select {
		case r.urgent <- struct{}{}:
			defer func() { <-r.urgent }()
			until = until.Add(r.cfg.UrgentWait)
		default:
		}
	}
	return r.allowed(ctx, urgent, until)
}

// leave puts the alert where Flush finds it, which has no other way to know what the finding is about.
func (r *Router) leave(ctx context.Context, h *head, a *alert.Alert) error {
	if h.generation != 0 {
		return nil
	}
	h.Alert = a
	if err := r.putHead(ctx, h); err != nil && !errors.Is(err, objects.ErrConflict) {
		return err
	}
	return nil
}
