package gke

import (
	"container/heap"
	"time"
)

// An event is something that the service does by itself at a time.
type event struct {
	at  time.Time
	seq int // of those at the same time, the first made is the first done
	do  func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	if !e[i].at.Equal(e[j].at) {
		return e[i].at.Before(e[j].at)
	}
	return e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	last := len(*e) - 1
	x := (*e)[last]
	(*e)[last] = event{}
	*e = (*e)[:last]
	return x
}

// at has do be called at a time, with the lock. The caller has the lock.
func (s *Server) at(t time.Time, do func()) {
	s.seq++
	heap.Push(&s.due, event{t, s.seq, do})
}

// lock is how each call begins: what was due before it is done, in order, each at its own time.
func (s *Server) lock() {
	s.mu.Lock()
	now := s.cfg.Now()
	for len(s.due) > 0 && !s.due[0].at.After(now) {
		e := heap.Pop(&s.due).(event)
		if e.at.After(s.now) {
			s.now = e.at
		}
		e.do()
	}
	if now.After(s.now) {
		s.now = now
	}
}

// CatchUp does what is due by the clock. Each call does that first; who looks at what the service tells others, such as audit logs,
// has to ask for it.
func (s *Server) CatchUp() {
	s.lock()
	s.mu.Unlock()
}
