package rotate

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"tiercel.dev/internal/objects"
	"tiercel.dev/internal/posture"
)

// A record is one as it was read.
type record struct {
	Record
	generation int64
}

// A keeper keeps records. Errors are those of [Store].
type keeper interface {
	// read reads one; a new one if there is none.
	read(ctx context.Context, name string) (record, error)
	// write keeps one, unless somebody else has meanwhile.
	write(ctx context.Context, one *record) error
	all(ctx context.Context) (map[posture.Resource]record, error)
	// copyAway keeps a copy of a record elsewhere, for people; putAway removes the record too, unless somebody else has written it.
	copyAway(ctx context.Context, r *Record) error
	putAway(ctx context.Context, one *record) error
}

// records are those in a store.
type records struct{ store Store }

func (k records) read(ctx context.Context, name string) (record, error) {
	o, err := k.store.Get(ctx, name)
	if errors.Is(err, objects.ErrNotFound) {
		r, _ := resourceOf(name)
		return record{Record: Record{Version: recordVersion, Resource: r}}, nil
	}
	if err != nil {
		return record{}, err
	}
	r, err := Parse(o)
	return record{r, o.Generation}, err
}

func (k records) write(ctx context.Context, one *record) error {
	data, err := json.Marshal(one.Record)
	if err != nil {
		return err
	}
	one.generation, err = k.store.Put(ctx, Name(one.Resource), data, nil, one.generation)
	return err
}

func (k records) all(ctx context.Context) (map[posture.Resource]record, error) {
	var names []string
	for o, err := range k.store.List(ctx, Root) {
		if err != nil {
			return nil, err
		}
		if _, ok := resourceOf(o.Name); ok {
			names = append(names, o.Name)
		}
	}
	found := make([]record, len(names))
	var group errgroup.Group
	group.SetLimit(abreast)
	for i, name := range names {
		group.Go(func() (err error) {
			found[i], err = k.read(ctx, name)
			return err
		})
	}
	err := group.Wait()
	all := make(map[posture.Resource]record, len(names))
	for _, one := range found {
		all[one.Resource] = one
	}
	return all, err
}

// All reads all records of a store, in the order of their names.
func All(ctx context.Context, store Store) ([]Record, error) {
	kept, err := records{store}.all(ctx)
	all := make([]Record, 0, len(kept))
	for _, one := range kept {
		all = append(all, one.Record)
	}
	slices.SortFunc(all, func(a, b Record) int { return strings.Compare(Name(a.Resource), Name(b.Resource)) })
	return all, err
}
