package route

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"tiercel.dev/alert"
	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/objects"
)

// A counter adds alerts to shards. Those that come for a shard while it is being written wait and are added by one write
// together: an object takes one write a second, and instances that conflict with themselves would get nowhere in a storm.
type counter struct {
	cfg Config

	mu      sync.Mutex
	waiting map[string][]*counted // by shard, while somebody writes it
}

// counted is an alert on its way into a shard.
type counted struct {
	alert *alert.Alert
	done  chan struct{} // closed when err stands, or when it is up to this one to write
	err   error
	leads bool
}

// add adds an alert to the ledger. It may be there already.
func (c *counter) add(ctx context.Context, id string, a *alert.Alert) error {
	name := shardName(id, a.GetSensorId())
	mine := &counted{alert: a, done: make(chan struct{})}
	c.mu.Lock()
	others, busy := c.waiting[name]
	if busy {
		c.waiting[name] = append(others, mine)
	} else {
		c.waiting[name] = nil
	}
	c.mu.Unlock()
	if busy {
		// Whoever writes has a deadline, so this need not watch its own.
		if <-mine.done; !mine.leads {
			return mine.err
		}
	}
	return c.lead(ctx, name, mine)
}

// lead writes what waits for a shard, with one's own, and leaves what comes meanwhile to the first of it.
func (c *counter) lead(ctx context.Context, name string, mine *counted) error {
	c.mu.Lock()
	batch := append(c.waiting[name], mine)
	c.waiting[name] = nil
	c.mu.Unlock()
	err := c.write(ctx, name, batch)
	for _, one := range batch {
		if one.err == nil {
			one.err = err
		}
		if one != mine {
			close(one.done)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if next := c.waiting[name]; len(next) > 0 {
		c.waiting[name] = next[1:]
		next[0].leads = true
		close(next[0].done)
	} else {
		delete(c.waiting, name)
	}
	return mine.err
}

// write adds a batch to a shard, by compare-and-swap. The error is everybody's; one that is about an alert alone stands in it.
func (c *counter) write(ctx context.Context, name string, batch []*counted) error {
	for {
		o, err := c.cfg.Store.Get(ctx, name)
		if err != nil && !errors.Is(err, objects.ErrNotFound) {
			return err
		}
		s := new(shard)
		if err == nil {
			if err := o.Read(shardVersion, s); errors.Is(err, objects.ErrVersion) {
				return err // and it comes again
			} else if err != nil {
				return fault.Poison(err)
			}
		}
		was := *s
		for _, one := range batch {
			one.err = s.add(one.alert, c.cfg.Now())
		}
		if s.Alerts == was.Alerts && s.Late == was.Late {
			return nil
		}
		s.Version = shardVersion
		data, err := json.Marshal(s)
		if err != nil {
			return err
		}
		_, err = c.cfg.Store.Put(ctx, name, data, s.meta(), o.Generation)
		if err == nil && s.Late > was.Late {
			c.cfg.Log.WarnContext(ctx, "alerts came so late that nobody knows whether they were counted: they are not",
				"shard", name, "alerts", s.Late-was.Late)
		}
		if !errors.Is(err, objects.ErrConflict) {
			return err
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%s: others write it all the time: %w", name, ctx.Err())
		}
	}
}
