package harden

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/internal/budget"
	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/schedule"
	"tiercel.dev/internal/snapshot"
	localscc "tiercel.dev/local/scc"
)

type verdicts = map[string]posture.Verdict

// A finding's life: opened, left alone while nothing changes and while nobody knows, ended when it is fixed, opened again.
func TestLifeOfAFinding(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	w.run(1, verdicts{"A": posture.Fail, "B": posture.Pass, "C": posture.Unknown, "D": posture.Warn})
	w.expect("first", "A ACTIVE, D ACTIVE", 2)
	w.run(2, verdicts{"A": posture.Fail, "B": posture.Pass, "C": posture.Unknown, "D": posture.Warn})
	w.expect("the same", "A ACTIVE, D ACTIVE", 0)
	w.run(3, verdicts{"A": posture.Unknown, "B": posture.Unknown, "D": posture.Managed})
	w.expect("not known", "A ACTIVE, D INACTIVE", 1)
	w.run(4, verdicts{"A": posture.Pass, "B": posture.Fail, "D": posture.Managed})
	w.expect("fixed", "A INACTIVE, B ACTIVE, D INACTIVE", 2)
	w.run(5, verdicts{"A": posture.Fail, "B": posture.Excepted})
	w.expect("again, and excepted", "A ACTIVE, B INACTIVE, D INACTIVE", 2)
	for _, f := range w.scc.Findings() {
		if f.Category == "CATEGORY_B" && (f.SourceProperties["exception_owner"].GetStringValue() != "team-a" || f.SourceProperties["ended_because"].GetStringValue() != "somebody answers for it") {
			t.Errorf("%v", f.SourceProperties)
		}
	}
	w.run(6, verdicts{"A": posture.Fail, "B": posture.Fail})
	w.expect("the exception has ended", "A ACTIVE, B ACTIVE, D INACTIVE", 1)
}

// What has no result any more is in order or gone, unless its check could not look at all.
func TestVanished(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	w.run(1, verdicts{"A/x": posture.Fail, "A/y": posture.Fail, "B": posture.Fail, "RETIRED": posture.Fail})
	w.expect("first", "A/x ACTIVE, A/y ACTIVE, B ACTIVE", 3)
	w.run(2, verdicts{"A/x": posture.Fail, "B": posture.Fail})
	w.expect("one pool is gone", "A/x ACTIVE, A/y INACTIVE, B ACTIVE", 1)
	w.run(3, verdicts{"A": posture.Unknown, "B": posture.Fail})
	w.expect("pools could not be read", "A/x ACTIVE, A/y INACTIVE, B ACTIVE", 0)
	w.change = func(r *posture.Cluster) { r.Gaps = []posture.Gap{{Part: partResults + "/A", Error: "too many"}} }
	w.run(4, verdicts{"B": posture.Fail})
	w.expect("not all results are kept", "A/x ACTIVE, A/y INACTIVE, B ACTIVE", 0)
	w.change = nil
	w.run(5, verdicts{"A": posture.Pass, "B": posture.Fail})
	w.expect("all are in order", "A/x INACTIVE, A/y INACTIVE, B ACTIVE", 1)
	w.err = fmt.Errorf("shop: %w", snapshot.ErrNotFound)
	w.run(6, nil)
	w.expect("the cluster is gone", "A/x INACTIVE, A/y INACTIVE, B INACTIVE", 1)
	if _, err := w.bucket.Get(t.Context(), OpenRoot+schedule.Object(shop)); !errors.Is(err, objects.ErrNotFound) {
		t.Errorf("its list is kept: %v", err)
	}
	if r, err := w.worker(nil).kept(t.Context(), day(6), shop); err != nil || !r.Gone {
		t.Errorf("%+v, %v", r, err)
	}
}

// A cluster that may not be read has a record that says so, and nothing that was said of it changes.
func TestUnreadable(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	w.run(1, verdicts{"A": posture.Fail, "A/x": posture.Fail, "B": posture.Pass})
	w.expect("first", "A ACTIVE, A/x ACTIVE", 2)
	w.err = status.Error(codes.PermissionDenied, "no")
	w.run(2, verdicts{"A": posture.Fail, "B": posture.Pass})
	w.expect("refused", "A ACTIVE, A/x ACTIVE", 0)
	r, err := w.worker(nil).kept(t.Context(), day(2), shop)
	if err != nil {
		t.Fatal(err)
	}
	if r.Complete() || len(r.Gaps) != 1 || r.Gaps[0].Permission != "container.clusters.get" {
		t.Errorf("%+v", r)
	}
	for _, result := range r.Results {
		if result.Verdict != posture.Unknown {
			t.Errorf("%+v", result)
		}
	}
}

// What may pass is waited for, with patience where it is a quota; after an hour what is known by then is the record.
func TestPassingGaps(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	w.on(1)
	for _, tt := range []struct {
		name string
		err  error
		gaps []posture.Gap
		want bool // a quota
	}{
		{"quota", status.Error(codes.ResourceExhausted, "later"), nil, true},
		{"no answer", status.Error(codes.Unavailable, "later"), nil, false},
		{"a part", nil, []posture.Gap{{Part: "upgrade_info", Passing: true}}, true},
	} {
		w.err, w.gaps = tt.err, tt.gaps
		err := w.worker(nil).Handle(t.Context(), job(1))
		if err == nil || errors.Is(err, fault.ErrQuota) != tt.want || errors.Is(err, fault.ErrPoison) || w.judged != 0 {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	w.now = w.now.Add(patience)
	if err := w.worker(nil).Handle(t.Context(), job(1)); err != nil || w.judged != 1 {
		t.Errorf("after an hour: %v", err)
	}
}

// Delivered twice, at once or later, a job comes to one record and one write.
func TestTwice(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	w.run(1, verdicts{"A": posture.Fail})
	w.run(1, verdicts{"A": posture.Pass}) // the record decides, not what the cluster is by now
	w.expect("twice", "A ACTIVE", 1)
	if w.judged != 1 {
		t.Errorf("judged %d times", w.judged)
	}
}

// An old run's job that comes late undoes nothing.
func TestLate(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	w.run(2, verdicts{"A": posture.Pass, "B": posture.Fail})
	w.run(1, verdicts{"A": posture.Fail, "B": posture.Pass})
	w.expect("late", "B ACTIVE", 1)
}

// What an operator says of a finding stands until the verdict changes.
func TestOperatorsWord(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	w.run(1, verdicts{"A": posture.Fail})
	name := w.scc.Findings()[0].Name
	if _, err := w.scc.SetFindingState(t.Context(), &sccpb.SetFindingStateRequest{Name: name, State: sccpb.Finding_INACTIVE}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.scc.SetMute(t.Context(), &sccpb.SetMuteRequest{Name: name, Mute: sccpb.Finding_MUTED}); err != nil {
		t.Fatal(err)
	}
	w.change = func(r *posture.Cluster) { r.Results[0].Evidence = []posture.Evidence{{Path: "x", Value: "2"}} }
	w.run(2, verdicts{"A": posture.Fail})
	w.expect("other evidence", "A INACTIVE", 2)
	w.change = nil
	w.run(3, verdicts{"A": posture.Pass})
	w.run(4, verdicts{"A": posture.Fail})
	w.expect("failing anew", "A ACTIVE", 2)
	if f := w.scc.Findings()[0]; f.Mute != sccpb.Finding_MUTED {
		t.Errorf("mute is %v", f.Mute)
	}
}

// Beyond the budget findings wait, and the delivery is made again; the severest come first.
func TestBudget(t *testing.T) {
	w := newWorld(t, localscc.Config{WritesPerMinute: 10})
	w.on(1)
	w.results = verdicts{}
	for i := range 25 {
		w.results[fmt.Sprint("C", i)] = posture.Fail
	}
	w.change = func(r *posture.Cluster) {
		for i := range r.Results {
			if i%5 == 0 {
				r.Results[i].Severity = posture.Critical
			}
		}
	}
	worker := w.worker(func(cfg *Config) {
		cfg.Budget = budget.New(budget.Config{Store: w.bucket, WritesPerMinute: 10, Log: cfg.Log})
	})
	for tries := 0; ; tries++ {
		err := worker.Handle(t.Context(), job(1))
		if err == nil {
			break
		}
		if !errors.Is(err, fault.ErrQuota) || tries > 5 {
			t.Fatal(err)
		}
		critical := 0
		for _, f := range w.scc.Findings() {
			if f.Severity == sccpb.Finding_CRITICAL {
				critical++
			}
		}
		if critical != 5 {
			t.Errorf("%d of 5 critical ones after the first minute", critical)
		}
		w.now = w.now.Add(time.Minute)
	}
	if n := len(w.scc.Findings()); n != 25 || w.judged != 1 {
		t.Errorf("%d findings, judged %d times", n, w.judged)
	}
}

// A finding that the service will not have keeps no other from being written, and is not offered again as it is.
func TestRefused(t *testing.T) {
	refuse := true
	w := newWorld(t, localscc.Config{Fail: func(f *sccpb.Finding) (error, bool) {
		if refuse && f.Category == "CATEGORY_A" {
			return status.Error(codes.InvalidArgument, "on demand"), false
		}
		return nil, false
	}})
	w.run(1, verdicts{"A": posture.Fail, "B": posture.Fail})
	w.expect("refused", "B ACTIVE", -1)
	w.run(2, verdicts{"A": posture.Fail, "B": posture.Fail})
	w.expect("the same", "B ACTIVE", 0)
	refuse = false
	w.change = func(r *posture.Cluster) { r.Results[0].Reason, r.Results[1].Reason = "x", "x" }
	w.run(3, verdicts{"A": posture.Fail, "B": posture.Fail})
	w.expect("another text", "A ACTIVE, B ACTIVE", -1)
}

// A job without findings to write to is a record all the same.
func TestNoOrganization(t *testing.T) {
	w := newWorld(t, localscc.Config{})
	w.on(1)
	w.results = verdicts{"A": posture.Fail}
	if err := w.worker(func(cfg *Config) { cfg.Findings = nil }).Handle(t.Context(), job(1)); err != nil {
		t.Fatal(err)
	}
	o, err := w.bucket.Get(t.Context(), "harden/runs/20260105T060000Z/p/l/shop.json")
	var r posture.Cluster
	if err != nil || json.Unmarshal(o.Data, &r) != nil || r.Run != "2026-01-05T06:00:00Z" || len(r.Results) != 1 {
		t.Errorf("%s, %v", o.Data, err)
	}
}

// What cannot be read in the bucket is put aside with its name, and decides nothing.
func TestBrokenRecords(t *testing.T) {
	for _, name := range []string{OpenRoot + schedule.Object(shop), schedule.Harden.Record(day(1), shop)} {
		w := newWorld(t, localscc.Config{})
		w.on(1)
		w.results = verdicts{"A": posture.Fail}
		if _, err := w.bucket.Put(t.Context(), name, []byte("{"), nil, 0); err != nil {
			t.Fatal(err)
		}
		if err := w.worker(nil).Handle(t.Context(), job(1)); !errors.Is(err, fault.ErrPoison) {
			t.Errorf("%s: %v", name, err)
		}
		w.expect(name, "", 0)
	}
}

// A list or a run's record of a newer function's is left alone: the job waits until the deployment is whole.
func TestNewerRecordsStay(t *testing.T) {
	for name, data := range map[string]string{
		OpenRoot + schedule.Object(shop): `{"version":2,"findings":[]}`, schedule.Harden.Record(day(1), shop): `{"form":2,"results":{}}`,
	} {
		w := newWorld(t, localscc.Config{})
		w.on(1)
		w.results = verdicts{"A": posture.Fail}
		generation, err := w.bucket.Put(t.Context(), name, []byte(data), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.worker(nil).Handle(t.Context(), job(1)); !errors.Is(err, objects.ErrVersion) || errors.Is(err, fault.ErrPoison) {
			t.Errorf("%s: %v", name, err)
		}
		if o, err := w.bucket.Get(t.Context(), name); err != nil || o.Generation != generation {
			t.Errorf("%s: %s, %v", name, o.Data, err)
		}
	}
}

// Ten thousand workloads that fail alike are not ten thousand findings, and what is left out is said.
func TestBound(t *testing.T) {
	record := &posture.Cluster{}
	for i := range maxResults + 50 {
		record.Results = append(record.Results, posture.Result{Check: "A", ID: fmt.Sprint(i)}, posture.Result{Check: fmt.Sprint("B", i)})
	}
	bound(record)
	if len(record.Results) != 2*maxResults+50 || len(record.Gaps) != 1 || record.Gaps[0].Part != "results/A" || record.Complete() {
		t.Errorf("%d results, %v", len(record.Results), record.Gaps)
	}
}
