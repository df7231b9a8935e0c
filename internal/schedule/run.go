package schedule

import (
	"fmt"
	"strings"
	"time"

	"tiercel.dev/internal/posture"
)

// A Run is one time at which a schedule came due.
type Run struct{ at time.Time }

// runForm is a run's name in the bucket. It sorts as time does.
const runForm = "20060102T150405Z"

// RunAt is the run of a schedule's time, to the second.
func RunAt(t time.Time) Run { return Run{t.UTC().Truncate(time.Second)} }

// ParseRun reads a run's name.
func ParseRun(name string) (Run, error) {
	t, err := time.Parse(runForm, name)
	if err != nil {
		return Run{}, fmt.Errorf("run %q is not of the form %s", name, runForm)
	}
	return Run{t}, nil
}

// String is the run's name, such as 20260102T060000Z.
func (r Run) String() string { return r.at.Format(runForm) }

// Time is the schedule's.
func (r Run) Time() time.Time { return r.at }

// IsZero reports whether it is no run at all.
func (r Run) IsZero() bool { return r.at.IsZero() }

// Before orders runs.
func (r Run) Before(other Run) bool { return r.at.Before(other.at) }

// MarshalText writes the run's name.
func (r Run) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads a run's name.
func (r *Run) UnmarshalText(text []byte) (err error) {
	*r, err = ParseRun(string(text))
	return err
}

// A Work is what is done about a cluster, and the folder of what it keeps in the bucket.
type Work string

// The kinds of work. Rotations are none: functions/rotate looks at all clusters with few requests.
const (
	Harden  Work = "harden"
	Upgrade Work = "upgrade"
)

// Works are all.
var Works = []Work{Harden, Upgrade}

// Runs is the prefix of the objects of all runs of a work.
func (w Work) Runs() string { return string(w) + "/runs/" }

// Manifest is the object that says what a run expects.
func (w Work) Manifest(r Run) string { return w.Runs() + r.String() + "/manifest.json" }

// Record is the object that says what a run came to of one cluster.
func (w Work) Record(r Run, c posture.Resource) string {
	return w.Runs() + r.String() + "/" + Object(c)
}

// Object is a cluster's own part of an object's name: PROJECT/LOCATION/CLUSTER.json.
func Object(c posture.Resource) string {
	return c.Project + "/" + c.Location + "/" + c.Cluster + ".json"
}

// Cluster reads the cluster out of its own part of an object's name, as [Object] makes it.
func Cluster(object string) (posture.Resource, bool) {
	name, ok := strings.CutSuffix(object, ".json")
	parts := strings.Split(name, "/")
	if !ok || len(parts) != 3 {
		return posture.Resource{}, false
	}
	r := posture.Resource{Project: parts[0], Location: parts[1], Cluster: parts[2]}
	return r, isCluster(r)
}
