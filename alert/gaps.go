package alert

import (
	"math"
	"slices"
	"sync"
)

// A Range is a run of sequence numbers, both ends included.
type Range struct{ First, Last uint64 }

// Gaps tells a receiver which alerts it has not seen, from the numbers of those it has. Alerts may come twice and in
// any order: what is missing now may be on its way, so a receiver asks again after as long as its subscription may
// redeliver. The zero value is ready. It is safe for concurrent use.
//
// Memory: 16 bytes for each gap, at most 1,024 gaps for each boot of a sensor (of more, the lowest is taken as final and
// added to Lost); a receiver calls Forget for boots that have ended.
type Gaps struct {
	mu      sync.Mutex
	streams map[stream]*seen
}

type stream struct{ sensorID, bootID string }

// seen holds the numbers seen, as disjoint ascending ranges that do not touch.
type seen struct {
	ranges []Range
	from   uint64 // the first number that is waited for
	known  uint64 // the highest number that exists
	lost   uint64 // numbers given up
}

const maxRanges = 1024

// Add notes an alert, or what a heartbeat says of the last number given. It reports whether an alert is new: false for
// one seen before. Heartbeats are never new.
func (g *Gaps) Add(a *Alert) (isNew bool) {
	if a.GetKind() == KindHeartbeat {
		g.Exists(a.GetSensorId(), a.GetBootId(), a.GetHeartbeat().GetLastSeq())
		return false
	}
	return g.Seen(a.GetSensorId(), a.GetBootId(), a.GetSeq())
}

// Seen notes the number of an alert. It reports whether the number is new. 0 is no alert's number and never new.
func (g *Gaps) Seen(sensorID, bootID string, seq uint64) (isNew bool) {
	if seq == 0 {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stream(sensorID, bootID).add(seq)
}

// Exists notes that numbers up to seq were given.
func (g *Gaps) Exists(sensorID, bootID string, seq uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.stream(sensorID, bootID)
	s.known = max(s.known, seq)
}

// From says that numbers below seq are not waited for: a receiver that joins a sensor in the middle of its boot calls
// it with the first number it meets.
func (g *Gaps) From(sensorID, bootID string, seq uint64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.stream(sensorID, bootID)
	s.from = max(s.from, seq)
}

// Missing returns the numbers of a sensor's boot that exist and were not seen, ascending.
func (g *Gaps) Missing(sensorID, bootID string) []Range {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.streams[stream{sensorID, bootID}]
	if s == nil {
		return nil
	}
	return s.missing()
}

// Lost returns how many numbers were given up because there were too many gaps to remember.
func (g *Gaps) Lost(sensorID, bootID string) uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	if s := g.streams[stream{sensorID, bootID}]; s != nil {
		return s.lost
	}
	return 0
}

// Forget drops what is known of a sensor's boot.
func (g *Gaps) Forget(sensorID, bootID string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.streams, stream{sensorID, bootID})
}

func (g *Gaps) stream(sensorID, bootID string) *seen {
	if g.streams == nil {
		g.streams = make(map[stream]*seen)
	}
	k := stream{sensorID, bootID}
	s := g.streams[k]
	if s == nil {
		s = &seen{from: 1}
		g.streams[k] = s
	}
	return s
}

func (s *seen) add(seq uint64) bool {
	s.known = max(s.known, seq)
	// i is the first range that ends at or after seq.
	i, _ := slices.BinarySearchFunc(s.ranges, seq, func(r Range, seq uint64) int {
		if r.Last < seq {
			return -1
		}
		return 1
	})
	if i < len(s.ranges) && s.ranges[i].First <= seq {
		return false
	}
	before := i > 0 && s.ranges[i-1].Last+1 == seq
	after := i < len(s.ranges) && seq+1 == s.ranges[i].First
	switch {
	case before && after:
		s.ranges[i-1].Last = s.ranges[i].Last
		s.ranges = slices.Delete(s.ranges, i, i+1)
	case before:
		s.ranges[i-1].Last = seq
	case after:
		s.ranges[i].First = seq
	default:
		s.ranges = slices.Insert(s.ranges, i, Range{seq, seq})
	}
	s.bound()
	return true
}

// bound joins the two lowest ranges when there are too many, and so gives up what lies between them.
func (s *seen) bound() {
	if len(s.ranges) <= maxRanges {
		return
	}
	low := max(s.ranges[0].Last+1, s.from)
	if next := s.ranges[1].First; next > low {
		s.lost += next - low
	}
	s.ranges[1].First = s.ranges[0].First
	s.ranges = slices.Delete(s.ranges, 0, 1)
}

func (s *seen) missing() []Range {
	var out []Range
	next := s.from
	for _, r := range s.ranges {
		if r.First > next {
			out = append(out, Range{next, r.First - 1})
		}
		if r.Last == math.MaxUint64 {
			return out
		}
		next = max(next, r.Last+1)
	}
	if s.known >= next {
		out = append(out, Range{next, s.known})
	}
	return out
}
