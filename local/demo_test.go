package local

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
)

// The scheduled functions look at the sample fleet by the APIs of a deployment, and say what is wrong with it.
func TestFleetIsLookedAt(t *testing.T) {
	found := make(chan *sccpb.Finding, 10000)
	c, err := Start(Config{Fleet: true, Changed: func(f *sccpb.Finding) { found <- f }, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.BeginRun(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Rotate(t.Context()); err != nil {
		t.Error(err)
	}
	deadline := time.After(time.Minute)
	for missing := map[string]bool{"legacy": true, "payments": true}; len(missing) > 0; {
		select {
		case f := <-found:
			if f.FindingClass == sccpb.Finding_MISCONFIGURATION {
				delete(missing, f.ResourceName[strings.LastIndexByte(f.ResourceName, '/')+1:])
			}
		case <-deadline:
			t.Fatalf("nothing is found about %v", missing)
		}
	}
}
