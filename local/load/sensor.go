package load

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/api/option"

	"tiercel.dev/alert"
	"tiercel.dev/internal/event"
	"tiercel.dev/local"
	"tiercel.dev/rules"
	"tiercel.dev/sensor/alerting"
	"tiercel.dev/sensor/node"
	"tiercel.dev/sensor/output"
	"tiercel.dev/sensor/output/pubsub"
	"tiercel.dev/sensor/output/spool"
	"tiercel.dev/sensor/pipeline"
	"tiercel.dev/sensor/redact"
)

// A Sensor is that of one node, without the kernel: rules, throttle, numbers, spool and publisher are the sensor's own.
type Sensor struct {
	number   int
	place    alerting.Sensor
	started  time.Time
	rules    *rules.Set
	pipeline *pipeline.Pipeline
	fanout   *output.Fanout
	topic    *pubsub.Output
	numbered uint64 // alerts so far
}

// newSensor starts one. published is told of each of its alerts, which is complete then. reach may be many sensors' connection: a node
// has one of its own.
func newSensor(i int, cfg Config, acts *Acts, now time.Time, reach []option.ClientOption, published func(*alert.Alert)) (*Sensor, error) {
	log := slog.New(slog.DiscardHandler)
	topic, err := pubsub.Open(pubsub.Config{
		Topic: local.RawTopic, Spool: spool.Config{Dir: "memory", FS: newDisk(), MaxBytes: 16 << 20}, Options: reach,
	}, log)
	if err != nil {
		return nil, err
	}
	s := &Sensor{
		number: i, rules: acts.rules, started: now, topic: topic, fanout: output.NewFanout(output.Config{}, topic, log),
		place: alerting.Sensor{
			ID: nodeName(i), Version: "1.0.0", RuleSet: acts.rules.Hash(), Node: &alert.Node{Name: nodeName(i)},
			Cluster: &alert.Cluster{Project: local.Project, Location: location, Name: clusterName(i % cfg.Clusters)},
		},
	}
	s.fanout.AddPublisher("pubsub:"+local.RawTopic, output.Spooled{Output: topic}, true)
	s.pipeline = pipeline.New(pipeline.Config{
		Rules: func() *rules.Set { return acts.rules }, Safe: redact.New(redact.Config{}).Event,
		Build: func(safe *event.Event, r *rules.Rule) *alert.Alert { return node.Alert(s.place, safe, r, safe.Time) },
		Publish: func(a *alert.Alert) {
			s.fanout.Publish(a)
			s.numbered++
			published(a)
		},
	})
	return s, nil
}

// Act has an event happen on the sensor's node.
func (s *Sensor) Act(ev *event.Event, at time.Time) {
	ev = ev.Clone()
	ev.Time = at.UnixNano()
	if c := ev.Container; c.InContainer() {
		mine := *c
		mine.FullID = fmt.Sprintf("%064x", s.number+1<<40)
		mine.ID = mine.FullID[:12]
		if c.Pod != nil {
			pod := *c.Pod
			pod.Name, pod.UID = podName(c.Pod, s.number), ""
			mine.Pod = &pod
		}
		ev.Container = &mine
	}
	s.pipeline.Handle(ev)
}

// Tick has throttles end that are over.
func (s *Sensor) Tick(now time.Time) { s.pipeline.Tick(now) }

// sent reports whether all that was numbered is with Pub/Sub.
func (s *Sensor) sent() bool { return s.topic.Stats().Sent >= s.numbered }

// Beat publishes a heartbeat, of a sensor that has seen what one sees in an hour.
func (s *Sensor) Beat(now time.Time) {
	stats := s.pipeline.Stats()
	h := &alert.Heartbeat{
		StartTime: alert.Time(s.started.UnixNano()), IntervalSeconds: uint32(beatEvery / time.Second), RuleSetHash: s.place.RuleSet,
		Rules: uint32(len(s.rules.Rules())), Processes: 312, Containers: 41, Alerts: stats.Alerts, Suppressed: stats.Suppressed,
	}
	for k := event.Execve; k < event.Kinds && len(h.Events) < 24; k++ {
		if s.rules.Filter()[k] != event.Off {
			h.Events = append(h.Events, &alert.Count{Kind: k.String(), Count: 1000 + uint64(k)*17})
		}
	}
	for i, reason := range []string{"missed_exec", "process_partial", "cgroup_unknown"} {
		h.Drops = append(h.Drops, &alert.Drop{Reason: reason, Count: uint64(3 + i)})
	}
	for _, o := range s.fanout.Stats() {
		h.Outputs = append(h.Outputs, o.Message())
	}
	a := &alert.Alert{
		Schema: alert.Schema, Kind: alert.KindHeartbeat, SensorId: s.place.ID, SensorVersion: s.place.Version,
		Node: s.place.Node, Cluster: s.place.Cluster, Time: alert.Time(now.UnixNano()), Heartbeat: h,
	}
	alert.Fit(a)
	s.fanout.Publish(a)
}

func (s *Sensor) close(ctx context.Context) error { return s.fanout.Close(ctx) }
