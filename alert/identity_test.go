package alert

import (
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
)

func TestIdentity(t *testing.T) {
	path := NewField("fd.name", "/etc/shadow")
	base := Identity(shell(), path)
	if len(base) != 32 {
		t.Errorf("identity %q has %d digits, want 32", base, len(base))
	}
	tests := []struct {
		name   string
		change func(*Alert)
		fields []*Field
		same   bool
	}{
		{"a repeat", func(a *Alert) { a.Seq, a.Time, a.Process.Pid, a.Output = 99, "later", 5, "other" }, []*Field{path}, true},
		{"the next pod of the workload", func(a *Alert) { a.Pod.Name, a.Container.Id, a.Node.Name = "app-2", "ffff", "n2" }, []*Field{path}, true},
		{"other rule", func(a *Alert) { a.Rule.Name = "other" }, []*Field{path}, false},
		{"other executable", func(a *Alert) { a.Process.ExePath = "/bin/sh" }, []*Field{path}, false},
		{"other workload", func(a *Alert) { a.Pod.WorkloadName = "db" }, []*Field{path}, false},
		{"other namespace", func(a *Alert) { a.Pod.Namespace = "dev" }, []*Field{path}, false},
		{"other container of the pod", func(a *Alert) { a.Container.Name = "sidecar" }, []*Field{path}, false},
		{"no workload", func(a *Alert) { a.Pod.WorkloadName = "" }, []*Field{path}, false},
		{"no pod", func(a *Alert) { a.Pod = nil }, []*Field{path}, false},
		{"on the host", func(a *Alert) { a.Pod, a.Container = nil, nil }, []*Field{path}, false},
		{"other value", func(*Alert) {}, []*Field{NewField("fd.name", "/etc/passwd")}, false},
		{"other field", func(*Alert) {}, []*Field{NewField("fd.nameraw", "/etc/shadow")}, false},
		{"no fields", func(*Alert) {}, nil, false},
	}
	for _, tt := range tests {
		a := shell()
		tt.change(a)
		if got := Identity(a, tt.fields...) == base; got != tt.same {
			t.Errorf("%s: same identity %v, want %v", tt.name, got, tt.same)
		}
	}
}

func TestIdentityByPlace(t *testing.T) {
	a, b := shell(), shell()
	a.Pod.WorkloadName, b.Pod.WorkloadName, b.Pod.Name = "", "", "app-2"
	if Identity(a) == Identity(b) {
		t.Error("two pods without a workload are one thing")
	}
	a, b = shell(), shell()
	a.Pod, b.Pod, b.Container.Id = nil, nil, "ffff"
	if Identity(a) == Identity(b) {
		t.Error("two containers without a pod are one thing")
	}
	a.Container, b.Container, b.Node.Name = nil, nil, "n2"
	if Identity(a) == Identity(b) {
		t.Error("two hosts are one thing")
	}
}

// Written down once: an identity that changes with a release makes every open finding a new one.
func TestIdentityIsStable(t *testing.T) {
	if got, want := Identity(shell(), NewField("fd.name", "/etc/shadow")), "6e0ff3895a6b969e9dc3dded7a987456"; got != want {
		t.Errorf("identity %s, want %s", got, want)
	}
	if got, want := ID("n1", "b1", 7), "4ea9abad8b8070f6045e009906565957"; got != want {
		t.Errorf("id %s, want %s", got, want)
	}
}

func TestIDTellsPartsApart(t *testing.T) {
	if ID("n1", "2", 3) == ID("n", "12", 3) || ID("n", "1", 23) == ID("n", "12", 3) || ID("n", "1", 0) == HeartbeatID("n", "1", "0") {
		t.Error("two lists of parts have one id")
	}
}

func TestFieldValue(t *testing.T) {
	for _, v := range []any{"x", "", int64(-5), int64(0), true, false, []string{"a", "b"}, nil} {
		if d := cmp.Diff(v, NewField("f", v).Value()); d != "" {
			t.Errorf("%v: %s", v, d)
		}
	}
	if got := NewField("f", []string{"a", "b"}).Display() + NewField("f", int64(3)).Display() + NewField("f", nil).Display(); got != "a,b3" {
		t.Errorf("shown as %q", got)
	}
	if NewField("f", 3.5).Value() != nil {
		t.Error("a type the contract has not got has a value")
	}
}

func TestAttributes(t *testing.T) {
	a := shell()
	want := map[string]string{"kind": "alert", "schema": "3", "alert_id": a.AlertId, "identity": a.Identity, "severity": "HIGH",
		"rule": "terminal_shell_in_container", "cluster": "prod", "namespace": "web", "node": "n1"}
	if d := cmp.Diff(want, Attributes(a)); d != "" {
		t.Error(d)
	}
	a.Enrichment, want["muted"] = &Enrichment{Policy: &Policy{Name: "n", Muted: true}}, "true"
	if d := cmp.Diff(want, Attributes(a)); d != "" {
		t.Error(d)
	}
	want = map[string]string{"kind": "heartbeat", "schema": "3", "alert_id": heartbeat().AlertId, "node": "n1"}
	if d := cmp.Diff(want, Attributes(heartbeat())); d != "" {
		t.Error(d)
	}
	for k, v := range Attributes(full()) {
		if v == "" || len(v) > maxAttribute {
			t.Errorf("%s has %d bytes", k, len(v))
		}
	}
	if n := len(Attributes(full())); n > 10 {
		t.Errorf("have %d attributes, want at most 10", n)
	}
	a.Rule.Name = strings.Repeat("é\xff", 1000)
	a.Pod.Namespace, a.Node.Name = "web\r\nAuthorization: x", "n\x00\u009b1"
	for k, v := range Attributes(a) {
		if strings.ContainsFunc(v, unicode.IsControl) {
			t.Errorf("%s is %q, which ends a header", k, v)
		}
	}
	if got := Attributes(a)["rule"]; len(got) > maxAttribute || got != valid(got) {
		t.Errorf("a rule's name of 3000 bytes becomes %d bytes", len(got))
	}
}

func TestText(t *testing.T) {
	host := shell()
	host.Pod, host.Container, host.Suppressed, host.Output = nil, nil, nil, "read\n\x1b[31m2026 CRITICAL fake: line"
	bare := shell()
	bare.Pod = nil
	for want, a := range map[string]*Alert{
		"2026-01-02T03:04:05.000000006Z HIGH terminal_shell_in_container: shell bash -i started by runc in app (web/app-1) (pod web/app-1, node n1) x3":          shell(),
		`2026-01-02T03:04:05.000000006Z HIGH terminal_shell_in_container: read\n\x1b[31m2026 CRITICAL fake: line (node n1)`:                                      host,
		"2026-01-02T03:04:05.000000006Z HIGH terminal_shell_in_container: shell bash -i started by runc in app (web/app-1) (container 0123456789ab, node n1) x3": bare,
		"2026-01-02T03:04:05.000000006Z heartbeat: 120 events, 3 dropped, 17 alerts, 0 lost by outputs (node n1)":                                                heartbeat(),
	} {
		if got := Text(a); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestTimesSortAsText(t *testing.T) {
	if got := Time(1767323045000000000); got != "2026-01-02T03:04:05.000000000Z" {
		t.Errorf("got %s", got)
	}
	if got := Time(0); got != "" {
		t.Errorf("an unknown time is %q", got)
	}
	at, err := ParseTime(Time(1767323045000000006))
	if err != nil || at.UnixNano() != 1767323045000000006 {
		t.Errorf("read back %v, %v", at, err)
	}
}
