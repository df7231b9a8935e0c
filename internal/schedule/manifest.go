package schedule

import (
	"encoding/json"
	"fmt"
	"time"

	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
)

// PartClusters is the part of a gap in what clusters there are; with "/" and a project, folder, organization or location behind it.
const PartClusters = "clusters"

// A Manifest says what a run expects. It is written once, before any job is given out.
type Manifest struct {
	Run  Run       `json:"run"`
	Work Work      `json:"work"`
	Time time.Time `json:"time"` // when the clusters were listed
	// Clusters are those of which the run is to have a record each.
	Clusters []posture.Resource `json:"clusters"`
	// Gone are clusters that were known, and are in no list any more: what was said of them is taken back.
	Gone []posture.Resource `json:"gone,omitempty"`
	// Gaps are projects, folders and locations whose clusters could not be listed. A run with one is incomplete.
	Gaps []posture.Gap `json:"gaps,omitempty"`
	// Checks are what a run of [Harden] asks, by which a report knows their titles and weights.
	Checks []posture.Check `json:"checks,omitempty"`
	// Given is when every job had been published; zero before.
	Given time.Time `json:"given,omitzero"`
}

// ReadManifest reads the object of a manifest.
func ReadManifest(o objects.Object) (*Manifest, error) {
	m := new(Manifest)
	if err := json.Unmarshal(o.Data, m); err != nil {
		return nil, fault.Poison(fmt.Errorf("%s, generation %d: %w", o.Name, o.Generation, err))
	}
	return m, nil
}
