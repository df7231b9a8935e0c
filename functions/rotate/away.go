package rotate

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"tiercel.dev/internal/objects"
)

// AwayRoot is what the names of the records begin with that were put away: rotate-away/PROJECT/LOCATION/CLUSTER/ID.json. Nothing reads
// them but people.
const AwayRoot = "rotate-away/"

// goneFor is how long a cluster is not there before its record is put away: a list that was wrong once is not the end of it.
const goneFor = day

// over reports whether the cluster is gone for good, and everybody has been told what that ended.
func (r *Record) over(now time.Time) bool {
	return !r.Gone.IsZero() && now.Sub(r.Gone) >= goneFor && len(r.Pending) == 0
}

// awayName is that of the copy. A record of a cluster that nobody ever saw has no id.
func (r *Record) awayName() string {
	uid := r.UID
	if uid == "" {
		uid = "unseen"
	}
	return AwayRoot + r.Resource.Project + "/" + r.Resource.Location + "/" + r.Resource.Cluster + "/" + uid + ".json"
}

// copyAway keeps the record of a cluster that is no more. Of two copies, which a crash may ask for, the first stays.
func (k records) copyAway(ctx context.Context, r *Record) error {
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	if _, err := k.store.Put(ctx, r.awayName(), data, nil, 0); err != nil && !errors.Is(err, objects.ErrConflict) {
		return err
	}
	return nil
}

// putAway copies a record, and removes it unless somebody has written it meanwhile.
func (k records) putAway(ctx context.Context, one *record) error {
	if err := k.copyAway(ctx, &one.Record); err != nil {
		return err
	}
	if err := k.store.Delete(ctx, Name(one.Resource), one.generation); err != nil && !errors.Is(err, objects.ErrConflict) {
		return err
	}
	return nil
}
