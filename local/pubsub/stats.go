package pubsub

import (
	"maps"
	"slices"
	"time"
)

// SubscriptionStats are counts since the server began, and what the subscription has now.
type SubscriptionStats struct {
	Name, Topic  string
	Ready        int           // messages to be delivered, or on their way to disk before that
	Outstanding  int           // delivered and not yet answered
	Waiting      int           // for a retry
	Retained     int           // acknowledged, for a seek
	Bytes        int64         // of those not acknowledged
	OldestAge    time.Duration // of those not acknowledged; 0 if there is none
	Delivered    uint64        // deliveries begun
	Acked        uint64        // messages acknowledged
	Nacked       uint64        // deliveries refused or not answered in time
	Expired      uint64        // of those, not answered in time
	DeadLettered uint64        // messages
	Lapsed       uint64        // messages lost for want of an acknowledgement within the retention
	LastError    string        // of a push
	LastErrorAt  time.Time
}

// Backlog is the number of messages that are not acknowledged.
func (st SubscriptionStats) Backlog() int { return st.Ready + st.Outstanding + st.Waiting }

// TopicStats are counts since the server began.
type TopicStats struct {
	Name      string
	Published uint64 // messages, dead letters among them
	Refused   uint64 // messages for which there was no room
}

// Stats returns every subscription's, in the order of their names.
func (s *Server) Stats() []SubscriptionStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]SubscriptionStats, 0, len(s.subs))
	for _, name := range slices.Sorted(maps.Keys(s.subs)) {
		sub := s.subs[name]
		st := sub.stats
		st.Name, st.Topic, st.Bytes, st.Retained = name, sub.spec.Topic, sub.bytes, sub.retained
		st.Ready, st.Outstanding, st.Waiting = len(sub.ready)+sub.unwritten, len(sub.outstanding), sub.waiting
		st.OldestAge = sub.oldestAge(time.Now())
		all = append(all, st)
	}
	return all
}

func (sub *subscription) oldestAge(now time.Time) time.Duration {
	for e := sub.all.Front(); e != nil; e = e.Next() {
		if d := e.Value.(*delivery); d.state != acked {
			return now.Sub(d.m.published)
		}
	}
	return 0
}

// TopicStats returns every topic's, in the order of their names.
func (s *Server) TopicStats() []TopicStats {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]TopicStats, 0, len(s.topics))
	for _, name := range slices.Sorted(maps.Keys(s.topics)) {
		st := s.topics[name].stats
		st.Name = name
		all = append(all, st)
	}
	return all
}

// Bytes returns what the messages take that are kept, and the bound.
func (s *Server) Bytes() (kept, most int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes, s.cfg.MaxBytes
}
