package dispatch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"tiercel.dev/internal/meter"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/schedule"
)

// A Store keeps manifests. [objects.Bucket] is one; its errors are that package's.
type Store interface {
	Get(ctx context.Context, name string) (objects.Object, error)
	Put(ctx context.Context, name string, data []byte, meta map[string]string, generation int64) (int64, error)
	List(ctx context.Context, prefix string) iter.Seq2[objects.Object, error]
}

// Config is what a [Dispatcher] is made of. All but Open, Now and Log must be set.
type Config struct {
	Store Store
	// Inventory finds the clusters.
	Inventory *Inventory
	// Open is the prefix of the objects that a work keeps of each cluster, by which a cluster that is gone is known; none for a
	// work that has nothing to take back.
	Open map[schedule.Work]string
	// Checks are those in force, which the manifest of a hardening run names.
	Checks func(context.Context) ([]posture.Check, error)
	// Publish gives a job to the workers.
	Publish func(ctx context.Context, data []byte, attributes map[string]string) error
	Now     func() time.Time // default time.Now
	Log     *slog.Logger     // default slog.Default()
}

// A Dispatcher is safe for concurrent use, in any number of processes over one store.
type Dispatcher struct{ cfg Config }

// New makes no request.
func New(cfg Config) *Dispatcher {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	return &Dispatcher{cfg}
}

// publishers publish jobs at once; those of one moment go as one request.
const publishers = 200

// Begin begins a run of some kinds of work, or goes on with one that was begun. What could not be listed is in the manifest, and is
// no error.
func (d *Dispatcher) Begin(ctx context.Context, run schedule.Run, works []schedule.Work) error {
	var seen *Census // listed once for all kinds
	var errs []error
	for _, work := range works {
		m, generation, err := d.manifest(ctx, run, work, &seen)
		if err == nil && m.Given.IsZero() {
			err = d.give(ctx, m, generation)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("run %s: %s: %w", run, work, err))
		}
	}
	return errors.Join(errs...)
}

// manifest is what the run expects: as somebody wrote it, else as it is now.
func (d *Dispatcher) manifest(ctx context.Context, run schedule.Run, work schedule.Work, seen **Census) (*schedule.Manifest, int64, error) {
	name := work.Manifest(run)
	o, err := d.cfg.Store.Get(ctx, name)
	if errors.Is(err, objects.ErrNotFound) {
		var m *schedule.Manifest
		if m, err = d.take(ctx, run, work, seen); err != nil {
			return nil, 0, err
		}
		var generation int64
		if generation, err = d.put(ctx, m, 0); err == nil {
			return m, generation, nil
		}
		if errors.Is(err, objects.ErrConflict) {
			o, err = d.cfg.Store.Get(ctx, name)
		}
	}
	if err != nil {
		return nil, 0, err
	}
	m, err := schedule.ReadManifest(o)
	return m, o.Generation, err
}

// take lists the clusters.
func (d *Dispatcher) take(ctx context.Context, run schedule.Run, work schedule.Work, seen **Census) (*schedule.Manifest, error) {
	known, err := d.known(ctx, work)
	if err != nil {
		return nil, err
	}
	if *seen == nil {
		if *seen, err = d.cfg.Inventory.Look(ctx); err != nil {
			return nil, err
		}
	}
	m := &schedule.Manifest{Run: run, Work: work, Time: d.cfg.Now().UTC(), Clusters: (*seen).Clusters, Gaps: (*seen).Gaps}
	if work == schedule.Harden {
		if m.Checks, err = d.cfg.Checks(ctx); err != nil {
			return nil, err
		}
	}
	for _, r := range known {
		gone, err := d.cfg.Inventory.gone(ctx, r)
		if err != nil {
			d.cfg.Log.WarnContext(ctx, "what is open of a cluster stays: nobody knows whether it is there", "cluster", r.ClusterName(), "err", err)
		}
		if gone {
			m.Gone = append(m.Gone, r)
		}
	}
	for _, g := range m.Gaps {
		d.cfg.Log.ErrorContext(ctx, "clusters not listed", "part", g.Part, "call", g.Call, "err", g.Error)
	}
	return m, nil
}

// known are the clusters that the work keeps something of.
func (d *Dispatcher) known(ctx context.Context, work schedule.Work) (all []posture.Resource, err error) {
	root := d.cfg.Open[work]
	if root == "" {
		return nil, nil
	}
	for o, err := range d.cfg.Store.List(ctx, root) {
		if err != nil {
			return nil, err
		}
		if r, ok := schedule.Cluster(o.Name[len(root):]); ok {
			all = append(all, r)
		}
	}
	return all, nil
}

// give publishes a job for each cluster, and then notes that.
func (d *Dispatcher) give(ctx context.Context, m *schedule.Manifest, generation int64) error {
	group, publishing := errgroup.WithContext(ctx)
	group.SetLimit(publishers)
	for _, list := range [][]posture.Resource{m.Clusters, m.Gone} {
		for _, r := range list {
			group.Go(func() error {
				data, attributes, err := schedule.Job{Work: m.Work, Run: m.Run, Resource: r}.Message()
				if err != nil {
					return err
				}
				if err := d.cfg.Publish(publishing, data, attributes); err != nil {
					return err
				}
				meter.Add(ctx, meter.Jobs, 1, string(m.Work))
				return nil
			})
		}
	}
	if err := group.Wait(); err != nil {
		return err
	}
	m.Given = d.cfg.Now().UTC()
	_, err := d.put(ctx, m, generation)
	if errors.Is(err, objects.ErrConflict) {
		return nil // another call has given the same jobs
	}
	d.cfg.Log.InfoContext(ctx, "jobs given", "run", m.Run.String(), "work", string(m.Work), "clusters", len(m.Clusters), "gone", len(m.Gone), "gaps", len(m.Gaps))
	return err
}

func (d *Dispatcher) put(ctx context.Context, m *schedule.Manifest, generation int64) (int64, error) {
	m.Version = schedule.ManifestVersion
	data, err := json.Marshal(m)
	if err != nil {
		return 0, err
	}
	return d.cfg.Store.Put(ctx, m.Work.Manifest(m.Run), data, nil, generation)
}
