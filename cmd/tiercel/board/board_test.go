package board

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tiercel.dev/alert"
)

func read(id string, suppressed uint64) *alert.Alert {
	a := &alert.Alert{Kind: alert.KindAlert, AlertId: id, Severity: alert.High, Rule: &alert.Rule{Name: "r"}, Output: "read"}
	if suppressed > 0 {
		a.Suppressed = &alert.Suppressed{Count: suppressed}
	}
	return a
}

func found(name string, count float64, at time.Time) *sccpb.Finding {
	return &sccpb.Finding{
		Name: "s/findings/" + name, EventTime: timestamppb.New(at), SourceProperties: map[string]*structpb.Value{"count": structpb.NewNumberValue(count)},
	}
}

// What comes twice counts once, a finding counts what it says last, and the sensor's counts are its own.
func TestTotals(t *testing.T) {
	start := time.Now()
	b := New(start)
	b.Alert(read("a", 0))
	b.Alert(read("a", 0))
	b.Alert(read("b", 4))
	enriched := read("b", 4)
	enriched.Enrichment = &alert.Enrichment{NodePool: "pool"}
	b.Enriched(enriched)
	b.Enriched(read("never seen", 0))
	if !b.Finding(found("f", 1, start), start.Add(20*time.Millisecond)) || b.Finding(found("f", 5, start), start.Add(time.Hour)) {
		t.Error("the first write of a finding, and no other, is new")
	}
	b.Finding(found("g", 2, start), start.Add(40*time.Millisecond))
	b.Finding(found("g", 1, start), start)
	h := &alert.Heartbeat{
		Events: []*alert.Count{{Kind: "openat", Count: 100}, {Kind: "exec", Count: 7}}, Drops: []*alert.Drop{{Reason: "ring_full", Kind: "openat", Count: 2}, {Reason: "ring_full", Kind: "exec", Count: 1}, {Reason: "uncounted", Count: 1}, {Reason: "process_partial", Count: 5}},
		Outputs: []*alert.Output{{Dropped: 3}, {Dropped: 1}},
	}
	b.Tick(start.Add(2*time.Second), h, Cloud{DeadLettered: 1, Quarantined: 2, Dead: 4, Memory: 9})
	b.Alert(&alert.Alert{Kind: alert.KindHeartbeat, Time: "t", Heartbeat: h})
	want := Totals{
		Events: Tally{"openat": 100, "exec": 7}, Alerts: Tally{"r": 2}, Severities: Tally{"HIGH": 2}, AlertEvents: 6, Findings: 2, FindingEvents: 6,
		Drops: Tally{"ring_full": 3, "uncounted": 1, "process_partial": 5}, Lost: 4, InPart: 5, LostByOutputs: 4, DeadLettered: 1, Quarantined: 2, Dead: 4, Memory: 9, LastHeartbeat: "t",
	}
	if diff := cmp.Diff(want, b.Totals()); diff != "" {
		t.Errorf("totals (-want +got):\n%s", diff)
	}
	wantNow := Now{Rate: 53.5, Alerts: 2, Findings: 2, Lost: 8, InPart: 5, Aside: 6, Memory: 9, Running: 2 * time.Second}
	if diff := cmp.Diff(wantNow, b.Now()); diff != "" {
		t.Errorf("now (-want +got):\n%s", diff)
	}
	if p50, p99 := b.Latency(0.5), b.Latency(0.99); p50 != 20*time.Millisecond || p99 != 20*time.Millisecond || b.Latency(1) != 40*time.Millisecond {
		t.Errorf("latency %v, %v", p50, p99)
	}
	if a, _ := b.alerts.get("b"); a.GetEnrichment().GetNodePool() != "pool" || b.alerts.has("never seen") {
		t.Error("enrichment is not what was given")
	}
}

// Memory is bounded whatever comes, and the newest is what is kept.
func TestBounded(t *testing.T) {
	b := New(time.Now())
	big := strings.Repeat("x", 200<<10)
	for i := range 3000 {
		a := read(fmt.Sprint(i), 0)
		if i > 2500 {
			a.Output = big
		}
		b.Alert(a)
		b.Finding(found(fmt.Sprint(i), 1, time.Now()), time.Now())
	}
	if n, bytes := b.alerts.order.Len(), b.alerts.bytes; n > keptAlerts || bytes > keptBytes || n != len(b.alerts.byKey) || !b.alerts.has("2999") {
		t.Errorf("%d alerts of %d bytes are kept", n, bytes)
	}
	if n := b.findings.order.Len(); n != keptFindings {
		t.Errorf("%d findings are kept", n)
	}
	if n := len(b.changes.list); n > maxChanges || b.changes.bytes > maxChangeBytes {
		t.Errorf("%d changes of %d bytes are kept", n, b.changes.bytes)
	}
	if got := b.Totals(); got.Alerts.Sum() != 3000 || got.Findings != 3000 {
		t.Errorf("counted %d alerts, %d findings", got.Alerts.Sum(), got.Findings)
	}
	// The largest row there is goes into a list in short.
	if changes, _ := b.Since(b.changes.last - 2); len(changes) != 2 || len(changes[0].JSON) > 4<<10 {
		t.Errorf("%d changes, the first of %d bytes", len(changes), len(changes[0].JSON))
	}
}

// Readers that come and go while much happens miss nothing and see nothing twice.
func TestReadersMissNothing(t *testing.T) {
	const alerts = 20000
	b := New(time.Now())
	b.Alert(read("first", 0))
	var writers, readers sync.WaitGroup
	writers.Go(func() {
		for i := range alerts {
			b.Alert(read(fmt.Sprint(i), 0))
		}
		b.End(time.Now())
	})
	for r := range 4 {
		readers.Go(func() {
			seq, snapshots := uint64(0), 0
			for {
				changes, more := b.Since(seq)
				for _, c := range changes {
					switch {
					case c.Name == "snapshot":
						snapshots++
						if c.Seq < seq || seq > 0 && c.Seq-seq < maxChanges/2 {
							t.Errorf("reader %d: a snapshot at %d after %d", r, c.Seq, seq)
						}
					case c.Seq != seq+1:
						t.Errorf("reader %d: %d after %d", r, c.Seq, seq)
						return
					}
					seq = c.Seq
					if c.Name == "end" || seq == alerts+2 {
						return
					}
				}
				if len(changes) == 0 {
					<-more
				}
			}
		})
	}
	writers.Wait()
	readers.Wait()
}

// What programs choose to be called comes out with nothing in it that acts, wherever it comes out.
func TestShowsNothingThatActs(t *testing.T) {
	const bad = "a\x1b[2J\u202eb\x00\u2066c\u0085\ufeff"
	b := New(time.Now())
	b.Watching(About{}, nil)
	a := read("a", 0)
	a.Output, a.Rule.Title, a.Rule.Description = bad, bad, bad
	a.Fields = []*alert.Field{{Name: bad, Type: alert.Alert_Field_LIST, List: []string{bad}}}
	a.Process = &alert.Process{Name: bad, CommandLine: bad, ExePath: bad, UserName: bad, Env: []string{bad}, Cwd: bad}
	a.Ancestors = []*alert.Process{{CommandLine: bad}}
	a.Container, a.Pod = &alert.Container{Name: bad, Labels: []*alert.Label{{Key: bad, Value: bad}}}, &alert.Pod{Name: bad, Namespace: bad}
	a.Files = []*alert.File{{Path: bad, RawPath: "b" + bad, RealPath: bad}}
	a.Enrichment = &alert.Enrichment{NextSteps: bad, Missing: []string{bad}, Links: []*alert.Link{{Title: bad, Url: bad}}}
	b.Alert(a)
	f := found("f", 1, time.Now())
	f.Category, f.Description, f.SourceProperties["output"] = bad, bad, structpb.NewStringValue(bad)
	b.Finding(f, time.Now())
	b.Tick(time.Now(), &alert.Heartbeat{RulesError: bad, Outputs: []*alert.Output{{Name: bad, LastError: bad}}}, Cloud{Asides: []Aside{{Reason: bad, Data: bad}}})
	snapshot, _ := b.Since(0)
	of, _ := b.AlertDetail("a")
	findingOf, ok := b.FindingDetail(f.Name)
	if !ok {
		t.Fatal("no detail")
	}
	for name, v := range map[string]any{"snapshot": snapshot[0].JSON, "alert": of, "finding": findingOf} {
		var all any
		if err := json.Unmarshal(encode(v), &all); err != nil {
			t.Fatal(err)
		}
		each(all, func(text string) {
			if strings.IndexFunc(text, func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' }) >= 0 {
				t.Errorf("%s: %q", name, text)
			}
		})
	}
}

func each(v any, do func(string)) {
	switch v := v.(type) {
	case string:
		do(v)
	case []any:
		for _, e := range v {
			each(e, do)
		}
	case map[string]any:
		for k, e := range v {
			do(k)
			each(e, do)
		}
	}
}
