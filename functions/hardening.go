package functions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"tiercel.dev/alert"
	"tiercel.dev/functions/dispatch"
	"tiercel.dev/functions/harden"
	"tiercel.dev/internal/push"
	"tiercel.dev/internal/schedule"
	"tiercel.dev/internal/topic"
)

// workTimeout bounds a job: a function that events call ends after nine minutes.
const workTimeout = 8*time.Minute + 30*time.Second

// newBeginning makes the scheduled handler that begins runs.
func newBeginning(ctx context.Context, s Settings, e Endpoints, log *slog.Logger) (http.Handler, error) {
	if s.WorkTopic == "" {
		return nil, errors.New("TIERCEL_WORK_TOPIC is not set")
	}
	c, err := newShared(ctx, s, e)
	if err != nil {
		return nil, err
	}
	reading, err := NewReading(ctx, e)
	if err != nil {
		return nil, err
	}
	d := dispatch.New(dispatch.Config{
		Store: c.bucket, Inventory: reading.Inventory(s.Scopes), Open: map[schedule.Work]string{schedule.Harden: harden.OpenRoot},
		Checks: harden.NewRules(c.bucket).Checks, Publish: topic.New(c.topics, s.WorkTopic).Publish, Now: e.clock(), Log: log,
	})
	return beginning(d.Begin, log), nil
}

// scheduleTime is the header in which Cloud Scheduler says when a call was due, which is the same for a call that it makes again.
// https://cloud.google.com/scheduler/docs/reference/rest/v1/projects.locations.jobs#httptarget
const scheduleTime = "X-CloudScheduler-ScheduleTime"

// maxWork bounds the body of a schedule's call.
const maxWork = 4 << 10

// beginning serves a schedule whose body may say which work is to be done, {"work": ["harden"]}; all without. A call by hand is
// for the present minute.
func beginning(begin func(context.Context, schedule.Run, []schedule.Work) error, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		works, err := worksOf(http.MaxBytesReader(w, r.Body, maxWork))
		if err != nil && r.Method == http.MethodPost {
			log.ErrorContext(r.Context(), "schedule refused", "err", alert.Escape(err.Error()))
			http.Error(w, "the body is no {\"work\": [...]}: see the log", http.StatusBadRequest)
			return
		}
		run := schedule.RunAt(time.Now().Truncate(time.Minute))
		if due, err := time.Parse(time.RFC3339, r.Header.Get(scheduleTime)); err == nil {
			run = schedule.RunAt(due)
		}
		scheduled(func(ctx context.Context) error { return begin(ctx, run, works) }, log).ServeHTTP(w, r)
	})
}

func worksOf(body io.Reader) ([]schedule.Work, error) {
	var asked struct {
		Work []schedule.Work `json:"work"`
	}
	err := json.NewDecoder(body).Decode(&asked)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	for _, work := range asked.Work {
		if !slices.Contains(schedule.Works, work) {
			return nil, fmt.Errorf("work %q is none of %v", work, schedule.Works)
		}
	}
	if len(asked.Work) == 0 {
		return schedule.Works, nil
	}
	return asked.Work, nil
}

// newHardening makes the handler that checks one cluster.
func newHardening(ctx context.Context, s Settings, e Endpoints, log *slog.Logger) (http.Handler, error) {
	c, err := newShared(ctx, s, e)
	if err != nil {
		return nil, err
	}
	if e, err = e.withSecrets(ctx, s.TokensAccount); err != nil {
		return nil, err
	}
	reading, err := NewReading(ctx, e)
	if err != nil {
		return nil, err
	}
	cfg := harden.Config{
		Store: c.bucket, Read: reading.Read, Judge: harden.NewRules(c.bucket), Now: e.clock(), Log: log,
		Budget: c.budget(log),
	}
	if c.findings != nil {
		cfg.Findings = c.findings
	}
	return push.Handler(push.Config{
		Step: harden.New(cfg).Handle, Quarantine: c.quarantine().Quarantine, Timeout: workTimeout, Log: log,
	}), nil
}
