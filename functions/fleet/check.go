package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"tiercel.dev/alert"
	"tiercel.dev/internal/budget"
	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/meter"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/scc"
)

// Findings are written to; [scc.Writer] does, and errors are its. The method may be called twice with the same arguments.
type Findings interface {
	Create(ctx context.Context, id string, f *pb.Finding) error
}

// Config is what a [Checker] is made of. All but Findings, Policy, Now and Log must be set.
type Config struct {
	Store Store
	Beats *Beats
	// World looks at the clusters. What it could not see it says in the world; an error is for a look that told nothing.
	World func(context.Context) (World, error)
	// Publish sends an alert to the topic that sensors send theirs to.
	Publish func(ctx context.Context, data []byte, attributes map[string]string) error
	// Findings is nil where there is no organization to hold them.
	Findings Findings
	// MaxInstances is [budget.Config]'s.
	MaxInstances int
	Policy       Policy
	Now          func() time.Time // default time.Now
	Log          *slog.Logger     // default slog.Default()
}

// A Checker is safe for concurrent use, in any number of processes over one store: of two checks at once one gives up.
type Checker struct {
	cfg    Config
	budget *budget.Budget
}

// NewChecker makes no request.
func NewChecker(cfg Config) *Checker {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Checker{cfg, budget.New(budget.Config{Store: cfg.Store, MaxInstances: cfg.MaxInstances, Log: cfg.Log})}
}

// maxTold bounds what one check tells, so that a fleet that falls silent as a whole leaves alerts most of the quota for findings.
// The severest come first, and the next check goes on.
const (
	maxTold = 300
	tellers = 8
)

// Check looks at the fleet, notes what it finds, and tells what has changed. What is to be told stands in the record before
// anything is, and what was told after: a check that dies in between is made up for by the next, whose alerts have the same ids.
func (c *Checker) Check(ctx context.Context) error {
	s, generation, err := c.status(ctx)
	if err != nil {
		return err
	}
	heard, err := c.cfg.Beats.Read(ctx)
	if err != nil {
		return err
	}
	world, err := c.cfg.World(ctx)
	if err != nil {
		return err
	}
	now := c.cfg.Now()
	s.take(now, world, Judge(now, s.looked(now), world, heard, c.cfg.Policy))
	s.Unverified = heard.Unverified
	if generation, err = c.keep(ctx, s, generation); err != nil {
		return err
	}
	for _, kind := range slices.Sorted(maps.Keys(rules)) {
		meter.Set(ctx, meter.Problems, float64(s.open(kind)), string(kind))
	}
	c.cfg.Log.InfoContext(ctx, "fleet checked", "clusters", len(s.Clusters), "silent", s.open(Missing)) // infra/alerts.tf counts it
	pending := s.pending()
	if len(pending) == 0 {
		return nil
	}
	if over := len(pending) - maxTold; over > 0 {
		c.cfg.Log.WarnContext(ctx, "problems wait for the next check", "problems", over)
		pending = pending[:maxTold]
	}
	failed := c.tell(ctx, pending)
	_, err = c.keep(ctx, s, generation)
	return errors.Join(failed, err)
}

// status reads the record; an empty one if there is none.
func (c *Checker) status(ctx context.Context) (*Status, int64, error) {
	o, err := c.cfg.Store.Get(ctx, StatusName)
	if errors.Is(err, objects.ErrNotFound) {
		return new(Status), 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	s, err := ReadStatus(o)
	return s, o.Generation, err
}

// keep writes the record, unless another check has meanwhile: then this one's view is old.
func (c *Checker) keep(ctx context.Context, s *Status, generation int64) (int64, error) {
	data, err := json.Marshal(s)
	if err != nil {
		return 0, err
	}
	generation, err = c.cfg.Store.Put(ctx, StatusName, data, nil, generation)
	if errors.Is(err, objects.ErrConflict) {
		return 0, fmt.Errorf("another check runs beside this one: %w", err)
	}
	return generation, err
}

// tell publishes and writes what is pending. One that goes wrong does not keep the others from being told, but that a service
// asks for patience ends it.
func (c *Checker) tell(ctx context.Context, pending []*Line) error {
	var group errgroup.Group
	group.SetLimit(tellers)
	var over atomic.Bool
	errs := make([]error, len(pending))
	for i, l := range pending {
		if over.Load() || ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			errs[i] = c.tellOne(ctx, l)
			if errors.Is(errs[i], fault.ErrQuota) {
				over.Store(true)
			}
			return nil
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// tellOne publishes and writes what is not yet; the one goes on without the other.
func (c *Checker) tellOne(ctx context.Context, l *Line) error {
	var published, written error
	if !l.Alerted {
		published = c.publish(ctx, alertOf(l))
		l.Alerted = published == nil
	}
	if !l.Written {
		now := c.cfg.Now()
		if c.cfg.Findings != nil && !c.budget.Allow(ctx, now, rules[l.Kind].severity >= alert.High) {
			return published // the next check writes it
		}
		if written = c.write(ctx, l, now); written == nil {
			l.Written, l.WrittenAt = true, now
		}
	}
	return errors.Join(published, written)
}

// publish sends JSON, as sensors do unless they are told otherwise: a topic with a schema takes one encoding.
func (c *Checker) publish(ctx context.Context, a *alert.Alert) error {
	data, err := alert.Marshal(a, alert.EncodingJSON)
	if err != nil {
		return err
	}
	return c.cfg.Publish(ctx, data, alert.Attributes(a))
}

func (c *Checker) write(ctx context.Context, l *Line, now time.Time) error {
	if c.cfg.Findings == nil {
		return nil
	}
	id, f := findingOf(l, now)
	c.budget.Spent(proto.Size(f))
	err := c.cfg.Findings.Create(ctx, id, f)
	if errors.Is(err, fault.ErrQuota) {
		c.budget.Wait(now, scc.RetryDelay(err))
	}
	return err
}

var _ Findings = (*scc.Writer)(nil)
