package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"time"

	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	"google.golang.org/api/storage/v1"

	"tiercel.dev/internal/fault"
)

// maxObject bounds what Get reads: records are small, and whoever can write to the bucket could put a large one there.
const maxObject = 8 << 20

// timeout bounds one request.
const timeout = 10 * time.Second

// A Bucket is a Cloud Storage bucket, by its JSON API. It is safe for concurrent use.
// https://cloud.google.com/storage/docs/json_api/v1/objects
type Bucket struct {
	objects *storage.ObjectsService
	name    string
}

// NewBucket makes no request.
func NewBucket(ctx context.Context, name string, options ...option.ClientOption) (*Bucket, error) {
	service, err := storage.NewService(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", name, err)
	}
	return &Bucket{objects: service.Objects, name: name}, nil
}

// Get reads an object, data and generation of the same moment. Errors: [ErrNotFound], [fault.ErrQuota], or such as may
// pass.
func (b *Bucket) Get(ctx context.Context, name string) (Object, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	// Metadata and data are two requests; the second asks for the first's generation, and finds nothing if that is gone.
	for {
		meta, err := b.objects.Get(b.name, name).Context(ctx).Do()
		if err != nil {
			return Object{}, b.failed("get", name, err)
		}
		data, err := b.download(ctx, name, meta.Generation)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return Object{}, err
		}
		o := object(meta)
		o.Data = data
		return o, nil
	}
}

func (b *Bucket) download(ctx context.Context, name string, generation int64) ([]byte, error) {
	answer, err := b.objects.Get(b.name, name).Generation(generation).Context(ctx).Download()
	if err != nil {
		return nil, b.failed("get", name, err)
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxObject+1))
	if err != nil {
		return nil, b.failed("get", name, err)
	}
	if len(data) > maxObject {
		return nil, fault.Poison(fmt.Errorf("get gs://%s/%s: more than %d bytes", b.name, name, maxObject))
	}
	return data, nil
}

// Put writes an object if it is of the given generation, 0 for one that must not be there, and returns its new generation.
// Errors: [ErrConflict], [fault.ErrQuota] (an object takes one write a second), or such as may pass: after those the
// object may have been written all the same.
func (b *Bucket) Put(ctx context.Context, name string, data []byte, meta map[string]string, generation int64) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	o, err := b.objects.Insert(b.name, &storage.Object{Name: name, Metadata: meta, ContentType: "application/json"}).
		IfGenerationMatch(generation).Media(bytes.NewReader(data), googleapi.ChunkSize(0)).Context(ctx).Do()
	if err != nil {
		return 0, b.failed("put", name, err)
	}
	return o.Generation, nil
}

// Delete removes an object of the given generation; one that is gone is no error.
func (b *Bucket) Delete(ctx context.Context, name string, generation int64) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := b.objects.Delete(b.name, name).IfGenerationMatch(generation).Context(ctx).Do()
	if err = b.failed("delete", name, err); errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// List yields the objects whose names begin with prefix, in the order of their names, without data.
func (b *Bucket) List(ctx context.Context, prefix string) iter.Seq2[Object, error] {
	return func(yield func(Object, error) bool) {
		for token := ""; ; {
			page, err := b.page(ctx, prefix, token)
			if err != nil {
				yield(Object{}, err)
				return
			}
			for _, o := range page.Items {
				if !yield(object(o), nil) {
					return
				}
			}
			if token = page.NextPageToken; token == "" {
				return
			}
		}
	}
}

func (b *Bucket) page(ctx context.Context, prefix, token string) (*storage.Objects, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	page, err := b.objects.List(b.name).Prefix(prefix).PageToken(token).Context(ctx).
		Fields("nextPageToken", "items(name,generation,updated,metadata)").Do()
	if err != nil {
		return nil, b.failed("list", prefix, err)
	}
	return page, nil
}

func object(o *storage.Object) Object {
	updated, _ := time.Parse(time.RFC3339Nano, o.Updated)
	return Object{Name: o.Name, Generation: o.Generation, Updated: updated, Meta: o.Metadata}
}

// failed names the request, and tells what callers treat in different ways.
func (b *Bucket) failed(verb, name string, err error) error {
	if err == nil {
		return nil
	}
	wrapped := fmt.Errorf("%s gs://%s/%s: %w", verb, b.name, name, err)
	if answer, ok := errors.AsType[*googleapi.Error](err); ok {
		switch answer.Code {
		case http.StatusNotFound:
			return fmt.Errorf("%w: %w", ErrNotFound, wrapped)
		case http.StatusPreconditionFailed:
			return fmt.Errorf("%w: %w", ErrConflict, wrapped)
		case http.StatusTooManyRequests:
			return fault.Quota(wrapped)
		}
	}
	return wrapped
}
