package node

import (
	"context"
	"time"

	"tiercel.dev/sensor/metrics"
)

// figures are how the sensor is now. Safe for concurrent use.
func (n *Node) figures() metrics.Figures {
	h := n.heartbeat()
	n.mu.Lock()
	p, unnamed := n.pipeline.Stats(), n.containers.Unnamed()
	n.mu.Unlock()
	f := metrics.Figures{
		Heartbeat: h, Pipeline: p, Containers: n.containers.Stats(), Unnamed: unnamed, Outputs: n.fanout.Stats(),
		MapBytes: n.probe.MapBytes(), Version: n.sensor.Version, RulesSince: time.Unix(0, n.rulesSince.Load()),
	}
	if at := n.beaten.Load(); at != 0 {
		f.Beaten = time.Unix(0, at)
	}
	for _, r := range n.rules.Current().Rules() {
		f.Rules = append(f.Rules, metrics.Rule{Name: r.Name, Severity: r.Severity.String()})
	}
	return f
}

func (n *Node) serveMetrics(ctx context.Context) {
	n.log.InfoContext(ctx, "metrics", "address", n.metrics.Address())
	if err := n.metrics.Serve(ctx); err != nil {
		n.log.ErrorContext(ctx, "metrics are served no more", "err", err)
	}
}
