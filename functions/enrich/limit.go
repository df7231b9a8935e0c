package enrich

import (
	"context"
	"fmt"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/time/rate"

	"tiercel.dev/alert"
	"tiercel.dev/internal/meter"
)

// maxNodes is how many nodes' rates are remembered, some 200 bytes each. A node that is forgotten begins anew.
const maxNodes = 20_000

// limit bounds what one node can make us ask: each alert may name another pod, so no cache helps against a node that
// makes them up.
//
// What is over is published at once, without what was not asked and with the reason among what is missing. It is not
// answered by 429: that slows down the whole subscription, so one node could hold up the alerts of all others, and after some
// attempts the message would be dead. A sensor counts repeats in one alert, so a node that comes here this often is
// broken or in the hands of somebody who would like to see its other alerts drown; they must go through.
type limit struct {
	perMinute int
	nodes     *lru.Cache[string, *rate.Limiter]
}

func newLimit(perMinute int) *limit {
	nodes, err := lru.New[string, *rate.Limiter](maxNodes)
	if err != nil {
		panic(err) // a size below 1
	}
	return &limit{perMinute: perMinute, nodes: nodes}
}

func (l *limit) allow(key string, now time.Time) bool {
	node, ok := l.nodes.Get(key)
	if !ok {
		node = rate.NewLimiter(rate.Every(time.Minute/time.Duration(l.perMinute)), l.perMinute)
		// Another request may have been first: its limiter is the one to count with.
		if before, ok, _ := l.nodes.PeekOrAdd(key, node); ok {
			node = before
		}
	}
	return node.AllowN(now, 1)
}

// allow takes one alert out of its node's rate. Nodes that are not known to exist share one: else a new name would be a
// new rate.
func (e *Enricher) allow(ctx context.Context, f *facts) error {
	key := f.cluster.Resource()
	if f.Verification != alert.Unverified {
		key += "/" + f.alert.GetNode().GetName()
	}
	if e.nodes.allow(key, e.cfg.Now()) {
		return nil
	}
	meter.Add(ctx, meter.Limited, 1)
	return fmt.Errorf("more than %d alerts a minute come from there: not looked up", e.nodes.perMinute)
}
