package upgrade

import (
	"context"
	"errors"
	"log/slog"
	"time"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
)

// Findings are written to; [scc.Writer] does, and errors are its. The method may be called twice with the same arguments.
type Findings interface {
	Create(ctx context.Context, id string, f *pb.Finding) error
}

// Config is what a [Worker] is made of. All but Hands, Findings, Policy, Now and Log must be set.
type Config struct {
	Store Store
	GKE   snapshot.GKE
	// Hands carry out what the policy allows; nil: nothing is.
	Hands Hands
	// Policy is the object in the store that says what Tiercel may do. Nothing, without.
	Policy string
	// Publish sends an alert to the topic of enriched alerts.
	Publish func(ctx context.Context, data []byte, attributes map[string]string) error
	// Findings is nil where there is no organization to hold them.
	Findings Findings
	// Notify has a mail sent, once for each key.
	Notify func(context.Context, posture.Notice) error
	Now    func() time.Time // default time.Now
	Log    *slog.Logger     // default slog.Default()
}

// A Worker looks after the upgrades of one cluster at a time. It is safe for concurrent use, in any number of processes over one store:
// of two with the same cluster at once one gives up.
type Worker struct{ cfg Config }

// NewWorker makes no request.
func NewWorker(cfg Config) *Worker {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Worker{cfg}
}

// Handle looks at a cluster, does what is to be done and allowed, notes it, and tells what has changed. It may be called at any time, and
// twice: what is to be called or told stands in the record before, and what came of it after.
func (w *Worker) Handle(ctx context.Context, r posture.Resource) error {
	k, err := w.read(ctx, r)
	if err != nil {
		return err
	}
	now := w.cfg.Now()
	s, err := w.cfg.GKE.Read(ctx, r, now)
	switch {
	case errors.Is(err, snapshot.ErrNotFound):
		return w.gone(ctx, &k, r)
	case err != nil:
		return w.unread(ctx, &k, snapshot.Unread(r, now, err), err)
	}
	w.cfg.GKE.Operations(ctx, s)
	notes, err := w.notes(ctx, r)
	if err != nil {
		return err
	}
	policy, err := w.policy(ctx, r)
	if err != nil {
		return err
	}
	return w.decided(ctx, &k, newDecision(now, s, notes, policy))
}

// decided acts on a decision.
func (w *Worker) decided(ctx context.Context, k *kept, d *decision) error {
	if k.Doing != nil && d.follow(k.Doing) {
		k.close()
	}
	var said string
	if k.Doing == nil && w.cfg.Hands != nil {
		refusal, err := w.act(ctx, k, d)
		if err != nil {
			return err
		}
		said = refusal
	}
	d.show(k.Record, said)
	k.take(d.now, d.problems(k.Record), d.unknown)
	return w.finish(ctx, k, d.s.Resource)
}

// act does the first thing that is to be done and allowed, if there is one. It says why GKE refused, where it did.
func (w *Worker) act(ctx context.Context, k *kept, d *decision) (refusal string, err error) {
	chosen, _ := d.choose(k.Done)
	if chosen == nil {
		return "", nil
	}
	k.Doing = d.asked(*chosen)
	d.show(k.Record, "")
	k.take(d.now, d.problems(k.Record), d.unknown)
	if err := w.keep(ctx, k); err != nil {
		return "", err
	}
	log := w.cfg.Log.With("cluster", d.s.Resource.ClusterName(), "act", k.Doing.Act, "pool", k.Doing.Pool, "to", k.Doing.To)
	o, err := d.call(ctx, w.cfg.Hands, k.Doing, callTimeout-w.cfg.Now().Sub(k.Doing.Asked))
	log.InfoContext(ctx, "asked GKE", "operation", o.GetName(), "err", err)
	if k.Doing.answer(o, err, w.cfg.Now()) {
		if k.Doing.Ended.IsZero() {
			refusal = refused(err)
		}
		k.close()
	}
	if code := status.Code(err); code == codes.PermissionDenied || code == codes.Unauthenticated {
		d.shown.Gaps = append(d.shown.Gaps, posture.Gap{
			Part: "acts", Call: "UpdateCluster", Permission: "container.clusters.update", Error: status.Convert(err).Message(),
			Fix: "grant container.clusters.update to the function's service account, or take the act out of the policy",
		})
	}
	return refusal, nil
}

// finish notes what is known, and then tells it.
func (w *Worker) finish(ctx context.Context, k *kept, r posture.Resource) error {
	if err := w.keep(ctx, k); err != nil {
		return err
	}
	if len(k.pending()) == 0 {
		return nil
	}
	failed := w.tell(ctx, k, r)
	return errors.Join(failed, w.keep(ctx, k))
}

// unread notes that a cluster could not be read. What may pass is tried again first.
func (w *Worker) unread(ctx context.Context, k *kept, s *snapshot.Snapshot, err error) error {
	if s.Gap(snapshot.PartCluster).Passing {
		return err
	}
	k.Upgrade = Decide(s.Time, s, nil, Policy{})
	k.take(s.Time, nil, func(Problem) bool { return true })
	return w.finish(ctx, k, s.Resource)
}

// gone ends all that was told of a cluster that is no more, and forgets it.
func (w *Worker) gone(ctx context.Context, k *kept, r posture.Resource) error {
	if k.generation == 0 {
		return nil
	}
	k.take(w.cfg.Now(), nil, func(Problem) bool { return false })
	if err := w.finish(ctx, k, r); err != nil {
		return err
	}
	if err := w.forgetNotes(ctx, r); err != nil {
		return err
	}
	err := w.cfg.Store.Delete(ctx, k.name, k.generation)
	if errors.Is(err, objects.ErrConflict) {
		return nil // it is there again, and somebody has written about it
	}
	return err
}
