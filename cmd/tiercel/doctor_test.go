package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"

	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"

	"tiercel.dev/cmd/tiercel/doctor"
	"tiercel.dev/local"
)

// examined is what the command says of an embedded cloud, and its exit code.
func examined(t *testing.T, address string, flags ...string) (doctor.Report, int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(append([]string{"doctor", "--local", address, "--json"}, flags...), &stdout, &stderr)
	var r doctor.Report
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatalf("exit code %d: %v\n%s%s", code, err, &stdout, &stderr)
	}
	return r, code
}

// The embedded cloud is looked at by the clients and calls that look at a deployment. All is there that it says it has; what its
// simulated clusters' records say is of another time.
func TestDoctorOfTheEmbeddedCloud(t *testing.T) {
	cloud, err := local.Start(local.Config{Sample: true, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer cloud.Close()
	until(t, "the fleet to be looked at, and the scheduled functions to have begun", func() bool {
		posture, _, err := cloud.Posture(t.Context())
		return err == nil && posture != nil && cloud.CheckFleet(t.Context()) == nil && cloud.Flush(t.Context()) == nil
	})
	var r doctor.Report
	var code int
	until(t, "every schedule to have called", func() bool {
		r, code = examined(t, cloud.Calls(), "--test-finding")
		return !slices.ContainsFunc(r.Lines, func(l doctor.Line) bool { return l.Area == "schedules" && l.State != doctor.OK })
	})
	for _, l := range r.Lines {
		if l.State != doctor.OK && l.Area != "records" && l.Area != "sensors" && !strings.Contains(l.Seen, "the oldest for") {
			t.Errorf("%+v", l)
		}
	}
	if n := r.Count(doctor.Fail); (code == 1) != (n > 0) || code > 1 {
		t.Errorf("exit code %d of %d failures", code, n)
	}
	if !slices.ContainsFunc(cloud.Findings(), func(f *sccpb.Finding) bool {
		return f.Category == "Test of Tiercel" && f.State == sccpb.Finding_INACTIVE
	}) {
		t.Error("there is no test finding")
	}
	// No sensor runs: of a roll-out that would be a failure.
	rollout, code := examined(t, cloud.Calls(), "--cluster", "local/local/local", "--sensor-version", "v1.0.0")
	last := slices.IndexFunc(rollout.Lines, func(l doctor.Line) bool { return l.Name == "local/local/local" })
	if code != 1 || last < 0 || rollout.Lines[last].State != doctor.Fail {
		t.Errorf("exit code %d, %+v", code, rollout.Lines)
	}
}

// Where no clusters are looked after nothing of the deployment lacks for that.
func TestDoctorWithoutClusters(t *testing.T) {
	cloud, err := local.Start(local.Config{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer cloud.Close()
	until(t, "the fleet to be looked at", func() bool { return cloud.CheckFleet(t.Context()) == nil })
	r, code := examined(t, cloud.Calls())
	for _, l := range r.Lines {
		if l.State == doctor.Fail || l.State == doctor.Unknown {
			t.Errorf("%+v", l)
		}
	}
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// A table is for terminals, and what stands in it may be anybody's words.
func TestDoctorTable(t *testing.T) {
	r := &doctor.Report{Project: "p", Lines: []doctor.Line{
		{Area: "functions", Name: "tiercel-route", State: doctor.OK, Seen: "ACTIVE"},
		{Area: "functions", Name: "evil\x1b[2J", State: doctor.Fail, Seen: "runs as \x1b]0;title\a\nand more", Do: "gcloud functions describe evil\x1b[2J --project p"},
		{Area: "quota", Name: "pubsub", State: doctor.Unknown, Seen: strings.Repeat("long ", 40), Do: "look again"},
	}}
	var b bytes.Buffer
	if err := doctorTable(&b, r); err != nil {
		t.Fatal(err)
	}
	const want = `functions
  OK        tiercel-route  ACTIVE
  FAIL      evil\x1b[2J  runs as \x1b]0;title\a\nand more
            $ gcloud functions describe evil\x1b[2J --project p
quota
  UNKNOWN   pubsub
`
	if got := b.String(); !strings.HasPrefix(got, want) || !strings.Contains(got, "→ look again\np: 1 FAIL, 1 UNKNOWN, 1 OK\n") {
		t.Errorf("%s", got)
	}
}
