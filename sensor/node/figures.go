package node

import (
	"context"

	"tiercel.dev/sensor/metrics"
)

// figures are how the sensor is now. Safe for concurrent use.
func (n *Node) figures() metrics.Figures {
	h := n.heartbeat()
	n.mu.Lock()
	p := n.pipeline.Stats()
	n.mu.Unlock()
	return metrics.Figures{
		Heartbeat: h, Pipeline: p, Containers: n.containers.Stats(), Outputs: n.fanout.Stats(), Version: n.sensor.Version,
	}
}

func (n *Node) serveMetrics(ctx context.Context) {
	n.log.InfoContext(ctx, "metrics", "address", n.metrics.Address())
	if err := n.metrics.Serve(ctx); err != nil {
		n.log.ErrorContext(ctx, "metrics are served no more", "err", err)
	}
}
