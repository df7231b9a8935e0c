package harden

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/schedule"
)

// OpenRoot is the prefix of the lists of findings that are open, one for each cluster: OpenRoot + PROJECT/LOCATION/CLUSTER.json.
const OpenRoot = "harden/open/"

// openVersion is of the lists' form.
const openVersion = 1

// Open are the findings of a cluster that Security Command Center has as active, or may have.
type Open struct {
	Version  int                  `json:"version"`
	Run      schedule.Run         `json:"run"` // the latest whose record was heeded
	Findings map[string]*Standing `json:"findings"`

	generation int64
}

// A Standing is one finding.
type Standing struct {
	Check    string           `json:"check"`
	Category string           `json:"category"`
	Resource posture.Resource `json:"resource"`
	Since    time.Time        `json:"since"` // when the check was first seen to fail
	// Hash is of what the finding says; "" while nobody knows: a write is under way, or was cut off.
	Hash string `json:"hash,omitempty"`
	// Refused says that Security Command Center would not have it as it is.
	Refused bool `json:"refused,omitempty"`
}

// open reads a cluster's list, an empty one if there is none.
func (w *Worker) open(ctx context.Context, r posture.Resource) (*Open, error) {
	o, err := w.cfg.Store.Get(ctx, OpenRoot+schedule.Object(r))
	if errors.Is(err, objects.ErrNotFound) {
		return &Open{Findings: map[string]*Standing{}}, nil
	}
	if err != nil {
		return nil, err
	}
	list := &Open{generation: o.Generation}
	if err := o.Expect(openVersion, list); err != nil {
		return nil, err
	}
	if list.Findings == nil {
		list.Findings = map[string]*Standing{}
	}
	return list, nil
}

// keep writes a cluster's list if nobody has since it was read; one that says nothing of a cluster that is gone is removed.
func (w *Worker) keep(ctx context.Context, r posture.Resource, list *Open, gone bool) error {
	name := OpenRoot + schedule.Object(r)
	if gone && len(list.Findings) == 0 {
		if list.generation == 0 {
			return nil
		}
		return w.cfg.Store.Delete(ctx, name, list.generation)
	}
	list.Version = openVersion
	data, err := json.Marshal(list)
	if err != nil {
		return err
	}
	generation, err := w.cfg.Store.Put(ctx, name, data, nil, list.generation)
	if err == nil {
		list.generation = generation
	}
	return err
}
