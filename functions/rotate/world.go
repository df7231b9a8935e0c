package rotate

import (
	"context"

	"tiercel.dev/alert"
	"tiercel.dev/internal/posture"
)

// A World is what was to be seen of all clusters from outside.
type World struct {
	Seen map[posture.Resource]Observed
	// Looked are the projects that were looked at, and Unknown why clusters of a project, or of a location (PROJECT/LOCATION), may
	// be missing from Seen. One of which nothing is said is gone.
	Looked  map[string]bool
	Unknown map[string]posture.Gap
}

// of is what was observed of a cluster.
func (w *World) of(r posture.Resource) Observed {
	if o, ok := w.Seen[r]; ok {
		return o
	}
	for _, of := range []string{r.Project + "/" + r.Location, r.Project} {
		if g, ok := w.Unknown[of]; ok {
			return Observed{Unseen: &g}
		}
	}
	if !w.Looked[r.Project] {
		return Observed{Unseen: &posture.Gap{Part: "cluster", Error: "project " + r.Project + " is not among those that are looked at"}}
	}
	return Observed{Gone: true}
}

// publish sends JSON, as sensors do unless they are told otherwise: a topic with a schema takes one encoding.
func (t *Rotator) publish(ctx context.Context, r posture.Resource, p *Telling) error {
	a := p.alertOf(r)
	data, err := alert.Marshal(a, alert.EncodingJSON)
	if err != nil {
		return err
	}
	return t.cfg.Publish(ctx, data, alert.Attributes(a))
}
