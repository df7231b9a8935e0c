package output

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"

	"tiercel.dev/alert"
	"tiercel.dev/sensor/output/pubsub"
	"tiercel.dev/sensor/output/spool"
)

// What the spool counts, each loss with its reason and severity, is what a heartbeat says.
func TestHeartbeatSaysWhatTheSpoolCounts(t *testing.T) {
	s := spooledStats(pubsub.Stats{State: StateFailing, Sent: 15, LastError: "e", Spool: spool.Stats{InMemory: 2, OnDisk: 3, Late: 4,
		Lost: []spool.Lost{{Reason: "full", Class: int(alert.Low), Count: 5}, {Reason: "rejected", Count: 1}}}})
	s.Name = "pubsub"
	want := &alert.Output{Name: "pubsub", State: "failing", Sent: 15, Waiting: 5, Dropped: 6, LastError: "e", Late: 4,
		Losses: []*alert.Loss{{Reason: "full", Severity: alert.Low, Count: 5}, {Reason: "rejected", Count: 1}}}
	if d := cmp.Diff(want, s.Message(), protocmp.Transform()); d != "" {
		t.Error(d)
	}
}
