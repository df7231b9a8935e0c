package output

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"tiercel.dev/alert"
)

// A sidekick takes what falcosidekick takes: a JSON object with a rule, a time, a priority that it knows and at least one
// field. What it refuses it answers with 400, and the alert is lost. A uuid it makes itself where none is given.
type sidekick struct {
	t    *testing.T
	took []sidekickPayload
}

type sidekickPayload struct {
	UUID         string         `json:"uuid"`
	Output       string         `json:"output"`
	Priority     string         `json:"priority"`
	Rule         string         `json:"rule"`
	Time         time.Time      `json:"time"`
	OutputFields map[string]any `json:"output_fields"`
	Source       string         `json:"source"`
	Tags         []string       `json:"tags"`
	Hostname     string         `json:"hostname"`
}

var sidekickPriorities = map[string]bool{"Debug": true, "Informational": true, "Notice": true, "Warning": true, "Error": true, "Critical": true,
	"Alert": true, "Emergency": true}

func (s *sidekick) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var p sidekickPayload
	d := json.NewDecoder(r.Body)
	d.UseNumber()
	err := d.Decode(&p)
	if err != nil || r.Method != http.MethodPost || !sidekickPriorities[p.Priority] || p.Rule == "" || p.Time.IsZero() || len(p.OutputFields) == 0 {
		s.t.Errorf("refused: %v, %s %+v", err, r.Method, p)
		http.Error(w, "refused", http.StatusBadRequest)
		return
	}
	s.took = append(s.took, p)
}

func TestFalcosidekickTakesAlerts(t *testing.T) {
	s := &sidekick{t: t}
	server := httptest.NewServer(s)
	defer server.Close()
	p := posting(t, "http?format=falco-json&url="+server.URL)
	bare := testAlert(alert.Low, "no fields")
	heartbeat := &alert.Alert{Kind: alert.KindHeartbeat, Time: alert.Time(1767323045000000006), Node: &alert.Node{Name: "node"}, Heartbeat: &alert.Heartbeat{}}
	whole := falcoAlert()
	whole.Fields = append(whole.Fields, alert.NewField("evt.time.s", "03:04:05"), alert.NewField("k8s.ns.name", nil), alert.NewField("proc.aname[2]", "systemd"))
	defer p.Close(t.Context())
	alerts := []*alert.Alert{bare, heartbeat}
	for priority := range sidekickPriorities {
		a := falcoAlert()
		a.Rule.Priority = priority
		alerts = append(alerts, a)
	}
	alerts = append(alerts, whole)
	for _, a := range alerts {
		if err := p.Write(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	if len(s.took) != len(alerts) {
		t.Fatalf("took %d of %d", len(s.took), len(alerts))
	}
	got := s.took[len(s.took)-1]
	at := json.Number("1767323045000000006")
	want := map[string]any{"evt.time": at, "evt.time.s": at, "k8s.ns.name": nil, "proc.aname[2]": "systemd", "proc.tty": json.Number("34816"), "user.name": "root"}
	for name, v := range want {
		if got.OutputFields[name] != v {
			t.Errorf("%s is %v, not %v", name, got.OutputFields[name], v)
		}
	}
	if got.Hostname != "node" || got.Source != "syscall" || len(got.Tags) != 2 || got.Time.UnixNano() != 1767323045000000006 {
		t.Errorf("got %+v", got)
	}
}
