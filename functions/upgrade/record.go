package upgrade

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
)

// A Store keeps records. [objects.Bucket] is one; its errors are that package's.
type Store interface {
	Get(ctx context.Context, name string) (objects.Object, error)
	Put(ctx context.Context, name string, data []byte, meta map[string]string, generation int64) (int64, error)
	Delete(ctx context.Context, name string, generation int64) error
}

// Prefix stands before the names of all objects of this package. Below it, notifications/ has what GKE has notified of.
const Prefix = "upgrade/"

// Name is the object that holds a cluster's record, upgrade/P/L/C.json, which is a [posture.Upgrade] and more.
func Name(r posture.Resource) string {
	return Prefix + r.Project + "/" + r.Location + "/" + r.Cluster + ".json"
}

// recordVersion is of the record's form.
const recordVersion = 1

// A Record is what is known of a cluster's upgrades, and what was told and done about them.
type Record struct {
	posture.Upgrade
	Version int `json:"version"`
	// Doing is under way, and Done what was before, the last first.
	Doing *Doing  `json:"doing,omitempty"`
	Done  []Doing `json:"done,omitempty"`
	Lines []*Line `json:"lines,omitempty"`
}

// maxDone bounds what is kept of what was done.
const maxDone = 20

// close ends what is under way. What never began is forgotten, and may be tried again.
func (r *Record) close() {
	if !r.Doing.Ended.IsZero() {
		r.Done = append([]Doing{*r.Doing}, r.Done...)
		r.Done = r.Done[:min(len(r.Done), maxDone)]
	}
	r.Doing = nil
}

// kept is a record as it stands in the store.
type kept struct {
	*Record
	name       string
	generation int64
}

func (w *Worker) read(ctx context.Context, r posture.Resource) (kept, error) {
	k := kept{Record: new(Record), name: Name(r)}
	o, err := w.cfg.Store.Get(ctx, k.name)
	if errors.Is(err, objects.ErrNotFound) {
		return k, nil
	}
	if err != nil {
		return k, err
	}
	if err := o.Read(recordVersion, k.Record); err != nil {
		return k, err
	}
	k.generation = o.Generation
	return k, nil
}

// keep writes the record, unless another worker has meanwhile: then this one's view is old.
func (w *Worker) keep(ctx context.Context, k *kept) error {
	k.Version = recordVersion
	data, err := json.Marshal(k.Record)
	if err != nil {
		return err
	}
	generation, err := w.cfg.Store.Put(ctx, k.name, data, nil, k.generation)
	if errors.Is(err, objects.ErrConflict) {
		return fmt.Errorf("another worker has the same cluster: %w", err)
	}
	if err == nil {
		k.generation = generation
	}
	return err
}
