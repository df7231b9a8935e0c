package spool

import (
	"cmp"
	"slices"
)

// Lost counts alerts lost for one reason. Class is 0 where it is not known.
type Lost struct {
	Reason string `json:"reason"`
	Class  int    `json:"class"`
	Count  uint64 `json:"count"`
}

type lostKey struct {
	reason string
	class  int
}

type lostCounts map[lostKey]uint64

func (l lostCounts) list() []Lost {
	out := make([]Lost, 0, len(l))
	for k, n := range l {
		out = append(out, Lost{k.reason, k.class, n})
	}
	slices.SortFunc(out, func(a, b Lost) int {
		return cmp.Or(cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Class, b.Class))
	})
	return out
}

// lose counts n losses. It is called with mu held.
func (s *Spool) lose(reason string, class, n int) {
	if n <= 0 {
		return
	}
	s.lost[lostKey{reason, class}] += uint64(n)
	s.touch()
}

// loseEntry counts an entry that never became durable.
func (s *Spool) loseEntry(reason string, e *entry) {
	s.lose(reason, e.class, 1)
	e.stream.decide(e.seq)
	s.release(e)
}

// Lose counts an alert that has a number and cannot be put in.
func (s *Spool) Lose(bootID string, seq uint64, class int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := &entry{stream: s.streamOf(bootID), seq: seq, class: min(max(class, 0), Classes-1)}
	s.admit(e)
	s.loseEntry(LostDiscarded, e)
}
