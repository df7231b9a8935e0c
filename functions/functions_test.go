package functions

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tiercel.dev/internal/schedule"
)

func environment(change map[string]string) func(string) string {
	env := map[string]string{
		"TIERCEL_PROJECT": "p", "TIERCEL_ALERTS_TOPIC": "projects/p/topics/a", "TIERCEL_QUARANTINE_TOPIC": "projects/p/topics/q", "TIERCEL_BUCKET": "b",
		"TIERCEL_SCC_SOURCE": "organizations/1/sources/2", "TIERCEL_MAX_INSTANCES": "3", "TIERCEL_POLICY": "where.yaml",
	}
	for name, value := range change {
		env[name] = value
	}
	return func(name string) string { return env[name] }
}

func TestSettings(t *testing.T) {
	want := Settings{
		Project: "p", AlertsTopic: "projects/p/topics/a", QuarantineTopic: "projects/p/topics/q", Bucket: "b",
		Source: "organizations/1/sources/2", MaxInstances: 3, ClusterProjects: []string{"p"}, DaemonSet: "tiercel/tiercel-sensor",
		Policy: "where.yaml", Scopes: []string{"projects/p"},
	}
	got, err := SettingsFrom(environment(nil))
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v; -want +got:\n%s", err, d)
	}
	if got, err := SettingsFrom(environment(map[string]string{"TIERCEL_SCC_SOURCE": "off", "TIERCEL_MAX_INSTANCES": ""})); err != nil || got.Source != "off" || got.MaxInstances != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	got, err = SettingsFrom(environment(map[string]string{"TIERCEL_CLUSTER_PROJECTS": "p, q,r"}))
	if d := cmp.Diff([]string{"p", "q", "r"}, got.ClusterProjects); d != "" || err != nil {
		t.Errorf("%v; -want +got:\n%s", err, d)
	}
}

func TestSettingsErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		change map[string]string
		want   []string
	}{
		"several missing": {map[string]string{"TIERCEL_PROJECT": "", "TIERCEL_BUCKET": ""}, []string{"TIERCEL_PROJECT is not set", "TIERCEL_BUCKET is not set"}},
		"a short topic":   {map[string]string{"TIERCEL_QUARANTINE_TOPIC": "q"}, []string{`TIERCEL_QUARANTINE_TOPIC is "q"`}},
		"a source":        {map[string]string{"TIERCEL_SCC_SOURCE": "2"}, []string{`TIERCEL_SCC_SOURCE is "2"`}},
		"a daemon set":    {map[string]string{"TIERCEL_DAEMONSET": "sensor"}, []string{`TIERCEL_DAEMONSET is "sensor", not NAMESPACE/NAME`}},
		"scopes":          {map[string]string{"TIERCEL_SCOPES": "folders/1,org/2"}, []string{`TIERCEL_SCOPES has "org/2"`}},
		"an address":      {map[string]string{"TIERCEL_APPROVE_URL": "http://x"}, []string{`TIERCEL_APPROVE_URL is "http://x"`}},
		"a mail server":   {map[string]string{"TIERCEL_SMTP": "smtp://x"}, []string{`TIERCEL_SMTP is "smtp://x"`, "TIERCEL_SMTP_PASSWORD is not"}},
		"a topic of work": {map[string]string{"TIERCEL_WORK_TOPIC": "work"}, []string{`TIERCEL_WORK_TOPIC is "work"`}},
		"instances":       {map[string]string{"TIERCEL_MAX_INSTANCES": "0"}, []string{`TIERCEL_MAX_INSTANCES is "0"`}},
	} {
		_, err := SettingsFrom(environment(tt.change))
		for _, want := range tt.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, want %s", name, err, want)
			}
		}
	}
}

// A function that is deployed with a setting missing answers so that Pub/Sub keeps the message, and says why in the log only.
func TestNotConfigured(t *testing.T) {
	var log strings.Builder
	settings := func() (Settings, error) { return SettingsFrom(environment(map[string]string{"TIERCEL_BUCKET": ""})) }
	handlers := Handlers(settings, Endpoints{}, slog.New(LogHandler(&log)))
	for name, h := range handlers {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", strings.NewReader("{}")))
		if w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "BUCKET") {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if len(handlers) == 0 || !strings.Contains(log.String(), `"severity":"ERROR","message":"not configured","err":"TIERCEL_BUCKET is not set"`) {
		t.Errorf("%d handlers; logged %s", len(handlers), log.String())
	}
}

func TestScheduleIsAPost(t *testing.T) {
	h := scheduled(nil, slog.New(slog.DiscardHandler))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("%d", w.Code)
	}
}

// A schedule's call begins the run of the time at which it was due, whenever it comes.
func TestBeginning(t *testing.T) {
	due := schedule.RunAt(time.Date(2026, 1, 5, 6, 0, 0, 0, time.UTC))
	for _, tt := range []struct {
		body, due string
		want      []schedule.Work
		status    int
	}{
		{"", "2026-01-05T06:00:00Z", schedule.Works, http.StatusNoContent},
		{`{"work": ["harden"]}`, "2026-01-05T07:00:00+01:00", schedule.Works[:1], http.StatusNoContent},
		{"{}", "", schedule.Works, http.StatusNoContent},
		{`{"work": ["cook"]}`, "2026-01-05T06:00:00Z", nil, http.StatusBadRequest},
		{"harden", "2026-01-05T06:00:00Z", nil, http.StatusBadRequest},
	} {
		var run schedule.Run
		var works []schedule.Work
		h := beginning(func(_ context.Context, r schedule.Run, w []schedule.Work) error {
			run, works = r, w
			return nil
		}, slog.New(slog.DiscardHandler))
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(tt.body))
		r.Header.Set(scheduleTime, tt.due)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.status || !slices.Equal(works, tt.want) || tt.want != nil && (run == due) != (tt.due != "") {
			t.Errorf("%q, %q: %d, %v, %v", tt.body, tt.due, w.Code, run, works)
		}
	}
}
