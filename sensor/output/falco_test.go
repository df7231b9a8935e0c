package output

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"tiercel.dev/alert"
)

func falcoAlert() *alert.Alert {
	a := testAlert(alert.Medium, `Shell <in> "container" | proc.tty=34816 fd.name=<NA>`)
	a.Rule = &alert.Rule{Name: "Terminal shell in container", Priority: "Warning", Source: "syscall", Tags: []string{"shell", "container", "shell"}}
	a.Fields = []*alert.Field{
		alert.NewField("proc.tty", int64(34816)), alert.NewField("fd.name", nil), alert.NewField("evt.is_open_read", true),
		alert.NewField("proc.args", []string{"-c", "x"}), alert.NewField("user.name", "root"),
	}
	return a
}

func TestFalcoLines(t *testing.T) {
	defer func(l *time.Location) { time.Local = l }(time.Local)
	time.Local = time.FixedZone("here", 2*3600)
	const (
		message = `Shell <in> \"container\" | proc.tty=34816 fd.name=<NA>`
		head    = `{"hostname":"node"`
		said    = `,"output":"05:04:05.000000006: Warning ` + message + `"`
		fields  = `"evt.is_open_read":true,"evt.time":1767323045000000006,"fd.name":null,"proc.args":["-c","x"],"proc.tty":34816,"user.name":"root"}`
		rule    = `,"priority":"Warning","rule":"Terminal shell in container","source":"syscall"`
		tags    = `,"tags":["container","shell"]`
		at      = `,"time":"2026-01-02T03:04:05.000000006Z"}`
	)
	native := testAlert(alert.High, "x")
	native.Rule.Title, native.Suppressed = "A title", &alert.Suppressed{Count: 2}
	tests := []struct {
		name   string
		format Format
		alert  *alert.Alert
		want   string
	}{
		{"text", FalcoText, falcoAlert(), strings.ReplaceAll("05:04:05.000000006: Warning "+message, `\`, "")},
		{"text with ISO time", FalcoText | FalcoISOTime, falcoAlert(), strings.ReplaceAll("2026-01-02T03:04:05.000000006+0000: Warning "+message, `\`, "")},
		{"JSON", FalcoJSON, falcoAlert(), head + said + `,"output_fields":{` + fields + rule + tags + at},
		{"message and no output", FalcoJSON | FalcoMessage | FalcoNoOutput, falcoAlert(), head + `,"message":"` + message + `","output_fields":{` + fields + rule + tags + at},
		{"neither fields nor tags", FalcoJSON | FalcoNoFields | FalcoNoTags, falcoAlert(), head + said + rule + at},
		{"JSON with ISO time", FalcoJSON | FalcoISOTime | FalcoNoOutput, falcoAlert(), head +
			`,"output_fields":{` + strings.Replace(strings.Replace(fields, `"evt.time":1767323045000000006,`, "", 1), `"evt.is_open_read":true,`, `"evt.is_open_read":true,"evt.time.iso8601":1767323045000000006,`, 1) + rule + tags + at},
		{"a native rule with repeats", FalcoJSON, native, head + `,"output":"05:04:05.000000006: Error x x3","output_fields":{"evt.count":3,"evt.time":1767323045000000006}` +
			`,"priority":"Error","rule":"A title","source":"syscall","tags":[]` + at},
	}
	for _, tt := range tests {
		b, err := tt.format.line(tt.alert, true)
		if err != nil || string(b) != tt.want+"\n" {
			t.Errorf("%s: %v\n%s\nwant\n%s", tt.name, err, b, tt.want)
		}
	}
}

// A heartbeat is Falco's metrics snapshot, with the losses that Falco counts as drops.
func TestFalcoSnapshot(t *testing.T) {
	a := &alert.Alert{Kind: alert.KindHeartbeat, Time: alert.Time(1767323045000000006), SensorVersion: "v1", Node: &alert.Node{Name: "node"},
		Heartbeat: &alert.Heartbeat{
			StartTime: alert.Time(1767323041000000006), Alerts: 3, Suppressed: 4, RulesError: "a.yaml:1:1: bad", Impaired: "b",
			Events:  []*alert.Count{{Kind: "openat", Count: 40}, {Kind: "execve", Count: 2}},
			Drops:   []*alert.Drop{{Reason: "ring_full", Kind: "openat", Count: 5}, {Reason: "hold_full", Count: 1}},
			Outputs: []*alert.Output{{Name: "stdout", Dropped: 7}},
		}}
	b, err := FalcoJSON.line(a, false)
	if err != nil {
		t.Fatal(err)
	}
	var m falcoMessage
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	if m.Rule != "Falco internal: metrics snapshot" || m.Priority != "Informational" || m.Source != "internal" {
		t.Errorf("got %s", b)
	}
	for name, want := range map[string]any{
		"falco.num_evts": 42.0, "scap.n_drops": 6.0, "scap.n_drops_ring_full_openat": 5.0, "falco.outputs_queue_num_drops": 7.0,
		"falco.rules.matches_total": 7.0, "falco.duration_sec": 4.0, "tiercel.rules_error": "a.yaml:1:1: bad", "tiercel.impaired": "b",
	} {
		if got := m.OutputFields[name]; got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if !strings.Contains(*m.Output, "Informational Falco metrics snapshot: 42 events, 6 dropped, 7 lost by outputs, rules not taken: a.yaml") {
		t.Errorf("output %q", *m.Output)
	}
}
