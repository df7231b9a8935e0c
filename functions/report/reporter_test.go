package report_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/functions/report"
	"tiercel.dev/functions/report/sample"
	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/mail/clients"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/race"
	"tiercel.dev/internal/schedule"
)

func (w *world) report(request report.Request) error {
	return w.reporter().Report(w.t.Context(), request)
}

func TestReportComesOnce(t *testing.T) {
	w := newWorld(t)
	w.week(0)
	for range 3 {
		w.now = w.now.Add(time.Hour)
		if err := w.report(report.Request{}); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.sent) != 3 {
		t.Errorf("%d mails", len(w.sent))
	}
	if !strings.Contains(w.sent[0].Text, "This is the first report") {
		t.Error("the first does not say so")
	}
}

// A report waits for the records of its run, and then goes out with the names of those that did not come.
func TestReportWaitsAndNamesWhatIsMissing(t *testing.T) {
	w := newWorld(t)
	if err := sample.Fill(t.Context(), w.bucket, 0); err != nil {
		t.Fatal(err)
	}
	run := schedule.RunAt(sample.Monday(0).Add(-time.Hour))
	var m schedule.Manifest
	w.read(schedule.Harden.Manifest(run), &m)
	lost := posture.Resource{Project: "acme-shop", Location: "europe-west1", Cluster: "forgotten"}
	m.Clusters = append(m.Clusters, lost)
	w.put(schedule.Harden.Manifest(run), m)

	for _, c := range []struct {
		after time.Duration
		mails int
	}{{time.Minute, 0}, {119 * time.Minute, 0}, {2 * time.Hour, 3}} {
		w.now = sample.Monday(0).Add(c.after)
		if err := w.report(report.Request{}); err != nil || len(w.sent) != c.mails {
			t.Fatalf("after %v: %d mails, %v", c.after, len(w.sent), err)
		}
	}
	if first := w.sent[0]; !strings.Contains(first.Subject, "INCOMPLETE: 1") || !strings.Contains(first.Text, "forgotten") {
		t.Errorf("%s\n%s", first.Subject, first.Text)
	}
}

// What is withheld on purpose is told in the coverage, with its reason, and is neither a pass nor a run that is incomplete.
func TestReportTellsWithheldApart(t *testing.T) {
	w := newWorld(t)
	if err := sample.Fill(t.Context(), w.bucket, 0); err != nil {
		t.Fatal(err)
	}
	run := schedule.RunAt(sample.Monday(0).Add(-time.Hour))
	var m schedule.Manifest
	w.read(schedule.Harden.Manifest(run), &m)
	for _, at := range m.Clusters {
		var c posture.Cluster
		w.read(schedule.Harden.Record(run, at), &c)
		c.Gaps = append(c.Gaps, posture.Gap{Part: "credentials", Call: "GetCluster", Permission: "container.clusters.getCredentials", Error: "x", Withheld: true})
		c.Results = append(c.Results, posture.Result{ID: posture.ID("AUTH-CERT", at), Check: "AUTH-CERT", Resource: at, Verdict: posture.Unknown, Withheld: true, Reason: "client certificates are hidden"})
		w.put(schedule.Harden.Record(run, at), c)
	}
	w.now = sample.Monday(0).Add(time.Hour)
	if err := w.report(report.Request{}); err != nil {
		t.Fatal(err)
	}
	first := w.sent[0]
	if strings.Contains(first.Subject, "INCOMPLETE") || strings.Contains(first.Text, "INCOMPLETE") {
		t.Errorf("%s\n%s", first.Subject, first.Text)
	}
	text := strings.Join(strings.Fields(first.Text), " ")
	for _, want := range []string{"Unknown on purpose: client certificates are hidden.", fmt.Sprintf("%d UNKNOWN (%[1]d on purpose)", len(m.Clusters))} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, first.Text)
		}
	}
	if html := string(first.HTML); !strings.Contains(html, "Unknown on purpose.") || strings.Contains(html, "INCOMPLETE") {
		t.Error("the HTML does not tell what is withheld apart")
	}
	var s report.Summary
	w.read("report/history/"+schedule.RunAt(sample.Monday(0)).String()+".json", &s)
	if s.Incomplete != 0 || s.Score.Withheld != len(m.Clusters) || s.Score.Verdicts[posture.Unknown] != len(m.Clusters) {
		t.Errorf("%+v", s)
	}
}

func (w *world) read(name string, to any) {
	w.t.Helper()
	o, err := w.bucket.Get(w.t.Context(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	decode(w.t, o.Data, to)
}

// What cannot be sent now is sent by the next call; what was sent is not sent again.
func TestReportGoesOnAfterAFailure(t *testing.T) {
	w := newWorld(t)
	if err := sample.Fill(t.Context(), w.bucket, 0); err != nil {
		t.Fatal(err)
	}
	w.now = sample.Monday(0).Add(time.Minute)
	w.refuse = errors.New("come back later")
	if err := w.report(report.Request{}); err == nil || errors.Is(err, fault.ErrPoison) {
		t.Fatalf("%v", err)
	}
	w.refuse = nil
	for range 2 {
		if err := w.report(report.Request{}); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.sent) != 3 {
		t.Errorf("%d mails", len(w.sent))
	}
}

func TestReportOnDemand(t *testing.T) {
	w := newWorld(t)
	w.week(0)
	w.sent = nil
	for range 2 {
		if err := w.report(report.Request{Demand: "audit", Report: "payments"}); err != nil {
			t.Fatal(err)
		}
	}
	if len(w.sent) != 1 || !strings.HasPrefix(w.sent[0].Subject, "[GKE hardening] payments: ") {
		t.Fatalf("%d mails", len(w.sent))
	}
	if strings.Contains(w.sent[0].Text, "shop-prod") || !strings.Contains(w.sent[0].Text, "payments-prod") {
		t.Error("it is not about the team's clusters alone")
	}
	if err := w.report(report.Request{Demand: "audit", Report: "nobody"}); !errors.Is(err, fault.ErrPoison) {
		t.Errorf("%v", err)
	}
	w.week(1)
	if !strings.Contains(w.sent[1].Text, "since 28 Sep") {
		t.Error("the next weekly one does not compare with the last weekly one")
	}
}

// A team by namespace sees what is in its namespaces, and nothing of others'.
func TestReportOfNamespaces(t *testing.T) {
	m := months(t)[2]
	if !strings.Contains(m.Text, "store-cart/deployer-token") {
		t.Error("its findings are not there")
	}
	for _, others := range []string{"NET-CPEXP", "AUTH-LEGACY", "reverse_shell", "builds"} {
		if strings.Contains(m.Text, others) || strings.Contains(string(m.HTML), others) {
			t.Errorf("%s is others'", others)
		}
	}
}

// However many clusters there are, and whatever they are called, clients show the mail whole.
func TestReportOfAHugeAndHostileFleet(t *testing.T) {
	race.Skip(t, "one goroutine writes 30,000 results")
	const evil = "<img src=x onerror=alert(1)>\"'\u202e\r\nBcc: eve@example.com"
	in := &report.Input{
		Due: sample.Monday(0), Since: sample.Monday(0).AddDate(0, 0, -7), Run: schedule.RunAt(sample.Monday(0)), Checks: map[string]posture.Check{},
		Problems: []string{evil}, Version: evil,
	}
	in.State.Time = in.Since
	for i := range 30 {
		id := fmt.Sprintf("C%d%s", i, evil)
		in.Checks[id] = posture.Check{ID: id, Title: evil, Why: strings.Repeat(evil, 20), Severity: posture.Critical, Link: "javascript:alert(1)"}
	}
	for i := range 1000 {
		of := posture.Resource{Project: evil, Location: evil, Cluster: fmt.Sprint(i, evil)}
		c := posture.Cluster{Resource: of, Version: evil, Gaps: []posture.Gap{{Call: fmt.Sprint(i, evil), Error: evil, Fix: evil}}}
		for id := range in.Checks {
			r := posture.Result{ID: posture.ID(id, of), Check: id, Resource: of, Verdict: posture.Fail, Severity: posture.Critical, Reason: evil}
			r.Evidence = []posture.Evidence{{Path: evil, Value: strings.Repeat(evil, 50)}}
			r.Fix = &posture.Fix{Commands: []string{strings.Repeat("a ", 1000)}, Text: evil, Link: "http://" + evil}
			c.Results = append(c.Results, r)
		}
		in.Clusters = append(in.Clusters, c)
		in.Upgrades = append(in.Upgrades, posture.Upgrade{Resource: of, Actions: []posture.Action{{What: evil, Why: strings.Repeat(evil, 99)}}})
		in.Rotations = append(in.Rotations, posture.Rotation{Resource: of, State: evil, Next: evil, Left: []string{evil}})
	}
	m, err := report.Write(in, report.Audience{Name: "all"}, true)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, p := range m.Pictures {
		ids = append(ids, p.Name)
	}
	for _, e := range clients.Check(m.HTML, ids...) {
		t.Error(e)
	}
	if !strings.Contains(string(m.HTML), " more clusters, in the attached files") || !strings.Contains(string(m.HTML), "You may have this mail already") {
		t.Error("it does not say what was cut, or that it may be a repeat")
	}
	for _, no := range []string{"<img src=x", "\u202e", "\nBcc:"} {
		if strings.Contains(string(m.HTML), no) || no != "<img src=x" && strings.Contains(m.Text, no) {
			t.Errorf("%q is there as it stands", no)
		}
	}
	size := 0
	for _, p := range m.Attached {
		size += len(p.Data)
	}
	if size > 10<<20 {
		t.Errorf("%d bytes are attached", size)
	}
}

func TestSettings(t *testing.T) {
	s, err := report.ReadSettings("s.yaml", []byte(sample.Settings))
	if err != nil || len(s.Reports) != 3 || s.Reports[1].Clusters["team"] != "payments" || s.From.Address != "tiercel@acme.example" {
		t.Fatalf("%+v, %v", s, err)
	}
	for text, want := range map[string]string{
		"":                            "empty",
		"from: a@b.c\n":               "no reports",
		"from: nobody\nreports: []\n": "s.yaml:1:7: \"nobody\" is no mail address",
		"from: a@b.c\nweekly: someday\nreports: []":                                       "s.yaml:2:9: \"someday\" is not of the form",
		"from: a@b.c\nreports:\n  - name: A B\n    to: [a@b.c]\n":                         "s.yaml:3:11: ",
		"from: a@b.c\nreports:\n  - name: a\n    to: [x]\n":                               "s.yaml:4:10: \"x\" is no mail address",
		"from: a@b.c\nreports:\n  - name: a\n    to: []\n":                                "to is empty",
		"from: a@b.c\nreports:\n  - name: a\n    too: [a@b.c]\n":                          "s.yaml:4:5: unknown key",
		"from: a@b.c\nreports:\n  - {name: a, to: [a@b.c]}\n  - {name: a, to: [a@b.c]}\n": "another report has the name",
		"from: a@b.c\nreports:\n  - {name: a, to: [a@b.c], namespaces: ['[']}\n":          "is no pattern",
		"from: a@b.c\nweekly: friday 25:00\nreports:\n  - {name: a, to: [a@b.c]}\n":       "is not of the form",
	} {
		if _, err := report.ReadSettings("s.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestWeekly(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	w := report.Weekly{Day: time.Monday, Hour: 7, Zone: berlin}
	for now, want := range map[string]string{
		"2026-10-26T05:59:59Z": "2026-10-19T05:00:00Z", "2026-10-26T06:00:00Z": "2026-10-26T06:00:00Z", // the clocks went back between the two
		"2026-11-01T23:00:00Z": "2026-10-26T06:00:00Z",
	} {
		at, _ := time.Parse(time.RFC3339, now)
		if got := w.Last(at).Format(time.RFC3339); got != want {
			t.Errorf("%s: %s, want %s", now, got, want)
		}
	}
}

// A report that does not come is told once, as an alert and a notice; one that comes after all ends it.
func TestMissedReport(t *testing.T) {
	w := newWorld(t)
	if err := sample.Fill(t.Context(), w.bucket, 0); err != nil {
		t.Fatal(err)
	}
	var alerts []*alert.Alert
	var notices []posture.Notice
	var log bytes.Buffer
	watch := &report.Watch{
		Log: slog.New(slog.NewJSONHandler(&log, nil)), Store: w.bucket, Project: "acme", Now: func() time.Time { return w.now },
		Publish: func(_ context.Context, data []byte, _ map[string]string) error {
			a, err := alert.Unmarshal(data)
			if err == nil {
				err = alert.Validate(a)
			}
			alerts = append(alerts, a)
			return err
		},
		Notify: func(_ context.Context, n posture.Notice) error { notices = append(notices, n); return nil },
	}
	check := func(after time.Duration, want int) {
		t.Helper()
		w.now = sample.Monday(0).Add(after)
		if err := watch.Check(t.Context()); err != nil || len(alerts) != want || len(notices) != want {
			t.Fatalf("after %v: %d alerts, %d notices, %v", after, len(alerts), len(notices), err)
		}
	}
	check(2*time.Hour, 0)
	if said := `"msg":"report checked","missed":`; !strings.Contains(log.String(), said+"false") || strings.Contains(log.String(), said+"true") {
		t.Errorf("the log says %s", &log)
	}
	check(4*time.Hour, 1)
	if !strings.Contains(log.String(), `"msg":"report checked","missed":true`) {
		t.Errorf("the log does not tell of it: %s", &log)
	}
	check(5*time.Hour, 1)
	if alerts[0].GetRule().GetName() != report.MissedRule {
		t.Errorf("%v", alerts[0])
	}
	if err := w.report(report.Request{}); err != nil || len(w.sent) != 3 {
		t.Fatal(err)
	}
	check(6*time.Hour, 1)
	var record struct{ Ended time.Time }
	if w.read("report/missed.json", &record); record.Ended.IsZero() {
		t.Error("it has not ended")
	}
	check(7*24*time.Hour+4*time.Hour, 2)
}
