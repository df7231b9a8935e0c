package report

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"tiercel.dev/alert"
	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/scc"
)

// Findings are written to; [scc.Writer] does, and errors are its. The method may be called twice with the same arguments.
type Findings interface {
	Create(ctx context.Context, id string, f *pb.Finding) error
}

// A Watch notices a report that did not come. It is another function than the one that sends: what keeps that one from working
// must not keep this one from noticing.
type Watch struct {
	Store   Store
	Project string // whose Tiercel it is
	// Publish sends an alert to the topic of enriched alerts.
	Publish  func(ctx context.Context, data []byte, attributes map[string]string) error
	Findings Findings                                    // nil where there is no organization to hold them
	Notify   func(context.Context, posture.Notice) error // nil where there is no mail
	Now      func() time.Time
	Log      *slog.Logger
}

// lateAfter is how long after its time a report may come: until then it waits for its run, and for its mail server.
const lateAfter = patience + time.Hour

// MissedRule is the rule of the alert. internal/scc knows the same name.
const MissedRule = "tiercel_report_missed"

const missedName = "report/missed.json"

// missedVersion is of the record's form.
const missedVersion = 1

// A missed is the record of the last report that did not come.
type missed struct {
	Version int       `json:"version"`
	Due     time.Time `json:"due"`
	Since   time.Time `json:"since"`          // when it was noticed
	Ended   time.Time `json:"ended,omitzero"` // when it was seen to have come after all, or the next one
	Alerted bool      `json:"alerted"`
	Written bool      `json:"written"` // the finding says what this says
	Noticed bool      `json:"noticed"`
}

// Check looks whether the report that is due has come, and tells if not. What is to be told stands in the record first.
func (w *Watch) Check(ctx context.Context) error {
	now := w.Now().UTC()
	last, expected := LastReport(ctx, w.Store, now)
	if last.Nobody {
		return nil
	}
	m, generation, read := w.read(ctx)
	err := errors.Join(expected, read)
	if err != nil {
		return err
	}
	w.Log.InfoContext(ctx, "report checked", "missed", last.Missed) // infra/alerts.tf counts it
	if !m.next(now, last) && m.told() {
		return nil
	}
	if generation, err = w.put(ctx, m, generation); err != nil {
		return err
	}
	failed := w.tell(ctx, m, now)
	_, err = w.put(ctx, m, generation)
	return errors.Join(failed, err)
}

// next brings the record up to what is seen, and reports whether it has changed.
func (m *missed) next(now time.Time, last Sending) bool {
	switch {
	case last.Missed && !m.Due.Equal(last.Due):
		*m = missed{Due: last.Due, Since: now}
	case (last.Made || last.Nothing) && !m.Since.IsZero() && m.Ended.IsZero():
		m.Ended, m.Written = now, false
	default:
		return false
	}
	return true
}

// told reports whether there is nothing to tell.
func (m *missed) told() bool { return m.Since.IsZero() || m.Alerted && m.Written && m.Noticed }

func (w *Watch) read(ctx context.Context) (*missed, int64, error) {
	m := new(missed)
	o, err := w.Store.Get(ctx, missedName)
	if errors.Is(err, objects.ErrNotFound) {
		return m, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	if err := o.Read(missedVersion, m); err != nil {
		return nil, 0, err
	}
	return m, o.Generation, nil
}

func (w *Watch) put(ctx context.Context, m *missed, generation int64) (int64, error) {
	m.Version = missedVersion
	data, err := json.Marshal(m)
	if err != nil {
		return 0, err
	}
	return w.Store.Put(ctx, missedName, data, nil, generation)
}

// tell tells what was not told; the one goes on without the other. The mail comes last, since it is what most likely does not work.
func (w *Watch) tell(ctx context.Context, m *missed, now time.Time) error {
	var published, written, noticed error
	a := m.alert(w.Project)
	if !m.Alerted {
		var data []byte
		if data, published = alert.Marshal(a, alert.EncodingJSON); published == nil {
			published = w.Publish(ctx, data, alert.Attributes(a))
		}
		m.Alerted = published == nil
	}
	if !m.Written {
		if w.Findings != nil {
			written = w.Findings.Create(ctx, scc.ID(a), m.finding(a, now))
		}
		m.Written = written == nil
	}
	if !m.Noticed {
		if w.Notify != nil {
			noticed = w.Notify(ctx, m.notice(w.Project))
		}
		m.Noticed = noticed == nil || errors.Is(noticed, fault.ErrPoison)
	}
	return errors.Join(published, written, noticed)
}

const (
	missedTitle = "Report did not come"
	missedSteps = "1. The log of SendReport says why: settings that cannot be read, a mail server that refuses, a function that is not called.\n" +
		"2. Cloud Scheduler's job for it: is it enabled, and what did its last calls come to?\n" +
		"3. tiercel report --preview --bucket B shows the report without sending it."
)

func (m *missed) text() string {
	return "The report of " + m.Due.Format("2 Jan 2006 15:04 UTC") + " has not been sent. Until it is, nobody is told of what it would say."
}

func (m *missed) alert(project string) *alert.Alert {
	at := alert.Time(m.Since.UnixNano())
	a := &alert.Alert{
		Schema: alert.Schema, Kind: alert.KindAlert, SensorId: "tiercel-report", Seq: 1, Time: at, ObservedTime: at, Severity: alert.Medium,
		Rule: &alert.Rule{
			Name: MissedRule, Title: missedTitle, Tags: []string{"report"},
			Description: "The report of hardening was not sent at its time. Findings stand in Security Command Center all the same.",
		},
		Output: m.text(), Cluster: &alert.Cluster{Project: project},
		Enrichment: &alert.Enrichment{Time: at, Verification: alert.Verified, NextSteps: missedSteps},
	}
	a.Identity = alert.Identity(a)
	a.BootId = alert.ID(project, "report", uint64(m.Due.Unix()))
	a.AlertId = alert.ID(a.SensorId, a.BootId, a.Seq)
	alert.Fit(a)
	return a
}

func (m *missed) finding(a *alert.Alert, now time.Time) *pb.Finding {
	f := scc.Finding(a, scc.Counted{Events: 1, First: m.Since, Last: m.Since}, now)
	if !m.Ended.IsZero() {
		f.State, f.EventTime = pb.Finding_INACTIVE, timestamppb.New(m.Ended)
	}
	return f
}

func (m *missed) notice(project string) posture.Notice {
	return posture.Notice{
		Key: "report-missed-" + m.Due.Format("20060102T150405Z"), Time: m.Since, Subject: "the report did not come", Severity: posture.Medium,
		Resource: posture.Resource{Project: project}, Text: m.text() + "\n\n" + missedSteps,
	}
}
