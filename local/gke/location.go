package gke

import (
	"maps"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Silence has locations not answer from now on: lists over all locations lack what is there and say so, and calls for one
// of them end with UNAVAILABLE.
func (s *Server) Silence(locations ...string) {
	s.lock()
	defer s.mu.Unlock()
	s.silent = locations
}

// within returns the names under parent, projects/P/locations/L, where L may be "-" for all, in order, and which locations
// are missing from them. The caller has the lock.
func within[T any](s *Server, all map[string]T, parent string) (names, missing []string, err error) {
	project, location, _ := strings.Cut(parent, "/locations/")
	if location == "-" {
		missing = s.silent
	} else if err := s.answers(parent); err != nil {
		return nil, nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		at := locationOf(name)
		if strings.HasPrefix(name, project+"/") && (location == "-" || at == location) && !slices.Contains(missing, at) {
			names = append(names, name)
		}
	}
	return names, missing, nil
}

func locationOf(name string) string { return strings.Split(name, "/")[3] }

// answers returns an error if a name's location does not answer. The caller has the lock.
func (s *Server) answers(name string) error {
	if at := locationOf(name); slices.Contains(s.silent, at) {
		return status.Errorf(codes.Unavailable, "location %q does not answer", at)
	}
	return nil
}
