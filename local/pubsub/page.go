package pubsub

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// pageSize is that of a list that is not asked for another.
const pageSize = 100

// page returns the names of one page of a list that begin with prefix, and the token of the next page: its first name.
func page[V any](all map[string]V, prefix string, r interface {
	GetPageSize() int32
	GetPageToken() string
}) (names []string, next string, err error) {
	size := int(r.GetPageSize())
	switch {
	case size < 0:
		return nil, "", status.Errorf(codes.InvalidArgument, "page_size %d is negative", size)
	case size == 0:
		size = pageSize
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if !strings.HasPrefix(name, prefix) || name < r.GetPageToken() {
			continue
		}
		if len(names) == size {
			return names, name, nil
		}
		names = append(names, name)
	}
	return names, "", nil
}
