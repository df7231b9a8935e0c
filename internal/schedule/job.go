package schedule

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"

	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/push"
)

// A Job is one cluster in one run, for one kind of worker.
type Job struct {
	Work Work `json:"work"`
	Run  Run  `json:"run"`
	// Resource is the cluster: no pool, no object.
	Resource posture.Resource `json:"resource"`
}

// AttrWork is the attribute by which subscriptions choose their work: attributes.work = "harden".
const AttrWork = "work"

// Message is the job as it is published.
func (j Job) Message() (data []byte, attributes map[string]string, err error) {
	data, err = json.Marshal(j)
	return data, map[string]string{AttrWork: string(j.Work), "run": j.Run.String(), "cluster": j.Resource.Cluster}, err
}

// Names make objects' names and requests, so they are held to GKE's form of them.
var (
	projectForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9.:-]{0,126}[a-z0-9])?$`)
	nameForm    = regexp.MustCompile(`^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
)

// ReadJob reads the job of one kind of worker. What is none is [fault.ErrPoison].
func ReadJob(m push.Message, work Work) (Job, error) {
	var j Job
	err := json.Unmarshal(m.Data, &j)
	if err == nil {
		err = j.validate(work)
	}
	if err != nil {
		return Job{}, fault.Poison(fmt.Errorf("message %s: %w", m.ID, err))
	}
	return j, nil
}

func (j Job) validate(work Work) error {
	r := j.Resource
	switch {
	case !slices.Contains(Works, j.Work):
		return fmt.Errorf("work %q is none of %v", j.Work, Works)
	case j.Work != work:
		return fmt.Errorf("work is %q: this worker does %q (see its subscription's filter)", j.Work, work)
	case j.Run.IsZero():
		return fmt.Errorf("run is missing")
	case !isCluster(r):
		return fmt.Errorf("resource %q is no cluster's name", r.ClusterName())
	case r.Pool != "" || r.Kind != "" || r.Namespace != "" || r.Name != "":
		return fmt.Errorf("resource %q is no cluster", r)
	}
	return nil
}

func isCluster(r posture.Resource) bool {
	return projectForm.MatchString(r.Project) && nameForm.MatchString(r.Location) && nameForm.MatchString(r.Cluster)
}
