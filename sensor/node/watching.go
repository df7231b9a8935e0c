package node

import (
	"context"
	"sync"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/rules"
)

// Watching is what a sensor is at, for whoever runs one in a process of its own and shows it.
type Watching struct {
	Rules    *rules.Set
	Kinds    int // of events that the rules need of the kernel
	Programs int // attached in the kernel; 0 in a replay
	Node     *alert.Node
	// Health says how the sensor is at the time of the call, as a heartbeat would; nil in a replay. Safe for concurrent use.
	Health func() *alert.Heartbeat
}

// watching tells who asked that the sensor watches, with these rules.
func (n *Node) watching(set *rules.Set) {
	if n.cfg.Watching == nil {
		return
	}
	n.cfg.Watching(Watching{
		Rules: set, Kinds: set.Filter().Wanted().Len(), Programs: n.probe.Programs(), Node: n.sensor.Node, Health: n.heartbeat,
	})
}

// StopAfter is for runs that end once they have watched for so long; 0 for never: the context to run with, and what their
// configuration's Watching must call. What comes before they watch does not count: on a busy machine the programs alone take seconds
// to load.
func StopAfter(ctx context.Context, d time.Duration) (context.Context, func(Watching), context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	var once sync.Once
	return ctx, func(Watching) {
		if d > 0 {
			once.Do(func() { time.AfterFunc(d, cancel) })
		}
	}, cancel
}
