package node

import (
	"context"
	"errors"
	"os"
	"time"

	"tiercel.dev/internal/event"
	"tiercel.dev/sensor/probe"
)

// read takes records from the probe until it is closed. After half of the time that the sensor has to stop it only counts
// them: a ring full of what rules match can take seconds, and the outputs need the other half.
func (n *Node) read() error {
	ev := new(event.Event)
	for {
		raw, err := n.probe.Next()
		if errors.Is(err, probe.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		if n.stopping() > n.cfg.Grace/2 {
			n.unread.Add(1)
			continue
		}
		n.mu.Lock()
		n.record(raw, ev)
		n.mu.Unlock()
	}
}

// record takes one record all the way. n.mu is held: with it, the table, the resolver and the pipeline each have the one
// caller that they want, though held events and throttles are also served by [Node.serve].
func (n *Node) record(raw []byte, ev *event.Event) {
	if err := n.probe.Decode(raw, ev); err != nil {
		// A record that cannot be decoded is a defect of this build or of memory; it must not stop the others.
		n.undecoded++
		return
	}
	n.table.Apply(ev)
	n.containers.Attach(ev)
	if n.servers != nil && ev.Kind == event.Connect {
		n.servers.observe(ev)
	}
	if ev.Kind.Visible() && n.pipeline.Wants(ev) {
		n.visible++
		ev.Num = n.visible
		n.pipeline.Handle(ev)
	}
}

// serve does what is due without a record: containers that became known, throttle windows that end. It sleeps
// otherwise.
func (n *Node) serve(ctx context.Context, reopen <-chan os.Signal) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-reopen:
			n.fanout.Reopen()
			continue
		case <-n.containers.Ready():
		case <-n.kept:
		case <-timer.C:
		}
		n.mu.Lock()
		n.pipeline.Release()
		n.pipeline.Tick(time.Now())
		at, ok := n.pipeline.Wake()
		n.mu.Unlock()
		if ok {
			timer.Reset(max(time.Until(at), 10*time.Millisecond))
		} else {
			timer.Stop()
		}
	}
}

// keep wakes serve, which then looks when to wake again.
func (n *Node) keep() {
	select {
	case n.kept <- struct{}{}:
	default:
	}
}
