package schedule

import (
	"time"

	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
)

// PartClusters is the part of a gap in what clusters there are; with "/" and a project, folder, organization or location behind it.
const PartClusters = "clusters"

// ManifestVersion is of the manifests' form. One that a newer program wrote is not given out again, and not reported of.
const ManifestVersion = 1

// A Manifest says what a run expects. It is written once, before any job is given out.
type Manifest struct {
	Version int       `json:"version"`
	Run     Run       `json:"run"`
	Work    Work      `json:"work"`
	Time    time.Time `json:"time"` // when the clusters were listed
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

// ReadManifest reads the object of a manifest. Errors: [objects.ErrVersion], or [fault.ErrPoison] for what is none.
func ReadManifest(o objects.Object) (*Manifest, error) {
	m := new(Manifest)
	if err := o.Expect(ManifestVersion, m); err != nil {
		return nil, err
	}
	return m, nil
}
