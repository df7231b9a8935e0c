// Package lookup keeps what services answered: a bounded number of answers, each for a time, errors too, and asks once for
// all who want the same at the same moment. It is for facts that change seldom and are asked for often, by whoever may send
// alerts: without a bound, made-up names would fill the memory, and without keeping "no" they would be a flood of requests.
package lookup

import (
	"context"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"tiercel.dev/internal/meter"
)

// Config of a [Cache]. Size, Timeout and Keep must be set.
type Config[V any] struct {
	Name string // what is asked for, as it is counted
	Size int    // answers kept; the one that was wanted longest ago goes first
	// Timeout bounds the asking itself, which goes on when whoever began it leaves: others may wait for it.
	Timeout time.Duration
	// Keep is how long an answer is good.
	Keep func(V, error) time.Duration
	Now  func() time.Time // default time.Now
}

// A Cache is safe for concurrent use.
type Cache[V any] struct {
	cfg     Config[V]
	answers *lru.Cache[string, answer[V]]
	flights singleflight.Group
}

type answer[V any] struct {
	value V
	err   error
	at    time.Time
}

// New makes an empty cache.
func New[V any](cfg Config[V]) *Cache[V] {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	answers, err := lru.New[string, answer[V]](cfg.Size)
	if err != nil {
		panic(err) // a size below 1
	}
	return &Cache[V]{cfg: cfg, answers: answers}
}

// Get returns the answer kept under key, or asks. ask may run beyond the call, and must not change what it returned.
// The error is ask's, or ctx's if that ends before there is an answer.
func (c *Cache[V]) Get(ctx context.Context, key string, ask func(context.Context) (V, error)) (V, error) {
	return c.GetSince(ctx, key, time.Time{}, ask)
}

// GetSince is Get that takes no answer from before since.
func (c *Cache[V]) GetSince(ctx context.Context, key string, since time.Time, ask func(context.Context) (V, error)) (V, error) {
	if a, ok := c.kept(key, since); ok {
		meter.Add(ctx, meter.Lookups, 1, c.cfg.Name, "hit")
		return a.value, a.err
	}
	flight := c.flights.DoChan(key, func() (any, error) {
		// Another flight may have landed since.
		if a, ok := c.kept(key, since); ok {
			return a, nil
		}
		return c.ask(ctx, key, ask), nil
	})
	select {
	case <-ctx.Done():
		meter.Add(ctx, meter.Lookups, 1, c.cfg.Name, "late")
		var none V
		return none, context.Cause(ctx)
	case landed := <-flight:
		a := landed.Val.(answer[V])
		meter.Add(ctx, meter.Lookups, 1, c.cfg.Name, outcome(a.err))
		return a.value, a.err
	}
}

// outcome is a word for what came of asking. That something is not there is an answer, and counts as an error here: the cache does
// not know the errors of those who ask.
func outcome(err error) string {
	if err != nil {
		return "error"
	}
	return "asked"
}

func (c *Cache[V]) kept(key string, since time.Time) (answer[V], bool) {
	a, ok := c.answers.Get(key)
	if !ok || a.at.Before(since) || c.cfg.Now().Sub(a.at) >= c.cfg.Keep(a.value, a.err) {
		return answer[V]{}, false
	}
	return a, true
}

func (c *Cache[V]) ask(ctx context.Context, key string, ask func(context.Context) (V, error)) answer[V] {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.Timeout)
	defer cancel()
	a := answer[V]{at: c.cfg.Now()}
	a.value, a.err = guarded(ctx, ask)
	c.answers.Add(key, a)
	return a
}

// guarded keeps a panic from ending the process: it happens in a goroutine that belongs to no request.
func guarded[V any](ctx context.Context, ask func(context.Context) (V, error)) (v V, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return ask(ctx)
}
