package spool

import (
	"crypto/rand"
	"encoding/hex"
	"math"
)

// A stream is one count of alerts from 1; its id is what alerts carry as boot id. One lasts over restarts and machine
// boots for as long as the spool can be sure not to give a number twice; else a new one begins.
type stream struct {
	id   string
	next uint64
	// reserved is the last number that may be given: a control file says durably that numbers up to it may have been.
	// While no control file knows of the stream at all there is no bound, since a crash forgets the whole stream.
	reserved uint64
	// decided are the numbers whose fate is settled for good: durable, delivered or counted as lost.
	decided runs
}

const unbounded = math.MaxUint64

func newStream() *stream {
	var id [16]byte
	rand.Read(id[:])
	return &stream{id: hex.EncodeToString(id[:]), next: 1, reserved: unbounded}
}

func (s *stream) last() uint64 { return s.next - 1 }

// decide notes that the fate of number n is settled. The stream that stands for others' numbers keeps no account.
func (s *stream) decide(n uint64) {
	if s.id != "" {
		s.decided.add(n)
	}
}

// settled reports whether nothing is open among the numbers given so far.
func (s *stream) settled() bool { return s.decided.missing(run{1, s.last()}) == 0 }

// Next gives an alert its number. It implements output.Sequence and never waits: if the numbers set aside are used up
// because the disk does not take the next reservation, a new stream begins.
func (s *Spool) Next() (bootID string, seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	cur := s.current()
	if cur.next > cur.reserved {
		cur = newStream()
		s.streams = append(s.streams, cur)
		s.touch()
	}
	seq = cur.next
	cur.next++
	s.counter.store(cur.id, seq)
	if cur.reserved != unbounded && cur.reserved-cur.last() < s.cfg.Reserve/2 {
		s.touch()
	}
	return cur.id, seq
}

// Last returns the stream that [Spool.Next] takes numbers from as things are, and the last number of it that may have
// been given: after a start that is an earlier run's, so that what was lost with that run shows before the next alert.
func (s *Spool) Last() (bootID string, seq uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current().id, s.current().last()
}

// current is the stream that numbers come from, the last one.
func (s *Spool) current() *stream { return s.streams[len(s.streams)-1] }

// streamOf finds the stream that an alert's boot id names. One numbered by somebody else is kept and delivered, but
// nothing can be said of its gaps.
func (s *Spool) streamOf(id string) *stream {
	for i := len(s.streams) - 1; i >= 0; i-- {
		if s.streams[i].id == id {
			return s.streams[i]
		}
	}
	return &s.foreign
}

// dropSettled forgets the streams that ended and of which nothing is open.
func (s *Spool) dropSettled() {
	kept := s.streams[:0]
	for i, st := range s.streams {
		if i == len(s.streams)-1 || !st.settled() {
			kept = append(kept, st)
		}
	}
	clear(s.streams[len(kept):])
	s.streams = kept
}
