package objects

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"time"

	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"
	"google.golang.org/api/storage/v1"

	"tiercel.dev/internal/fault"
)

// maxObject bounds what Get reads: records are small, and whoever can write to the bucket could put a large one there.
const maxObject = 8 << 20

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
func (b *Bucket) Get(ctx context.Context, name string) (o Object, err error) {
	err = b.try(ctx, "get", name, func(ctx context.Context) error {
		// Metadata and data are two requests; the second asks for the first's generation, and finds nothing if that is gone.
		for {
			meta, err := b.objects.Get(b.name, name).Context(ctx).Do()
			if err != nil {
				return err
			}
			o = object(meta)
			if o.Data, err = b.download(ctx, name, meta.Generation); status(err) != http.StatusNotFound {
				return err
			}
		}
	})
	return o, err
}

func (b *Bucket) download(ctx context.Context, name string, generation int64) ([]byte, error) {
	answer, err := b.objects.Get(b.name, name).Generation(generation).Context(ctx).Download()
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxObject+1))
	if err == nil && len(data) > maxObject {
		err = fault.Poison(fmt.Errorf("more than %d bytes", maxObject))
	}
	return data, err
}

// Put writes an object if it is of the given generation, 0 for one that must not be there, and returns its new generation.
// Errors: [ErrConflict], [fault.ErrQuota], or such as may pass: after those the object may have been written all the same.
func (b *Bucket) Put(ctx context.Context, name string, data []byte, meta map[string]string, generation int64) (int64, error) {
	written, tries := int64(0), 0
	err := b.try(ctx, "put", name, func(ctx context.Context) error {
		tries++
		o, err := b.objects.Insert(b.name, &storage.Object{Name: name, Metadata: meta, ContentType: "application/json"}).
			IfGenerationMatch(generation).Media(bytes.NewReader(data), googleapi.ChunkSize(0)).Context(ctx).Do()
		if err == nil {
			written = o.Generation
		}
		return err
	})
	if errors.Is(err, ErrConflict) && tries > 1 {
		// A try that seemed to fail may have been carried out: then it is one's own write that is in the way.
		if o, gone := b.Get(ctx, name); gone == nil && bytes.Equal(o.Data, data) && maps.Equal(o.Meta, meta) {
			return o.Generation, nil
		}
	}
	return written, err
}

// Delete removes an object of the given generation; one that is gone is no error.
func (b *Bucket) Delete(ctx context.Context, name string, generation int64) error {
	err := b.try(ctx, "delete", name, func(ctx context.Context) error {
		return b.objects.Delete(b.name, name).IfGenerationMatch(generation).Context(ctx).Do()
	})
	if errors.Is(err, ErrNotFound) {
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

func (b *Bucket) page(ctx context.Context, prefix, token string) (page *storage.Objects, err error) {
	err = b.try(ctx, "list", prefix, func(ctx context.Context) (err error) {
		page, err = b.objects.List(b.name).Prefix(prefix).PageToken(token).Context(ctx).
			Fields("nextPageToken", "items(name,generation,updated,metadata)").Do()
		return err
	})
	return page, err
}

func object(o *storage.Object) Object {
	updated, _ := time.Parse(time.RFC3339Nano, o.Updated)
	return Object{Name: o.Name, Generation: o.Generation, Updated: updated, Meta: o.Metadata}
}
