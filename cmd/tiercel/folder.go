package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tiercel.dev/internal/objects"
)

// A folder is a copy of a bucket, read as the bucket is.
type folder string

func (f folder) Get(_ context.Context, name string) (objects.Object, error) {
	if !filepath.IsLocal(name) {
		return objects.Object{}, fmt.Errorf("%s: %w", name, objects.ErrNotFound)
	}
	data, err := os.ReadFile(filepath.Join(string(f), filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		err = fmt.Errorf("%w: %w", objects.ErrNotFound, err)
	}
	return objects.Object{Name: name, Data: data}, err
}

func (f folder) Put(_ context.Context, name string, _ []byte, _ map[string]string, _ int64) (int64, error) {
	return 0, fmt.Errorf("%s: a copy of a bucket is not written to", name)
}

func (f folder) List(_ context.Context, prefix string) iter.Seq2[objects.Object, error] {
	return func(yield func(objects.Object, error) bool) {
		var names []string
		err := filepath.WalkDir(string(f), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			rest, err := filepath.Rel(string(f), path)
			if name := filepath.ToSlash(rest); strings.HasPrefix(name, prefix) {
				names = append(names, name)
			}
			return err
		})
		if err != nil {
			yield(objects.Object{}, err)
			return
		}
		slices.Sort(names) // folders are walked in another order than names have
		for _, name := range names {
			if !yield(objects.Object{Name: name}, nil) {
				return
			}
		}
	}
}
