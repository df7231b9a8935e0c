package node

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/sensor/output"
)

// refuser is an output that takes no alert.
type refuser struct{}

func (refuser) Write(context.Context, *alert.Alert) error { return output.ErrAlert }
func (refuser) Close(context.Context) error               { return nil }

// TestOutputsLossesAreTold: what an output lost stands in the log, once, and what it lost since then.
func TestOutputsLossesAreTold(t *testing.T) {
	var log lockedBuffer
	n := &Node{log: slog.New(slog.NewTextHandler(&log, nil)), told: make(map[string]uint64)}
	n.fanout = output.NewFanout(output.Config{}, nil, slog.New(slog.DiscardHandler))
	n.fanout.Add("refuser", refuser{}, false)
	lose := func(count, inAll uint64) {
		for range count {
			n.fanout.Publish(&alert.Alert{Kind: alert.KindAlert, Severity: alert.High})
		}
		for deadline := time.Now().Add(patience); n.fanout.Stats()[0].Lost() < inAll; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the output loses nothing")
			}
		}
	}
	lose(2, 2)
	n.tellOutputs()
	n.tellOutputs()
	lose(3, 5)
	n.tellOutputs()
	if err := n.fanout.Close(t.Context()); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"output=refuser reason=rejected severity=HIGH count=2 in_all=2", "count=3 in_all=5"} {
		if strings.Count(log.String(), want) != 1 {
			t.Errorf("want once %q: %s", want, log.String())
		}
	}
	if lines := strings.Count(log.String(), "\n"); lines != 2 {
		t.Errorf("%d lines: %s", lines, log.String())
	}
}
