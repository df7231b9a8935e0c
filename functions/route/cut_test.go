package route_test

import (
	"context"
	"errors"
	"iter"
	"sync"

	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"

	"tiercel.dev/functions/route"
	"tiercel.dev/internal/objects"
)

var errCut = errors.New("cut off")

// cutStore fails its n-th call, before or after it was carried out: where an instance died, or a network did.
type cutStore struct {
	route.Store
	cut *cut
}

type cut struct {
	at    int
	after bool
	calls int
	mu    sync.Mutex
}

// here reports whether this call is the one, and whether it is to be carried out.
func (c *cut) here() (fails, carriedOut bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls++
	// A dead instance makes no more calls.
	if c.calls > c.at {
		return true, false
	}
	return c.calls == c.at, c.after
}

func (s cutStore) Get(ctx context.Context, name string) (objects.Object, error) {
	if fails, _ := s.cut.here(); fails {
		return objects.Object{}, errCut
	}
	return s.Store.Get(ctx, name)
}

func (s cutStore) Put(ctx context.Context, name string, data []byte, meta map[string]string, generation int64) (int64, error) {
	if fails, carriedOut := s.cut.here(); fails {
		if carriedOut {
			s.Store.Put(ctx, name, data, meta, generation)
		}
		return 0, errCut
	}
	return s.Store.Put(ctx, name, data, meta, generation)
}

func (s cutStore) List(ctx context.Context, prefix string) iter.Seq2[objects.Object, error] {
	if fails, _ := s.cut.here(); fails {
		return func(yield func(objects.Object, error) bool) { yield(objects.Object{}, errCut) }
	}
	return s.Store.List(ctx, prefix)
}

type cutFindings struct {
	route.Findings
	cut *cut
}

func (f cutFindings) Create(ctx context.Context, id string, finding *pb.Finding) error {
	if fails, carriedOut := f.cut.here(); fails {
		if carriedOut {
			f.Findings.Create(ctx, id, finding)
		}
		return errCut
	}
	return f.Findings.Create(ctx, id, finding)
}

func (f cutFindings) Repeat(ctx context.Context, id string, finding *pb.Finding) error {
	if fails, carriedOut := f.cut.here(); fails {
		if carriedOut {
			f.Findings.Repeat(ctx, id, finding)
		}
		return errCut
	}
	return f.Findings.Repeat(ctx, id, finding)
}
