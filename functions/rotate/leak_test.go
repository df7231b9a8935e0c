package rotate

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/push"
)

// leakAlert is a verified alert of a leak, changed by a test.
func leakAlert(t *testing.T, seq uint64, change func(*alert.Alert)) push.Message {
	t.Helper()
	at := alert.Time(monday.UnixNano())
	a := &alert.Alert{
		Schema: alert.Schema, Kind: alert.KindAlert, SensorId: "s", BootId: "b", Seq: seq, AlertId: alert.ID("s", "b", seq), Time: at, ObservedTime: at, Severity: alert.High,
		Rule:       &alert.Rule{Name: "kubeconfig_read", Tags: []string{LeakTag}},
		Cluster:    &alert.Cluster{Project: "p", Location: "europe-west1", Name: "shop"},
		Enrichment: &alert.Enrichment{Time: at, Verification: alert.Verified},
	}
	a.Identity = alert.Identity(a)
	change(a)
	data, err := alert.JSON(a)
	if err != nil {
		t.Fatal(err)
	}
	return push.Message{ID: fmt.Sprint(seq), Data: data}
}

func TestVerifiedLeakProposes(t *testing.T) {
	c := newCloud(t, guided, permissions(""), farOff)
	if r := c.tick(0); r.State != Idle {
		t.Fatalf("%s: %s", r.State, r.Reason)
	}
	for range 2 { // delivered twice
		if err := c.rotator.Propose(t.Context(), leakAlert(t, 1, func(*alert.Alert) {})); err != nil {
			t.Fatal(err)
		}
	}
	r := c.tick(time.Minute)
	if r.State != Due || len(r.Leaks) != 1 || !strings.Contains(r.Reason, "kubeconfig_read") {
		t.Fatalf("%s: %s", r.State, r.Reason)
	}
	c.approve(alice, Start)
	c.until(ClientsPending)
	c.approve(bob, Complete, "clients-moved", ackIssued)
	if r = c.until(Done); len(r.Leaks) != 0 {
		t.Errorf("%v", r.Leaks)
	}
	// What Pub/Sub delivers again is over.
	if err := c.rotator.Propose(t.Context(), leakAlert(t, 1, func(*alert.Alert) {})); err != nil {
		t.Fatal(err)
	}
	if r = c.tick(time.Minute); r.State != Done {
		t.Errorf("%s: %s", r.State, r.Reason)
	}
}

// Whoever may publish can say anything: what is not verified proposes nothing, nor what is muted or of another kind.
func TestOtherAlertsProposeNothing(t *testing.T) {
	c := newCloud(t, guided, permissions(""), farOff)
	c.tick(0)
	for name, change := range map[string]func(*alert.Alert){
		"unverified":  func(a *alert.Alert) { a.Enrichment.Verification = alert.Unverified },
		"unenriched":  func(a *alert.Alert) { a.Enrichment = nil },
		"muted":       func(a *alert.Alert) { a.Enrichment.Policy = &alert.Policy{Name: "m", Muted: true} },
		"another tag": func(a *alert.Alert) { a.Rule.Tags = []string{"shell"} },
		"a path":      func(a *alert.Alert) { a.Cluster.Name = "../shop" },
		"no cluster":  func(a *alert.Alert) { a.Cluster = nil },
	} {
		if err := c.rotator.Propose(t.Context(), leakAlert(t, 1, change)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if r := c.tick(time.Minute); r.State != Idle || len(r.Leaks) != 0 {
			t.Errorf("%s: %s %v", name, r.State, r.Leaks)
		}
	}
	if err := c.rotator.Propose(t.Context(), push.Message{ID: "x", Data: []byte("{")}); !errors.Is(err, fault.ErrPoison) {
		t.Error(err)
	}
}

// A flood asks for no more than one does.
func TestLeaksAreBounded(t *testing.T) {
	c := newCloud(t, guided, permissions(""), farOff)
	for seq := range uint64(3 * maxLeaks) {
		if err := c.rotator.Propose(t.Context(), leakAlert(t, seq+1, func(*alert.Alert) {})); err != nil {
			t.Fatal(err)
		}
	}
	if r := c.tick(time.Minute); r.State != Due || len(r.Leaks) != maxLeaks {
		t.Errorf("%s, %d leaks", r.State, len(r.Leaks))
	}
}
