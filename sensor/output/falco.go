package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"tiercel.dev/alert"
)

// falcoMessage is a line of Falco's JSON output, with the keys in the order in which Falco writes them. output_fields is a
// map, since its keys are sorted too. https://falco.org/docs/concepts/outputs/formatting/
type falcoMessage struct {
	Hostname     string         `json:"hostname"`
	Message      *string        `json:"message,omitempty"`
	Output       *string        `json:"output,omitempty"`
	OutputFields map[string]any `json:"output_fields,omitempty"`
	Priority     string         `json:"priority"`
	Rule         string         `json:"rule"`
	Source       string         `json:"source"`
	Tags         *[]string      `json:"tags,omitempty"`
	Time         string         `json:"time"`
}

// falcoLine is a as Falco would write it. What Falco has no word for is left out, but for suppressed repeats: they are
// evt.count, which in Falco is always 1.
func (f Format) falcoLine(a *alert.Alert) ([]byte, error) {
	at, err := alert.ParseTime(a.GetTime())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAlert, err)
	}
	said := falcoSaid(a)
	text := f.falcoTime(at) + ": " + said.priority + " " + said.message
	if f.kind() == FalcoText {
		return append([]byte(alert.Escape(text)), '\n'), nil
	}
	m := falcoMessage{
		Hostname: a.GetNode().GetName(), Priority: said.priority, Rule: said.rule, Source: said.source,
		Time: alert.Time(at.UnixNano()),
	}
	if f&FalcoNoOutput == 0 {
		m.Output = &text
	}
	if f&FalcoMessage != 0 {
		m.Message = &said.message
	}
	if f&FalcoNoTags == 0 {
		m.Tags = &said.tags
	}
	if f&FalcoNoFields == 0 {
		m.OutputFields = said.fields
		m.OutputFields[f.falcoTimeField()] = at.UnixNano()
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(m); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrAlert, err)
	}
	line := bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
	return append(alert.EscapeJSON(line), '\n'), nil
}

// falcoTime is the time as it stands before Falco's text: of the day, in this machine's time zone, or ISO 8601 in UTC.
func (f Format) falcoTime(at time.Time) string {
	if f&FalcoISOTime != 0 {
		return at.UTC().Format("2006-01-02T15:04:05.000000000-0700")
	}
	return at.Local().Format("15:04:05.000000000")
}

func (f Format) falcoTimeField() string {
	if f&FalcoISOTime != 0 {
		return "evt.time.iso8601"
	}
	return "evt.time"
}

// falcoWords is what Falco's shapes say of an alert or a heartbeat.
type falcoWords struct {
	priority, rule, source, message string
	tags                            []string
	fields                          map[string]any
}

// falcoTimes are the fields that Falco shows as text and has as nanoseconds in output_fields.
var falcoTimes = []string{"evt.time", "evt.time.s", "evt.time.iso8601", "evt.datetime", "evt.datetime.s"}

func falcoSaid(a *alert.Alert) falcoWords {
	if a.GetKind() == alert.KindHeartbeat {
		return falcoSnapshot(a)
	}
	r := a.GetRule()
	w := falcoWords{priority: falcoPriority(a), rule: r.GetTitle(), source: r.GetSource(), message: a.GetOutput(), fields: map[string]any{}}
	// A rule that was imported has Falco's name as its title, and a rule of Falco's own file has no title.
	if w.rule == "" {
		w.rule = r.GetName()
	}
	if w.source == "" {
		w.source = "syscall"
	}
	w.tags = append([]string{}, r.GetTags()...)
	slices.Sort(w.tags)
	w.tags = slices.Compact(w.tags)
	for _, field := range a.GetFields() {
		w.fields[field.GetName()] = field.Value()
	}
	for _, name := range falcoTimes {
		if _, shown := w.fields[name]; shown {
			if at, err := alert.ParseTime(a.GetTime()); err == nil {
				w.fields[name] = at.UnixNano()
			}
		}
	}
	if n := a.GetSuppressed().GetCount(); n > 0 {
		w.fields["evt.count"] = 1 + n
		w.message += fmt.Sprintf(" x%d", 1+n)
	}
	return w
}

// falcoPriorities are those of rules that have none of Falco's; the reverse of how Falco's rules come to a severity.
var falcoPriorities = map[alert.Severity]string{
	alert.Low: "Notice", alert.Medium: "Warning", alert.High: "Error", alert.Critical: "Critical",
}

func falcoPriority(a *alert.Alert) string {
	if p := a.GetRule().GetPriority(); p != "" {
		return p
	}
	if p := falcoPriorities[a.GetSeverity()]; p != "" {
		return p
	}
	return "Critical" // a severity that only a newer sensor knows
}

// falcoSnapshot says a heartbeat as Falco says its metrics, of which the sensor has these; counts run since its start in
// both.
func falcoSnapshot(a *alert.Alert) falcoWords {
	h := a.GetHeartbeat()
	fields := map[string]any{
		"falco.version": a.GetSensorVersion(), "falco.hostname": a.GetNode().GetName(), "falco.kernel_release": a.GetNode().GetKernel(),
		"falco.sha256_rules": h.GetRuleSetHash(), "falco.rules.matches_total": h.GetAlerts() + h.GetSuppressed(),
	}
	if start, err := alert.ParseTime(h.GetStartTime()); err == nil {
		fields["falco.start_ts"] = start.UnixNano()
		if now, err := alert.ParseTime(a.GetTime()); err == nil {
			fields["falco.duration_sec"] = int64(now.Sub(start) / time.Second)
		}
	}
	var events, drops, lost uint64
	for _, c := range h.GetEvents() {
		events += c.GetCount()
	}
	for _, d := range h.GetDrops() {
		drops += d.GetCount()
		name := "scap.n_drops_" + d.GetReason()
		if d.GetKind() != "" {
			name += "_" + d.GetKind()
		}
		fields[name] = d.GetCount()
	}
	for _, o := range h.GetOutputs() {
		lost += o.GetDropped()
	}
	fields["falco.num_evts"], fields["scap.n_drops"], fields["falco.outputs_queue_num_drops"] = events, drops, lost
	message := fmt.Sprintf("Falco metrics snapshot: %d events, %d dropped, %d lost by outputs", events, drops, lost)
	if why := h.GetRulesError(); why != "" {
		fields["tiercel.rules_error"] = why
		message += ", rules not taken: " + strings.TrimSpace(why)
	}
	if why := h.GetImpaired(); why != "" {
		fields["tiercel.impaired"] = why
		message += ", impaired: " + why
	}
	return falcoWords{priority: "Informational", rule: "Falco internal: metrics snapshot", source: "internal", message: message,
		tags: []string{}, fields: fields}
}
