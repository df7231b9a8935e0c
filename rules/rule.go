package rules

import (
	"fmt"
	"regexp"
	"sync/atomic"
	"time"

	"tiercel.dev/internal/event"
	"tiercel.dev/rules/condition"
	"tiercel.dev/rules/field"
)

// Severity is how bad a match is, in the words of Security Command Center.
type Severity uint8

const (
	Low Severity = iota + 1
	Medium
	High
	Critical
)

var severities = [...]string{"", "LOW", "MEDIUM", "HIGH", "CRITICAL"}

func (s Severity) String() string {
	if int(s) < len(severities) {
		return severities[s]
	}
	return fmt.Sprintf("severity %d", s)
}

// MarshalText writes the word.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// ParseSeverity reads the word.
func ParseSeverity(word string) (Severity, error) {
	for s, w := range severities {
		if w == word && s > 0 {
			return Severity(s), nil
		}
	}
	return 0, fmt.Errorf("%q is none of LOW, MEDIUM, HIGH, CRITICAL", word)
}

// Throttle limits a rule's alerts: one per Every for events that agree in the fields of Per.
type Throttle struct {
	Per   []*field.Field
	Every time.Duration // 0: the rule does not say
}

var attackID = regexp.MustCompile(`^(T\d{4}(\.\d{3})?|TA\d{4})$`)

// A Rule is one rule in force, or disabled. It is never changed but for its counters.
type Rule struct {
	Name, Title, Description string
	Severity                 Severity
	SeverityReason           string // why it is not another
	Attack, Tags             []string
	Throttle                 Throttle
	Enabled                  bool
	Position                 Position
	// Falco is set for a rule of a Falco file.
	Falco *FalcoRule

	cond     *condition.Condition
	text     string // of the condition, as written
	output   template
	extras   []extra
	filter   event.Filter
	kinds    event.KindSet
	metadata bool
	errors   atomic.Uint64
}

// Condition is the condition as written, with its exceptions.
func (r *Rule) Condition() string { return r.text }

// Expanded is the condition with all macros in place.
func (r *Rule) Expanded() string { return r.cond.Expanded() }

// Cost is what the engine takes the condition to cost: of several sides of && and || it tries the cheapest first.
func (r *Rule) Cost() int { return r.cond.Cost() }

// Kinds are the kinds of events that the rule can match.
func (r *Rule) Kinds() event.KindSet { return r.kinds }

// Filter says what the rule needs of the kernel, whether it is enabled or not.
func (r *Rule) Filter() event.Filter { return r.filter }

// FieldsUsed are the fields named in the condition, sorted by name.
func (r *Rule) FieldsUsed() []*field.Field { return r.cond.Fields }

// Words are the texts that the condition compares fields with.
func (r *Rule) Words() []condition.Word { return r.cond.Words() }

// OutputText is the output as written.
func (r *Rule) OutputText() string { return r.output.text }

// Errors counts the events on which its condition ended in an error.
func (r *Rule) Errors() uint64 { return r.errors.Load() }

// Match reports whether the rule's condition is true of ev.
func (r *Rule) Match(ev *event.Event) (bool, error) { return r.cond.Match(ev) }

// Reference is the condition run by the reference interpreter, for tests of whole rule sets.
func (r *Rule) Reference() (func(*event.Event) (bool, error), error) { return r.cond.Reference() }

// Output is the rule's output for an event. What events carry is untrusted, and is escaped.
func (r *Rule) Output(ev *event.Event) string { return r.output.render(ev) }

// A Field is a field's value as an alert carries it, unescaped: string, int64, bool or []string.
type Field struct {
	Name  string
	Value any
}

// Fields are the fields that the output names and the event has, in the output's order. A rule of a Falco file has those
// that the event lacks, too, with nil, and times as Falco has them, in nanoseconds.
func (r *Rule) Fields(ev *event.Event) []Field {
	var out []Field
	r.output.named(func(name string, f *field.Field) {
		if v := r.value(f, ev); v != nil || r.Falco != nil {
			out = append(out, Field{name, v})
		}
	})
	for _, e := range r.extras {
		if e.field != nil {
			out = append(out, Field{e.name, r.value(e.field, ev)})
		} else {
			out = append(out, Field{e.name, e.text.render(ev)})
		}
	}
	return out
}

// value is what an alert says of a field; nil if the event lacks it.
func (r *Rule) value(f *field.Field, ev *event.Event) any {
	v, ok := f.Value(ev)
	if !ok {
		return nil
	}
	switch v := v.(type) {
	case time.Duration:
		if r.Falco != nil {
			return int64(v)
		}
		return v.String()
	case []int64:
		texts := make([]string, len(v))
		for i, n := range v {
			texts[i] = fmt.Sprint(n)
		}
		return texts
	}
	return v
}

// Info describes a rule for people and scripts.
type Info struct {
	Name         string            `json:"name"`
	Title        string            `json:"title,omitempty"`
	Description  string            `json:"description,omitempty"`
	Severity     Severity          `json:"severity"`
	Priority     string            `json:"priority,omitempty"` // of a rule of a Falco file
	Reason       string            `json:"severity_reason,omitempty"`
	Attack       []string          `json:"attack,omitempty"`
	Tags         []string          `json:"tags,omitempty"`
	Enabled      bool              `json:"enabled"`
	Position     Position          `json:"position"`
	Condition    string            `json:"condition"`
	Expanded     string            `json:"expanded"`
	Output       string            `json:"output"`
	Fields       []string          `json:"fields"`
	OutputFields []string          `json:"output_fields"`
	Events       map[string]string `json:"events"` // kind → what the kernel reports: "all" or "containers"
	Metadata     bool              `json:"needs_metadata"`
	ThrottlePer  []string          `json:"throttle_per,omitempty"`
	ThrottleEach string            `json:"throttle_every,omitempty"`
}

// Info gathers what is known of the rule.
func (r *Rule) Info() Info {
	info := Info{Name: r.Name, Title: r.Title, Description: r.Description, Severity: r.Severity, Reason: r.SeverityReason, Attack: r.Attack, Tags: r.Tags,
		Enabled: r.Enabled, Position: r.Position, Condition: r.text, Expanded: r.Expanded(), Output: r.output.text,
		Fields: names(r.cond.Fields), OutputFields: names(r.shown()), Events: map[string]string{}, Metadata: r.metadata,
		ThrottlePer: names(r.Throttle.Per)}
	if r.Falco != nil {
		info.Priority = r.Falco.Priority.String()
	}
	if r.Throttle.Every > 0 {
		info.ThrottleEach = r.Throttle.Every.String()
	}
	for k := range r.kinds.All() {
		info.Events[k.String()] = map[event.Scope]string{event.All: "all", event.ContainersOnly: "containers"}[r.filter[k].Where()]
	}
	return info
}

func names(fields []*field.Field) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.Name
	}
	return out
}
