package route_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/alert"
	"tiercel.dev/functions/route"
	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/push"
	localscc "tiercel.dev/local/scc"
)

func TestFirstIsWrittenAtOnceAndRepeatsLater(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	r := w.router(nil)
	for seq := range uint64(5) {
		if err := r.Handle(t.Context(), act("s", seq+1, "x", alert.High)); err != nil {
			t.Fatal(err)
		}
	}
	w.expect("at once", 1)
	w.flush(r)
	w.expect("after the flush", 5)
	f := w.scc.Findings()[0]
	if f.Category != "Execution: A rule" || f.Severity != pb.Finding_HIGH || !f.EventTime.AsTime().Equal(time.Date(2026, 1, 2, 3, 0, 0, 5, time.UTC)) {
		t.Errorf("%v", f)
	}
}

// The same message five times, at once, to eight instances.
func TestManyDeliveriesCountOnce(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	routers := make([]*route.Router, 8)
	for i := range routers {
		routers[i] = w.router(nil)
	}
	var all sync.WaitGroup
	for _, r := range routers {
		for seq := range uint64(5) {
			for range 5 {
				all.Go(func() {
					if err := r.Handle(t.Context(), act("s", seq+1, "x", alert.High)); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
	all.Wait()
	w.flush(routers[3])
	w.expect("after the flush", 5)
}

func TestOperatorsWordStands(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	r := w.router(nil)
	r.Handle(t.Context(), act("s", 1, "x", alert.High))
	name := w.scc.Findings()[0].Name
	w.scc.SetFindingState(t.Context(), &pb.SetFindingStateRequest{Name: name, State: pb.Finding_INACTIVE})
	w.scc.SetMute(t.Context(), &pb.SetMuteRequest{Name: name, Mute: pb.Finding_MUTED})
	w.scc.UpdateSecurityMarks(t.Context(), &pb.UpdateSecurityMarksRequest{
		SecurityMarks: &pb.SecurityMarks{Name: name + "/securityMarks", Marks: map[string]string{"ticket": "7"}},
	})
	r.Handle(t.Context(), act("s", 2, "x", alert.High))
	w.flush(r)
	f := w.scc.Findings()[0]
	if f.State != pb.Finding_INACTIVE || f.Mute != pb.Finding_MUTED || f.SecurityMarks.Marks["ticket"] != "7" {
		t.Errorf("state %v, mute %v, marks %v", f.State, f.Mute, f.SecurityMarks)
	}
	w.expect("after the flush", 2)
}

func TestServiceFails(t *testing.T) {
	for _, tt := range []struct {
		name       string
		code       codes.Code
		carriedOut bool
		want       error // of the first delivery; nil for one that may pass
	}{
		{"quota", codes.ResourceExhausted, false, fault.ErrQuota},
		{"poison", codes.InvalidArgument, false, fault.ErrPoison},
		{"no right", codes.PermissionDenied, false, nil},
		{"written, and the answer lost", codes.DeadlineExceeded, true, nil},
	} {
		var once sync.Once
		w := newWorld(t, localscc.Config{Fail: func(*pb.Finding) (err error, carriedOut bool) {
			once.Do(func() { err = status.Error(tt.code, "on demand") })
			return err, tt.carriedOut
		}})
		r := w.router(nil)
		m := act("s", 1, "x", alert.High)
		err := r.Handle(t.Context(), m)
		if err == nil || tt.want != nil && !errors.Is(err, tt.want) ||
			tt.want == nil && (errors.Is(err, fault.ErrPoison) || errors.Is(err, fault.ErrQuota)) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if err := r.Handle(t.Context(), m); err != nil {
			t.Errorf("%s: delivered again: %v", tt.name, err)
		}
		w.flush(r)
		w.expect(tt.name, 1)
	}
}

func TestPoison(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	r := w.router(nil)
	for name, data := range map[string]string{
		"nothing": "", "no alert": "hello", "no identity": `{"schema":1,"kind":"ALERT"}`,
	} {
		if err := r.Handle(t.Context(), push.Message{ID: "7", Data: []byte(data)}); !errors.Is(err, fault.ErrPoison) || !strings.Contains(err.Error(), "message 7: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.expect("after poison")
}

// Without an organization alerts are counted all the same, so that findings are right once there is one.
func TestOff(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	off := w.router(func(cfg *route.Config) { cfg.Findings = nil })
	for seq := range uint64(3) {
		if err := off.Handle(t.Context(), act("s", seq+1, "x", alert.High)); err != nil {
			t.Fatal(err)
		}
	}
	if err := off.Flush(t.Context()); err != nil {
		t.Error(err)
	}
	w.expect("while it is off")
	on := w.router(nil)
	if err := on.Handle(t.Context(), act("s", 4, "x", alert.High)); err != nil {
		t.Fatal(err)
	}
	w.expect("once it is on", 4)
}

// What is no alert, was muted by a setting, or is about a sensor, whose finding has another writer, is nobody's business here.
func TestNotForFindings(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	r := w.router(nil)
	heartbeat := &alert.Alert{Schema: alert.Schema, Kind: alert.KindHeartbeat, SensorId: "s", BootId: "b", AlertId: alert.ID("s", "b", 1),
		Time: alert.Time(1), Heartbeat: &alert.Heartbeat{StartTime: alert.Time(1), IntervalSeconds: 60}}
	muted := acted("s", 1, "x", alert.High)
	muted.Enrichment = &alert.Enrichment{Policy: &alert.Policy{Name: "n", Muted: true}}
	fleet := acted("s", 2, "x", alert.High)
	fleet.Rule.Name = "tiercel_sensor_missing"
	for _, a := range []*alert.Alert{heartbeat, muted, fleet} {
		if err := r.Handle(t.Context(), message(a)); err != nil {
			t.Error(err)
		}
	}
	w.expect("after what is not for it")
}

// A repeat that is more severe than what is written does not wait.
func TestRaised(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	r := w.router(nil)
	for seq, severity := range []alert.Severity{alert.Low, alert.Low, alert.Critical} {
		if err := r.Handle(t.Context(), act("s", uint64(seq+1), "x", severity)); err != nil {
			t.Fatal(err)
		}
	}
	if f := w.scc.Findings()[0]; f.Severity != pb.Finding_CRITICAL {
		t.Errorf("%v", f.Severity)
	}
	w.expect("at once", 3)
}

// One record that cannot be read does not keep the other findings from being written.
func TestBrokenRecord(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	r := w.router(nil)
	for seq := range uint64(2) {
		if err := r.Handle(t.Context(), act("s", seq+1, "x", alert.High)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.bucket.Put(t.Context(), "ledger/0/head", nil, map[string]string{"severity": "PURPLE"}, 0); err != nil {
		t.Fatal(err)
	}
	w.later(2 * time.Minute)
	if err := r.Flush(t.Context()); err == nil || !strings.Contains(err.Error(), "PURPLE") {
		t.Errorf("%v", err)
	}
	w.expect("beside a broken record", 2)
}

// Clocks that are wrong do not make a finding of times to come.
func TestFuture(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	a := acted("s", 1, "x", alert.High)
	a.Time = alert.Time(w.clock().AddDate(70, 0, 0).UnixNano())
	if err := w.router(nil).Handle(t.Context(), message(a)); err != nil {
		t.Fatal(err)
	}
	f := w.scc.Findings()[0]
	if last := f.SourceProperties["last_seen"].GetStringValue(); f.EventTime.AsTime().After(w.clock()) || last > alert.Time(w.clock().UnixNano()) {
		t.Errorf("%v, %s", f.EventTime.AsTime(), last)
	}
}
