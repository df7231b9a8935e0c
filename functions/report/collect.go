package report

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"tiercel.dev/functions/fleet"
	"tiercel.dev/functions/route"
	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/schedule"
)

// A Store has what the other functions wrote. [objects.Bucket] is one; its errors are that package's.
type Store interface {
	Get(ctx context.Context, name string) (objects.Object, error)
	Put(ctx context.Context, name string, data []byte, meta map[string]string, generation int64) (int64, error)
	List(ctx context.Context, prefix string) iter.Seq2[objects.Object, error]
}

const (
	// readers get records at once.
	readers = 16
	// oldAfter is when a record is so old that a report says so.
	oldAfter = 48 * time.Hour
)

// newest is the manifest of the newest run that began at or before a time.
func newest(ctx context.Context, store Store, at time.Time) (m schedule.Manifest, err error) {
	name := ""
	for o, err := range store.List(ctx, schedule.Harden.Runs()) {
		if err != nil {
			return m, err
		}
		text, isManifest := strings.CutSuffix(strings.TrimPrefix(o.Name, schedule.Harden.Runs()), "/manifest.json")
		if run, err := schedule.ParseRun(text); isManifest && err == nil && !run.Time().After(at) {
			name = o.Name // names are listed in the order of time
		}
	}
	if name == "" {
		return m, fmt.Errorf("%w before %s", ErrNoRun, at.Format(time.RFC3339))
	}
	o, err := store.Get(ctx, name)
	if err != nil {
		return m, err
	}
	return m, o.Expect(schedule.ManifestVersion, &m)
}

// absent are the clusters of a manifest of which there is no record yet.
func absent(ctx context.Context, store Store, m schedule.Manifest) (none []posture.Resource, err error) {
	there := map[string]bool{}
	for o, err := range store.List(ctx, schedule.Harden.Runs()+m.Run.String()+"/") {
		if err != nil {
			return nil, err
		}
		there[o.Name] = true
	}
	for _, c := range m.Clusters {
		if !there[schedule.Harden.Record(m.Run, c)] {
			none = append(none, c)
		}
	}
	return none, nil
}

// Collect reads all that a report of a time is made of. What of other functions' records cannot be read is a problem that the
// report tells, and no error.
func Collect(ctx context.Context, store Store, due time.Time, version string) (*Input, error) {
	m, err := newest(ctx, store, due)
	if err != nil {
		return nil, err
	}
	in := &Input{Due: due, Since: due.AddDate(0, 0, -7), Run: m.Run, Manifest: m, Checks: map[string]posture.Check{}, Version: version}
	for _, c := range m.Checks {
		in.Checks[c.ID] = c
	}
	if in.Absent, err = absent(ctx, store, m); err != nil {
		return nil, err
	}
	if in.History, in.State, err = readHistory(ctx, store, due); err != nil {
		return nil, err
	}
	if len(in.History) > 0 {
		in.Since = in.History[len(in.History)-1].Due
	}
	if age := due.Sub(m.Run.Time()); age > oldAfter {
		in.Problems = append(in.Problems, fmt.Sprintf("The newest run of the checks is of %s.", m.Run.Time().Format("2 Jan 2006 15:04 UTC")))
	}
	in.Clusters, err = read[posture.Cluster](ctx, store, in, schedule.Harden.Runs()+m.Run.String()+"/", readCluster)
	if err != nil {
		return nil, err
	}
	if in.Upgrades, err = read[posture.Upgrade](ctx, store, in, "upgrade/", readRecord); err != nil {
		return nil, err
	}
	shown, err := read[struct{ Shown posture.Rotation }](ctx, store, in, "rotate/", readRecord)
	if err != nil {
		return nil, err
	}
	for _, r := range shown {
		in.Rotations = append(in.Rotations, r.Shown)
	}
	in.known()
	if in.Alerts, err = route.Tallies(ctx, store, in.Since); err != nil {
		in.Problems = append(in.Problems, fmt.Sprintf("Runtime alerts could not be counted: %v.", err))
	}
	in.Fleet = in.fleet(ctx, store)
	return in, nil
}

// recordVersion is of the records of upgrades and rotations that are read here.
const recordVersion = 1

func readRecord(o objects.Object, into any) error { return o.Expect(recordVersion, into) }

func readCluster(o objects.Object, into any) error { return o.ExpectForm(posture.ClusterVersion, into) }

// read reads the records of clusters below a prefix, PROJECT/LOCATION/CLUSTER.json each, in the order of their names.
func read[T any](ctx context.Context, store Store, in *Input, prefix string, take func(objects.Object, any) error) ([]T, error) {
	var names []string
	for o, err := range store.List(ctx, prefix) {
		if err != nil {
			return nil, err
		}
		rest := strings.TrimPrefix(o.Name, prefix)
		if strings.Count(rest, "/") == 2 && strings.HasSuffix(rest, ".json") && !strings.HasPrefix(rest, "runs/") {
			names = append(names, o.Name)
		}
	}
	all := make([]*T, len(names))
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(readers)
	for i, name := range names {
		group.Go(func() error {
			o, err := store.Get(ctx, name)
			if err == nil {
				record := new(T)
				if err = take(o, record); err == nil {
					all[i] = record
					return nil
				}
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			mu.Lock()
			defer mu.Unlock()
			in.Problems = append(in.Problems, fmt.Sprintf("%s could not be read: %v.", name, err))
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	slices.Sort(in.Problems)
	records := make([]T, 0, len(all))
	for _, r := range all {
		if r != nil {
			records = append(records, *r)
		}
	}
	return records, nil
}

// known drops what is said of clusters that are no more, and tells of what is old.
func (in *Input) known() {
	there := map[posture.Resource]bool{}
	for _, c := range in.Manifest.Clusters {
		there[c] = true
	}
	in.Upgrades = keep(in.Upgrades, func(u posture.Upgrade) bool { return there[clusterOf(u.Resource)] })
	in.Rotations = keep(in.Rotations, func(r posture.Rotation) bool { return there[clusterOf(r.Resource)] })
	old := 0
	for _, u := range in.Upgrades {
		if in.Due.Sub(u.Time) > oldAfter {
			old++
		}
	}
	for _, r := range in.Rotations {
		if in.Due.Sub(r.Time) > oldAfter {
			old++
		}
	}
	if old > 0 {
		in.Problems = append(in.Problems, fmt.Sprintf("%d records of upgrades and rotations are older than two days.", old))
	}
}

func (in *Input) fleet(ctx context.Context, store Store) *fleet.Status {
	o, err := store.Get(ctx, fleet.StatusName)
	var s *fleet.Status
	if err == nil {
		s, err = fleet.ReadStatus(o)
	}
	switch {
	case errors.Is(err, objects.ErrNotFound):
		in.Problems = append(in.Problems, "Nobody has looked at the sensors: CheckFleet has left no record.")
	case err != nil:
		in.Problems = append(in.Problems, fmt.Sprintf("The record of the sensors could not be read: %v.", err))
	case in.Due.Sub(s.Checked) > oldAfter:
		in.Problems = append(in.Problems, fmt.Sprintf("Sensors were last looked at on %s.", s.Checked.Format("2 Jan 2006 15:04 UTC")))
	}
	return s
}

// incomplete counts the clusters of which something could not be found out that is not withheld on purpose, and the lists of clusters that are not whole.
func (in *Input) incomplete() int {
	n := len(in.Absent) + len(in.Manifest.Gaps)
	for _, c := range in.Clusters {
		if !c.Complete() {
			n++
		}
	}
	return n
}
