package enrich

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/internal/lookup"
	"tiercel.dev/internal/objects"
	"tiercel.dev/rules"
	"tiercel.dev/rules/where"
)

// A Store holds the where list; [objects.Bucket] is one, and errors are that package's.
//
// The list is an object and not a setting of the function, so that an alert can be muted within a minute and without a
// deployment, and so that the right to mute is the right to write one object, apart from the right to deploy. The bucket's
// object versions tell who changed what.
type Store interface {
	Get(ctx context.Context, name string) (objects.Object, error)
}

const (
	// policiesEvery is how soon a change counts.
	policiesEvery   = time.Minute
	policiesRetry   = 15 * time.Second
	policiesTimeout = 10 * time.Second
	// policiesWait is how long an alert waits for a list that is not in memory yet.
	policiesWait = 3 * time.Second
)

// policies follows the where list. A list that is wrong or cannot be read leaves the one before in force, and says so in the
// log; so does each policy that has ended, once.
type policies struct {
	store Store
	name  string
	log   *slog.Logger
	cache *lookup.Cache[struct{}]

	mu         sync.Mutex
	generation int64
	known      bool // a list, or that there is none, has been read
	list       []*rules.Policy
	ended      map[*rules.Policy]bool // told of
}

func newPolicies(cfg Config) *policies {
	return &policies{
		store: cfg.Store, name: cfg.Policy, log: cfg.Log, ended: make(map[*rules.Policy]bool),
		cache: lookup.New(lookup.Config[struct{}]{Name: "policies", Size: 1, Timeout: policiesTimeout, Now: cfg.Now, Keep: func(_ struct{}, err error) time.Duration {
			if err != nil {
				return policiesRetry
			}
			return policiesEvery
		}}),
	}
}

// current returns the list in force, or why there is none.
func (p *policies) current(ctx context.Context) ([]*rules.Policy, error) {
	if p.name == "" {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, policiesWait)
	defer cancel()
	_, err := p.cache.Get(ctx, p.name, func(ctx context.Context) (struct{}, error) {
		err := p.read(ctx)
		if err != nil {
			p.log.ErrorContext(ctx, "where list not taken: the one before stays in force", "err", err)
		}
		return struct{}{}, err
	})
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.known {
		return p.list, nil
	}
	return nil, err
}

func (p *policies) read(ctx context.Context) error {
	o, err := p.store.Get(ctx, p.name)
	switch {
	case errors.Is(err, objects.ErrNotFound):
		p.log.WarnContext(ctx, "there is no where list: nothing is muted", "name", p.name)
		p.set(nil, 0)
		return nil
	case err != nil:
		return err
	case !p.changed(o.Generation):
		return nil
	}
	list, err := rules.LoadPolicies(rules.Source{Name: p.name, Data: o.Data})
	if err != nil {
		return err
	}
	p.set(list, o.Generation)
	p.log.InfoContext(ctx, "where list in force", "name", p.name, "generation", o.Generation, "policies", len(list))
	return nil
}

func (p *policies) changed(generation int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.known || p.generation != generation
}

func (p *policies) set(list []*rules.Policy, generation int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known, p.list, p.generation = true, list, generation
	clear(p.ended)
}

// over reports whether a policy counts no more, and tells the log of it once.
func (p *policies) over(ctx context.Context, policy *rules.Policy, now time.Time) bool {
	if now.Before(policy.Until) {
		return false
	}
	p.mu.Lock()
	first := !p.ended[policy]
	p.ended[policy] = true
	p.mu.Unlock()
	if first {
		p.log.WarnContext(ctx, "policy has ended and counts no more", "policy", policy.Name, "until", policy.Until.Format(time.RFC3339),
			"where", policy.Position.String())
	}
	return true
}

// judge lets the first policy decide that is true of the alert. Where one gives no answer, since it hangs on what is not known,
// nobody can say which would have been the first: none decides, and the alert says so. That way round nothing is hidden.
func (e *Enricher) judge(ctx context.Context, f *facts, now time.Time) {
	list, err := e.policies.current(ctx)
	if err != nil {
		f.lack("policies", err)
		return
	}
	var known *where.Facts
	for _, p := range list {
		if e.policies.over(ctx, p, now) {
			continue
		}
		if known == nil {
			known = f.where()
		}
		matched, err := p.Match(ctx, known)
		switch {
		case err != nil:
			f.lack("policy "+p.Name, err)
			return
		case matched:
			f.apply(p)
			return
		}
	}
}

func (f *facts) apply(p *rules.Policy) {
	f.Policy = &alert.Policy{
		Name: p.Name, Reason: p.Reason, Until: alert.Time(p.Until.UnixNano()), Muted: p.Mute, OriginalSeverity: f.alert.GetSeverity(),
	}
	if p.Severity != 0 {
		f.alert.Severity = severities[p.Severity]
	}
}

var severities = map[rules.Severity]alert.Severity{
	rules.Low: alert.Low, rules.Medium: alert.Medium, rules.High: alert.High, rules.Critical: alert.Critical,
}
