package harden

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/protobuf/proto"

	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/scc"
	"tiercel.dev/internal/schedule"
)

// Findings are written to; [scc.Writer] does, and errors are its. Each method may be called twice with the same arguments.
type Findings interface {
	// Create writes a finding of which nobody knows that it is there, Change one that was written, with its state if that may be
	// another, and End sets one inactive.
	Create(ctx context.Context, id string, f *pb.Finding) error
	Change(ctx context.Context, id string, f *pb.Finding, state bool) error
	End(ctx context.Context, id string, f *pb.Finding) error
}

var _ Findings = (*scc.Writer)(nil)

const (
	// writers write findings of one cluster at once.
	writers = 4
	// keepTimeout bounds the note of what was written, which is made even if the job's time is up.
	keepTimeout = 10 * time.Second
)

// settle brings the cluster's findings in line with the latest run's record, which may be of a later run than the job's: an old
// job that comes late must not undo what a newer one did.
func (w *Worker) settle(ctx context.Context, job schedule.Job, record *posture.Cluster) error {
	if w.cfg.Findings == nil {
		return nil
	}
	list, err := w.open(ctx, job.Resource)
	if err != nil {
		return err
	}
	if job.Run.Before(list.Run) {
		if record, err = w.kept(ctx, list.Run, job.Resource); err != nil {
			return fmt.Errorf("the later run %s: %w", list.Run, err)
		}
	} else {
		list.Run = job.Run
	}
	checks, err := w.checks(ctx, record)
	if err != nil {
		return err
	}
	changes, was := plan(record, checks, list), list.before()
	list.intend(changes)
	if err := w.keep(ctx, job.Resource, list, record.Gone); err != nil {
		return beside(err)
	}
	if len(changes) == 0 {
		return nil
	}
	failed := w.write(ctx, changes, was, list)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTimeout)
	defer cancel()
	err = w.keep(ctx, job.Resource, list, record.Gone)
	if errors.Is(err, objects.ErrConflict) {
		err = errors.Join(beside(err), w.distrust(ctx, job.Resource, changes))
	}
	return errors.Join(failed, err)
}

// beside names why a list has changed. The delivery is made again, and finds what the other has done.
func beside(err error) error {
	if errors.Is(err, objects.ErrConflict) {
		return fmt.Errorf("another worker has the same cluster: %w", err)
	}
	return err
}

// checks are those that the record's results are of, as far as they are in force.
func (w *Worker) checks(ctx context.Context, record *posture.Cluster) (map[string]posture.Check, error) {
	all := map[string]posture.Check{}
	for _, r := range record.Results {
		if _, ok := all[r.Check]; ok {
			continue
		}
		check, ok, err := w.cfg.Judge.Check(ctx, r.Check)
		if err != nil {
			return nil, err
		}
		if ok {
			all[r.Check] = check
		}
	}
	return all, nil
}

// write makes the changes that the budget allows, and notes in the list what was made. That the service asks for patience ends it;
// that one finding is refused keeps no other from being written.
func (w *Worker) write(ctx context.Context, changes []change, was map[string]Standing, list *Open) error {
	var (
		all  sync.WaitGroup
		free = make(chan struct{}, writers)
		mu   sync.Mutex
		errs []error
		over bool
	)
	for i, c := range changes {
		free <- struct{}{}
		mu.Lock()
		ended := over || ctx.Err() != nil
		mu.Unlock()
		if ended {
			break
		}
		if !w.cfg.Budget.Allow(ctx, w.cfg.Now(), c.urgent()) {
			mu.Lock()
			errs = append(errs, fault.Quota(fmt.Errorf("%d findings wait for the next minute's budget", len(changes)-i)))
			mu.Unlock()
			break
		}
		all.Go(func() {
			defer func() { <-free }()
			standing, stood := was[c.id]
			err := w.writeOne(ctx, c, standing, stood)
			mu.Lock()
			defer mu.Unlock()
			poison := errors.Is(err, fault.ErrPoison)
			if poison {
				w.cfg.Log.ErrorContext(ctx, "finding refused", "finding", c.id, "check", c.what.Check.ID, "err", err)
			} else if err != nil {
				errs, over = append(errs, err), over || errors.Is(err, fault.ErrQuota)
				return
			}
			list.done(c, poison)
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func (w *Worker) writeOne(ctx context.Context, c change, was Standing, stood bool) error {
	now := w.cfg.Now()
	var f *pb.Finding
	var err error
	switch {
	case c.end != "":
		f = scc.PostureEnd(c.what, c.end, now)
		err = w.cfg.Findings.End(ctx, c.id, f)
	case !stood || was.Hash == "": // one that was only meant to be written is seldom there: a write with a mask would take two calls
		f = scc.PostureFinding(c.what, now)
		err = w.cfg.Findings.Create(ctx, c.id, f)
	default:
		f = scc.PostureFinding(c.what, now)
		err = w.cfg.Findings.Change(ctx, c.id, f, was.Refused)
	}
	w.cfg.Budget.Spent(proto.Size(f))
	if errors.Is(err, fault.ErrQuota) {
		w.cfg.Budget.Wait(now, scc.RetryDelay(err))
	}
	return err
}

// distrust is for a worker that was overtaken while it wrote: nobody knows whose write was the last, so all of them are written
// again by whoever comes next.
func (w *Worker) distrust(ctx context.Context, r posture.Resource, changes []change) error {
	for {
		list, err := w.open(ctx, r)
		if err != nil {
			return err
		}
		list.intend(changes)
		if err := w.keep(ctx, r, list, false); !errors.Is(err, objects.ErrConflict) {
			return err
		}
	}
}
