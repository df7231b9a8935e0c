package chaos

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/alert"
	"tiercel.dev/functions"
	"tiercel.dev/internal/scc"
)

// TestSameMessage: one alert, delivered five times to each of eight processes at once, is one event of one finding.
func TestSameMessage(t *testing.T) {
	f := newFleet(t)
	f.start("scc")
	f.start("storage")
	for n := range most {
		f.start(functionsOf(n + 1))
	}
	a := &alert.Alert{
		Schema: alert.Schema, Kind: alert.KindAlert, SensorId: "n", BootId: "b", Seq: 1, AlertId: alert.ID("n", "b", 1),
		Time: alert.Time(time.Now().UnixNano()), Severity: alert.High, Output: "read",
		Rule: &alert.Rule{Name: "read", Title: "Read"}, Process: &alert.Process{Pid: 7, Name: "cat"},
	}
	a.Identity = alert.Identity(a)
	body := pushOf(t, a)
	var all sync.WaitGroup
	for n := range most {
		for range 5 {
			all.Go(func() { f.deliver(functionsOf(n+1), body) })
		}
	}
	all.Wait()
	f.await("the finding", func() bool {
		_ = flush(t.Context(), functionsOf(1))
		return len(written(t)) > 0
	})
	if diff := cmp.Diff(map[string]uint64{scc.ID(a): 1}, written(t)); diff != "" {
		t.Error(diff)
	}
}

func pushOf(t *testing.T, a *alert.Alert) []byte {
	t.Helper()
	data, err := alert.Marshal(a, alert.EncodingJSON)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(map[string]any{
		"subscription": "projects/chaos/subscriptions/route",
		"message":      map[string]any{"messageId": "1", "data": base64.StdEncoding.EncodeToString(data), "attributes": alert.Attributes(a)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// deliver delivers until the process takes the message, as Pub/Sub would.
func (f *fleet) deliver(role string, body []byte) {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		answer, err := http.Post("http://"+address(role)+"/"+functions.RouteAlert, "application/json", bytes.NewReader(body))
		if err != nil {
			continue // not up yet
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusNoContent {
			return
		}
	}
	f.t.Errorf("%s does not take the message: %s", role, f.said(role))
}
