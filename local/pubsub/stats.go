package pubsub

import (
	"maps"
	"slices"
)

// SubscriptionStats are counts since the subscription was made, and what it has now.
type SubscriptionStats struct {
	Name, Topic  string
	Ready        int    // to be delivered
	Outstanding  int    // delivered and not yet answered
	Waiting      int    // for a retry
	Delivered    uint64 // deliveries begun
	Acked        uint64 // messages acknowledged
	Nacked       uint64 // deliveries refused or not answered in time
	Expired      uint64 // of those, not answered in time
	DeadLettered uint64 // messages
	LastError    string // of a push
}

// Stats returns every subscription's, in the order of their names.
func (s *Server) Stats() []SubscriptionStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]SubscriptionStats, 0, len(s.subs))
	for _, name := range slices.Sorted(maps.Keys(s.subs)) {
		sub := s.subs[name]
		st := sub.stats
		st.Name, st.Topic = name, sub.spec.Topic
		st.Ready, st.Outstanding, st.Waiting = len(sub.ready), len(sub.outstanding), sub.waiting
		all = append(all, st)
	}
	return all
}
