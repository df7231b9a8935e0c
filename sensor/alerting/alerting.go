// Package alerting turns an event that a rule matched into the alert that is published of it. It only translates, from
// internal/event's words into the contract's: what matches, how often an alert is sent and what is secret was decided
// before. sensor/pipeline calls it through sensor/node, for live events and for replayed ones alike, so it reads no
// clock and nothing of this machine.
package alerting

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"tiercel.dev/alert"
	"tiercel.dev/internal/event"
)

// Sensor is what all alerts of one sensor have in common.
type Sensor struct {
	ID      string
	Version string
	RuleSet string // hash of the rules in force
	Node    *alert.Node
	Cluster *alert.Cluster // nil where the settings do not say
}

// Rule is what an alert says of the rule that matched.
type Rule struct {
	Name, Title, Description string
	Severity                 alert.Severity
	Tags, Attack             []string
	Priority, Source         string // of a rule from a file of Falco's
}

// A Field is one field of a rule's output, as the rule language typed it: string, int64, bool, []string, or nil for none.
type Field struct {
	Name  string
	Value any
}

// A Match is an event with what its rule made of it.
type Match struct {
	// Event has been redacted. The alert is a copy of it: two rules that match one event make two alerts.
	Event  *event.Event
	Rule   Rule
	Output string
	Fields []Field
	// Identity are the fields that tell one thing from another for this rule: those of its throttle, mostly. Fields of
	// the container and the pod do not count: the identity has the place already, in its most lasting form.
	Identity []Field
	// ObservedAt is when the sensor saw the event, ns since the epoch; 0 in a replay, which must give the same bytes
	// each time.
	ObservedAt int64
}

// New makes the alert, complete but for its boot id, number and id, and within [alert.MaxSize].
func New(s Sensor, m Match) *alert.Alert {
	ev := m.Event
	a := &alert.Alert{
		Schema:        alert.Schema,
		Kind:          alert.KindAlert,
		SensorId:      s.ID,
		SensorVersion: s.Version,
		Node:          proto.CloneOf(s.Node),
		Cluster:       proto.CloneOf(s.Cluster),
		Time:          alert.Time(ev.Time),
		ObservedTime:  alert.Time(m.ObservedAt),
		Severity:      m.Rule.Severity,
		Rule: &alert.Rule{
			Name: m.Rule.Name, Title: m.Rule.Title, Description: m.Rule.Description,
			Tags: slices.Clone(m.Rule.Tags), Attack: slices.Clone(m.Rule.Attack), SetHash: s.RuleSet,
			Priority: m.Rule.Priority, Source: m.Rule.Source,
		},
		Output:     m.Output,
		Fields:     fields(m.Fields),
		Event:      &alert.Event{Type: ev.Kind.Type(), Result: ev.Ret, Failed: ev.Ret < 0, Num: ev.Num},
		Container:  container(ev.Container),
		Pod:        pod(ev.Container),
		Files:      files(ev),
		Connection: connection(&ev.FD),
	}
	a.Process, a.Ancestors = lineage(ev.Process, ev.Container)
	a.Redacted = redacted(ev, a)
	a.Identity = alert.Identity(a, fields(withoutPlace(m.Identity))...)
	alert.Fit(a)
	return a
}

// withoutPlace leaves out what differs in each replica of a workload, such as a container's id.
func withoutPlace(fs []Field) []Field {
	return slices.DeleteFunc(slices.Clone(fs), func(f Field) bool {
		return strings.HasPrefix(f.Name, "container.") || strings.HasPrefix(f.Name, "k8s.")
	})
}

func fields(fs []Field) []*alert.Field {
	var out []*alert.Field
	for _, f := range fs {
		field := alert.NewField(f.Name, f.Value)
		field.List = slices.Clone(field.List)
		out = append(out, field)
	}
	return out
}

// redacted counts the secrets replaced in what the alert shows.
func redacted(ev *event.Event, a *alert.Alert) uint32 {
	n := uint32(ev.Redacted) + a.Process.GetRedacted()
	for _, p := range a.Ancestors {
		n += p.Redacted
	}
	return n
}
