package check

import (
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"

	"tiercel.dev/internal/posture"
	"tiercel.dev/rules/source"
)

func exceptions(t testing.TB, text string) *Exceptions {
	t.Helper()
	e, err := LoadExceptions(source.File{Name: "exceptions.yaml", Data: []byte(text)})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

const answered = ", reason: because, owner: o@example.com, until: 2026-11-30}"

func TestExceptions(t *testing.T) {
	s := with(t, onBindings)
	w := GKE(testCluster, &pb.Cluster{Name: "c"})
	w.Sets["binding"] = bindings("bad1")
	for text, want := range map[string]posture.Verdict{
		"{check: X-1":                             posture.Excepted,
		"{check: X-*":                             posture.Excepted,
		"{check: X":                               posture.Fail,
		"{check: '*', cluster: c, project: p":     posture.Excepted,
		"{check: '*', cluster: d":                 posture.Fail,
		"{check: '*', project: q*":                posture.Fail,
		"{check: '*', location: europe-*":         posture.Excepted,
		"{check: '*', namespace: '?*'":            posture.Fail,
		"{check: '*', pool: '?*'":                 posture.Fail,
		"{check: '*', resource: ClusterRole*bad?": posture.Excepted,
		"{check: '*', resource: bad1":             posture.Fail,
	} {
		got := Judge(t.Context(), w, s, exceptions(t, "exceptions:\n  - "+text+answered), testNow)[0]
		if got.Verdict != want || (got.Exception != nil) != (want == posture.Excepted) || got.Severity != posture.Low || got.Fix == nil {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

// An exception holds with its last day, and then the failure says that it has ended.
func TestExceptionEnds(t *testing.T) {
	e := exceptions(t, "exceptions:\n  - {check: X-1"+answered+"\n  - {check: X-1, reason: r, owner: earlier, until: 2026-01-01}")
	s := with(t, "verdicts:\n  - {warn: otherwise, because: x}")
	w := GKE(testCluster, &pb.Cluster{})
	at := func(now time.Time) posture.Result { return Judge(t.Context(), w, s, e, now)[0] }
	end := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	if got := at(end.Add(-time.Second)); got.Verdict != posture.Excepted || got.Exception.Owner != "o@example.com" {
		t.Errorf("%+v", got)
	}
	if got := at(end); got.Verdict != posture.Warn || got.Exception != nil || !strings.HasSuffix(got.Reason, "exception ended: that of o@example.com was until 2026-11-30") {
		t.Errorf("%+v", got)
	}
}

// Nobody can answer for what nobody knows, nor for what is in order.
func TestExceptionsAreForFailures(t *testing.T) {
	e := exceptions(t, "exceptions:\n  - {check: '*'"+answered)
	for lines, want := range map[string]posture.Verdict{
		"verdicts:\n  - {fail: size(operations) > 0, because: x}\n  - {pass: otherwise, because: x}": posture.Unknown,
		"verdicts:\n  - {pass: otherwise, because: x}":                                               posture.Pass,
	} {
		if got := Judge(t.Context(), GKE(testCluster, &pb.Cluster{}), with(t, lines), e, testNow)[0]; got.Verdict != want || got.Exception != nil {
			t.Errorf("%+v", got)
		}
	}
}

func TestExceptionsErrorsSayWhere(t *testing.T) {
	for text, want := range map[string]string{
		"exceptions:\n  - {check: X, owner: o, until: 2026-11-30}":            "exceptions.yaml:2:5: the exception has no reason",
		"exceptions:\n  - {reason: r, owner: o, until: 2026-11-30}":           "the exception has no check",
		"exceptions:\n  - {check: X, reason: r, owner: o, until: tomorrow}":   "exceptions.yaml:2:44: until is a day",
		"exceptions:\n  - {check: X, reason: r, owner: o, until: 2026-02-30}": "until is a day",
		"exceptions:\n  - {check: X, reason: r, until: 2026-11-30}":           "has no owner",
		"exceptions:\n  - {chek: X, reason: r, owner: o, until: 2026-11-30}":  "unknown key \"chek\"",
		"checks: []":     "unknown key",
		"":               "the file is empty",
		"exceptions: {}": "exceptions is a list",
	} {
		if _, err := LoadExceptions(source.File{Name: "exceptions.yaml", Data: []byte(text)}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n%v, want %s", text, err, want)
		}
	}
}
