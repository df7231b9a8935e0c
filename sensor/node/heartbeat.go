package node

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"

	"tiercel.dev/alert"
	"tiercel.dev/internal/event"
	"tiercel.dev/sensor/output"
)

// beat publishes a heartbeat at each interval, and the first at once: a sensor that dies young is to be missed too. New
// losses go to the log besides, for who has no output that takes heartbeats.
func (n *Node) beat(ctx context.Context) {
	every := n.cfg.Heartbeat
	if every == 0 {
		every = time.Minute
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		n.mend()
		if n.cfg.Heartbeat != 0 {
			n.publishHeartbeat(time.Now())
		}
		n.tellLosses()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// mend puts back what somebody changed in the kernel side's tables. What they kept from the sensor meanwhile is not known.
func (n *Node) mend() {
	changed, err := n.probe.Mend()
	n.tampered.Add(uint64(changed))
	if err != nil {
		n.log.Error("compare the kernel side's tables", "err", err)
	}
}

// tellLosses logs each loss that grew since it was last told.
func (n *Node) tellLosses() {
	n.tellMu.Lock()
	defer n.tellMu.Unlock()
	n.mu.Lock()
	p, undecoded := n.pipeline.Stats(), n.undecoded
	n.mu.Unlock()
	for _, d := range append(n.kernelDrops(), n.sensorDrops(undecoded, p.HoldFull, p.HoldExpired)...) {
		if more := n.untold(d.GetReason()+" "+d.GetKind(), d.GetCount()); more > 0 {
			n.log.Warn("lost, or known only in part", "reason", d.GetReason(), "kind", d.GetKind(), "count", more, "since_start", d.GetCount())
		}
	}
	n.tellOutputs()
}

// tellOutputs logs what outputs lost. n.tellMu is held.
func (n *Node) tellOutputs() {
	for _, s := range n.fanout.Stats() {
		for _, d := range s.Dropped {
			// A spool's counts run since it was made, so that those of earlier runs are told once more at the start.
			if more := n.untold("output "+s.Name+" "+d.Reason+" "+d.Severity.String(), d.Count); more > 0 {
				n.log.Warn("alerts lost by an output", "output", s.Name, "reason", d.Reason, "severity", d.Severity.String(), "count", more, "in_all", d.Count)
			}
		}
	}
}

// untold is by how much a count grew since it was last asked for. n.tellMu is held.
func (n *Node) untold(key string, count uint64) uint64 {
	more := count - n.told[key]
	n.told[key] = count
	return more
}

func (n *Node) publishHeartbeat(now time.Time) {
	a := &alert.Alert{
		Schema: alert.Schema, Kind: alert.KindHeartbeat, SensorId: n.sensor.ID, SensorVersion: n.sensor.Version,
		Node: proto.CloneOf(n.sensor.Node), Cluster: proto.CloneOf(n.sensor.Cluster),
		Time: alert.Time(now.UnixNano()), Heartbeat: n.heartbeat(),
	}
	alert.Fit(a)
	n.fanout.Publish(a)
	n.beaten.Store(now.UnixNano())
}

// heartbeat says how the sensor is. Counts run since its start.
func (n *Node) heartbeat() *alert.Heartbeat {
	set := n.rules.Current()
	h := &alert.Heartbeat{
		StartTime:       alert.Time(n.started.UnixNano()),
		IntervalSeconds: uint32(n.cfg.Heartbeat / time.Second),
		RuleSetHash:     set.Hash(),
		Rules:           uint32(len(set.Rules())),
		RulesError:      n.rules.problem(),
		Impaired:        n.impaired,
		Processes:       uint32(n.table.Stats().Live),
		Containers:      uint32(n.containers.Stats().Containers),
	}
	n.mu.Lock()
	p, undecoded := n.pipeline.Stats(), n.undecoded
	n.mu.Unlock()
	h.Alerts, h.Suppressed = p.Alerts, p.Suppressed
	for k, count := range p.Events {
		if count > 0 {
			h.Events = append(h.Events, &alert.Count{Kind: event.Kind(k).String(), Count: count})
		}
	}
	h.RuleErrors = n.ruleErrors.Load()
	h.Drops = append(n.kernelDrops(), n.sensorDrops(undecoded, p.HoldFull, p.HoldExpired)...)
	for _, s := range n.fanout.Stats() {
		h.Outputs = append(h.Outputs, outputState(s))
	}
	return h
}

func (n *Node) kernelDrops() []*alert.Drop {
	var drops []*alert.Drop
	for _, d := range n.probe.Drops() {
		drop := &alert.Drop{Reason: d.Reason.String(), Count: d.Count}
		if d.Kind != event.Unknown {
			drop.Kind = d.Kind.String()
		}
		drops = append(drops, drop)
	}
	return drops
}

// sensorDrops are what was lost, or known only in part, above the kernel.
func (n *Node) sensorDrops(undecoded, holdFull, holdExpired uint64) []*alert.Drop {
	t, c := n.table.Stats(), n.containers.Stats()
	var drops []*alert.Drop
	for _, d := range []struct {
		reason string
		count  uint64
	}{
		{"undecoded", undecoded},
		{"stopped", n.unread.Load()},
		{"tampered", n.tampered.Load()},
		{"missed_fork", t.MissedForks},
		{"missed_exec", t.MissedExecs},
		{"missed_exit", t.MissedExits},
		{"process_partial", t.Partial},
		{"process_evicted", t.Evicted},
		{"process_unreadable", t.Unreadable + t.Blocked},
		{"user_unnamed", t.Unnamed},
		{"cgroup_unknown", c.CgroupsUnknown},
		{"cgroup_forgotten", c.CgroupsResent},
		{"hold_full", holdFull},
		{"metadata_late", holdExpired},
	} {
		if d.count > 0 {
			drops = append(drops, &alert.Drop{Reason: d.reason, Count: d.count})
		}
	}
	return drops
}

func outputState(s output.Stats) *alert.Output { return s.Message() }
