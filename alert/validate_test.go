package alert

import (
	"errors"
	"strings"
	"testing"
)

func TestValidateAccepts(t *testing.T) {
	for name, a := range map[string]*Alert{"alert": shell(), "tactic": repaired(), "losses": losses(), "host": samples()["host_connect"], "heartbeat": heartbeat()} {
		if err := Validate(a); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestValidateNamesTheField(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Alert)
		want   string
	}{
		{"no schema", func(a *Alert) { a.Schema = 0 }, "schema is missing"},
		{"no kind", func(a *Alert) { a.Kind = 0 }, "kind is none this version knows"},
		{"unknown kind", func(a *Alert) { a.Kind = 9 }, "kind is none"},
		{"short id", func(a *Alert) { a.AlertId = "abc" }, `alert_id "abc" is not 32 hexadecimal digits`},
		{"id of wrong digits", func(a *Alert) { a.AlertId = strings.Repeat("G", 32) }, "alert_id"},
		{"no identity", func(a *Alert) { a.Identity = "" }, "identity"},
		{"no sensor", func(a *Alert) { a.SensorId = "" }, "sensor_id is missing"},
		{"escape sequence in boot id", func(a *Alert) { a.BootId = "\x1b[2J" }, `boot_id "\x1b[2J" holds unprintable characters`},
		{"no seq", func(a *Alert) { a.Seq = 0 }, "seq is missing"},
		{"no time", func(a *Alert) { a.Time = "" }, "time"},
		{"bad time", func(a *Alert) { a.ObservedTime = "yesterday" }, `observed_time "yesterday" is not an RFC 3339 time`},
		{"bad last time", func(a *Alert) { a.Suppressed.LastTime = "x" }, "suppressed.last_time"},
		{"bad first time", func(a *Alert) { a.Suppressed.FirstTime = "x" }, "suppressed.first_time"},
		{"no severity", func(a *Alert) { a.Severity = 0 }, "severity"},
		{"unknown severity", func(a *Alert) { a.Severity = 77 }, "severity"},
		{"no rule", func(a *Alert) { a.Rule = nil }, "rule.name is missing"},
		{"long rule", func(a *Alert) { a.Rule.Name = strings.Repeat("r", 256) }, "rule.name has 256 of at most 255 bytes"},
		{"bad technique", func(a *Alert) { a.Rule.Attack = []string{"T1059", "T1059.4"} }, `rule.attack "T1059.4" is no ATT&CK`},
		{"bad tactic", func(a *Alert) { a.Rule.Attack = []string{"TA0002", "TA0002.001"} }, `rule.attack "TA0002.001"`},
		{"heartbeat in an alert", func(a *Alert) { a.Heartbeat = &Heartbeat{} }, "heartbeat is set in an alert"},
		{"too many ancestors", func(a *Alert) { a.Ancestors = make([]*Process, 17) }, "ancestors has 17 of at most 16"},
		{"negative pid", func(a *Alert) { a.Process.Pid = -1 }, "process.pid is negative"},
		{"bad start time", func(a *Alert) { a.Ancestors[0].StartTime = "?" }, "ancestors.start_time"},
		{"container without id", func(a *Alert) { a.Container.Id = "" }, "container.id is missing"},
		{"pod without container", func(a *Alert) { a.Container = nil }, "pod is set without a container"},
		{"bad pod address", func(a *Alert) { a.Pod.Ip = "10.0.0" }, "pod.ip"},
		{"bad address", func(a *Alert) { a.Connection = &Connection{RemoteIp: "evil"} }, "connection.remote_ip"},
		{"bad port", func(a *Alert) { a.Connection = &Connection{AskedPort: 65536} }, "connection.asked_port 65536 is not a port"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a := shell()
			tt.change(a)
			err := Validate(a)
			if !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want %q", err, tt.want)
			}
		})
	}
}

func TestValidateHeartbeat(t *testing.T) {
	for want, change := range map[string]func(*Alert){
		"heartbeat is missing":                  func(a *Alert) { a.Heartbeat = nil },
		"heartbeat.interval_seconds is missing": func(a *Alert) { a.Heartbeat.IntervalSeconds = 0 },
		"heartbeat.start_time":                  func(a *Alert) { a.Heartbeat.StartTime = "x" },
		"seq is set in a heartbeat":             func(a *Alert) { a.Seq = 1 },
		"severity is set in a heartbeat":        func(a *Alert) { a.Severity = Low },
		"rule is set in a heartbeat":            func(a *Alert) { a.Rule = &Rule{} },
	} {
		a := heartbeat()
		change(a)
		if err := Validate(a); !errors.Is(err, ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestValidateNamesAllFields(t *testing.T) {
	err := Validate(&Alert{Kind: KindAlert})
	for _, field := range []string{"schema", "alert_id", "sensor_id", "boot_id", "time", "identity", "seq", "severity", "rule.name"} {
		if err == nil || !strings.Contains(err.Error(), ": "+field+" ") {
			t.Errorf("%s is not named in %v", field, err)
		}
	}
}

func TestValidateNewerVersion(t *testing.T) {
	a := shell()
	a.Schema, a.Severity, a.Kind = Schema+1, 5, KindAlert
	if err := Validate(a); err != nil {
		t.Error(err)
	}
	a.Kind = 3
	if err := Validate(a); err != nil {
		t.Error(err)
	}
}
