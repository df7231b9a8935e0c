package upgrade

import (
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
)

// Maintenance is when GKE may make nodes anew within a period.
type Maintenance struct {
	Open     time.Duration // in all, without what exclusions take
	Excluded string        // the exclusion that holds at its beginning; empty if none does
	Next     time.Time     // when the next window opens; zero if one is open at the beginning
}

// NodeMaintenance reads a cluster's maintenance policy. An error is for a window that is not understood.
func NodeMaintenance(policy *pb.MaintenancePolicy, from, to time.Time) (Maintenance, error) {
	s, err := openingsOf(policy.GetWindow(), from)
	if err != nil {
		return Maintenance{}, err
	}
	var m Maintenance
	var stopping []exclusion
	for _, e := range exclusionsOf(policy.GetWindow(), time.Time{}) {
		if !e.stops(nodes) {
			continue
		}
		stopping = append(stopping, e)
		if e.active(from) && m.Excluded == "" {
			m.Excluded = e.text(from)
		}
	}
	for _, w := range s.windows {
		if w = within(w, from, to); !w.from.Before(w.to) {
			continue
		}
		for _, part := range less(w, closed(stopping, to)) {
			m.Open += part.to.Sub(part.from)
		}
	}
	if next := s.next(from, 1); len(next) > 0 && !s.open(from) {
		m.Next = next[0]
	}
	return m, nil
}
