package gke

import (
	"strings"
	"time"

	"tiercel.dev/local/caller"
)

// A quota is what a project has asked in a minute.
type quota struct {
	minute time.Time
	calls  int
}

// take refuses a call about something of a project beyond the project's quota.
func (s *Server) take(name string) error {
	if s.cfg.PerMinute == 0 {
		return nil
	}
	now, project := s.cfg.Now(), strings.Split(name, "/")[1]
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.quotas[project]
	if minute := now.Truncate(time.Minute); !minute.Equal(q.minute) {
		q = quota{minute: minute}
	}
	if q.calls >= s.cfg.PerMinute {
		return caller.Exhausted(Service, "requests per minute", q.minute.Add(time.Minute).Sub(now))
	}
	q.calls++
	s.quotas[project] = q
	return nil
}
