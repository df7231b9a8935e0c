package harden

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/alert"
	"tiercel.dev/internal/budget"
	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/meter"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/push"
	"tiercel.dev/internal/schedule"
	"tiercel.dev/internal/snapshot"
)

// A Store keeps records. [objects.Bucket] is one; its errors are that package's.
type Store interface {
	Get(ctx context.Context, name string) (objects.Object, error)
	Put(ctx context.Context, name string, data []byte, meta map[string]string, generation int64) (int64, error)
	Delete(ctx context.Context, name string, generation int64) error
}

// Config is what a [Worker] is made of. All but Findings, Now and Log must be set.
type Config struct {
	Store Store
	// Read reads a cluster. What it could not find out is in the snapshot's gaps; errors are [snapshot.ErrNotFound], or the API's
	// own where the cluster itself could not be read.
	Read func(ctx context.Context, r posture.Resource, now time.Time) (*snapshot.Snapshot, error)
	// Judge comes to the verdicts.
	Judge Judge
	// Findings is nil where there is no organization to hold them; Budget is that of all who write findings.
	Findings Findings
	Budget   *budget.Budget
	Now      func() time.Time // default time.Now
	Log      *slog.Logger     // default slog.Default()
}

// A Judge comes to the verdicts of all checks in force about one cluster.
type Judge interface {
	// Judge returns the record without its run. It decides on the snapshot and on nothing else but exceptions, which are the
	// bucket's; an error means that these or the checks could not be read, and then nothing is decided.
	Judge(ctx context.Context, s *snapshot.Snapshot) (*posture.Cluster, error)
	// Check is the check of that id in force, false if there is none.
	Check(ctx context.Context, id string) (posture.Check, bool, error)
}

// A Worker is safe for concurrent use, in any number of processes over one store.
type Worker struct{ cfg Config }

// New makes no request.
func New(cfg Config) *Worker {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Worker{cfg}
}

// patience is for how long after a run's time what may pass is waited for. Then what is not known is UNKNOWN: a record that says so
// is worth more to the report than none.
const patience = time.Hour

// Handle does one job. Errors: [fault.ErrPoison] for what is none, [fault.ErrQuota] where a service asks for patience, or such as
// may pass.
func (w *Worker) Handle(ctx context.Context, m push.Message) error {
	job, err := schedule.ReadJob(m, schedule.Harden)
	if err != nil {
		return err
	}
	record, err := w.record(ctx, job)
	if err == nil {
		err = w.settle(ctx, job, record)
	}
	if err != nil {
		return fmt.Errorf("run %s: %s: %w", job.Run, job.Resource.ClusterName(), err)
	}
	return nil
}

// record is what the run came to, by whomever.
func (w *Worker) record(ctx context.Context, job schedule.Job) (*posture.Cluster, error) {
	record, err := w.kept(ctx, job.Run, job.Resource)
	if !errors.Is(err, objects.ErrNotFound) {
		return record, err
	}
	if record, err = w.judge(ctx, job); err != nil {
		return nil, err
	}
	record.Form = posture.ClusterVersion
	data, err := json.Marshal(record)
	if err != nil {
		return nil, err
	}
	_, err = w.cfg.Store.Put(ctx, schedule.Harden.Record(job.Run, job.Resource), data, nil, 0)
	if errors.Is(err, objects.ErrConflict) {
		return w.kept(ctx, job.Run, job.Resource)
	}
	if err == nil {
		counted(ctx, record)
	}
	return record, err
}

// counted counts what a run came to, once for each cluster: of a job that is delivered again the record is there.
func counted(ctx context.Context, record *posture.Cluster) {
	result := "complete"
	switch {
	case record.Gone:
		result = "gone"
	case !record.Complete():
		result = "incomplete"
	}
	meter.Add(ctx, meter.Checked, 1, result)
	for _, r := range record.Results {
		meter.Add(ctx, meter.Verdicts, 1, string(r.Verdict))
	}
}

// kept reads the record of a run.
func (w *Worker) kept(ctx context.Context, run schedule.Run, r posture.Resource) (*posture.Cluster, error) {
	o, err := w.cfg.Store.Get(ctx, schedule.Harden.Record(run, r))
	if err != nil {
		return nil, err
	}
	record := new(posture.Cluster)
	if err := o.ExpectForm(posture.ClusterVersion, record); err != nil {
		return nil, err
	}
	return record, nil
}

// judge looks at the cluster.
func (w *Worker) judge(ctx context.Context, job schedule.Job) (*posture.Cluster, error) {
	now := w.cfg.Now()
	s, err := w.cfg.Read(ctx, job.Resource, now)
	if errors.Is(err, snapshot.ErrNotFound) {
		return &posture.Cluster{Run: job.Run.Time().Format(time.RFC3339), Time: now.UTC(), Resource: job.Resource, Gone: true}, nil
	}
	if err != nil {
		s = snapshot.Unread(job.Resource, now, err)
	}
	if gap := passing(s.Gaps); gap != nil && now.Sub(job.Run.Time()) < patience {
		return nil, later(gap, err)
	}
	for _, g := range s.Gaps {
		w.cfg.Log.WarnContext(ctx, "not read", "cluster", job.Resource.ClusterName(), "part", alert.Escape(g.Part), "call", g.Call, "err", alert.Escape(g.Error))
	}
	record, err := w.cfg.Judge.Judge(ctx, s)
	if err != nil {
		return nil, err
	}
	record.Run = job.Run.Time().Format(time.RFC3339)
	w.tellFailed(ctx, record)
	bound(record)
	return record, nil
}

// passing is a gap that another try may fill, nil if there is none.
func passing(gaps []posture.Gap) *posture.Gap {
	for i := range gaps {
		if gaps[i].Passing {
			return &gaps[i]
		}
	}
	return nil
}

// later has the job done again, after a while if it was a quota.
func later(gap *posture.Gap, err error) error {
	again := fmt.Errorf("%s: %s: %s", gap.Part, gap.Call, gap.Error)
	if err != nil && status.Code(err) != codes.ResourceExhausted {
		return again
	}
	return fault.Quota(again)
}
