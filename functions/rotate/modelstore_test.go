package rotate

import (
	"context"

	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
)

// flaky keeps the model's record, with preconditions, and with what goes wrong at each write.
type flaky struct{ *model }

func (k flaky) read(context.Context, string) (record, error) {
	return record{k.kept.clone(), k.kept.generation}, nil
}

func (k flaky) write(_ context.Context, one *record) error {
	k.crash()
	k.between()
	if k.chaos && k.chance(2) {
		return errLost
	}
	if one.generation != k.kept.generation {
		return objects.ErrConflict
	}
	k.kept = record{one.clone(), one.generation + 1}
	if k.wrote != nil {
		k.wrote()
	}
	if k.chaos && k.chance(2) {
		return errLost // it is written all the same
	}
	one.generation++
	k.crash()
	return nil
}

func (k flaky) copyAway(_ context.Context, r *Record) error {
	k.crash()
	if k.chaos && k.chance(5) {
		return errLost
	}
	k.away = append(k.away, r.UID)
	return nil
}

func (k flaky) putAway(ctx context.Context, one *record) error {
	if err := k.copyAway(ctx, &one.Record); err != nil {
		return err
	}
	k.between()
	if one.generation == k.kept.generation {
		if k.kept.Stage().open() || len(k.kept.Pending) > 0 {
			k.fail("a record is put away in %s, with %d untold", k.kept.State, len(k.kept.Pending))
		}
		k.kept = record{Record: Record{Version: recordVersion, Resource: shop}}
	}
	k.crash()
	return nil
}

func (k flaky) all(context.Context) (map[posture.Resource]record, error) { return nil, nil }
