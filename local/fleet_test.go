package local

import (
	"testing"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/functions/fleet"
)

// heartbeat is one of this machine's sensor.
func heartbeat(t *testing.T) *alert.Alert {
	t.Helper()
	node, err := NodeName()
	if err != nil {
		t.Fatal(err)
	}
	a := &alert.Alert{
		Schema: alert.Schema, Kind: alert.KindHeartbeat, SensorId: node, BootId: "b", SensorVersion: "v1.2.3", Time: alert.Time(time.Now().UnixNano()),
		Node: &alert.Node{Name: node}, Cluster: &alert.Cluster{Project: Project, Location: Location, Name: Cluster},
		Heartbeat: &alert.Heartbeat{StartTime: alert.Time(time.Now().UnixNano()), IntervalSeconds: 5, RuleSetHash: "r", RulesError: "a.yaml:1: no"},
	}
	a.AlertId = alert.HeartbeatID(a.SensorId, a.BootId, a.Time)
	return a
}

// A heartbeat goes the way of a deployment's, through enrichment into the records, and the look at the fleet tells of its node.
func TestFleet(t *testing.T) {
	r := start(t)
	r.publish(heartbeat(t))
	var s *fleet.Status
	r.until("the sensor to be known", func() bool {
		if err := r.cloud.CheckFleet(t.Context()); err != nil {
			return false // the scheduler looks too, and one of two at once gives up
		}
		var err error
		if s, err = r.cloud.Fleet(t.Context()); err != nil {
			t.Fatal(err)
		}
		return len(s.Lines) > 0 && s.Lines[0].Written
	})
	if c := s.Clusters[0]; c.Unknown != "" || c.Nodes != 1 || c.Versions["v1.2.3"] != 1 || s.Lines[0].Kind != fleet.Stale {
		t.Errorf("%+v, %+v", c, s.Lines[0])
	}
	r.until("the alert to be handled", r.cloud.Settled)
	if all := r.cloud.Findings(); len(all) != 1 || all[0].FindingClass.String() != "SCC_ERROR" || all[0].SourceProperties["node"].GetStringValue() == "" {
		t.Errorf("%v", all)
	}
}
