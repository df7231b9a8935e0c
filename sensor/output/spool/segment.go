package spool

import (
	"fmt"
	"strings"
)

// A segment is one file of records of one class and one stream. Only the newest of a class is written to.
//
// The writer's goroutine owns file, size, count and pending; the rest is guarded by Spool.mu. What the reader may see
// ends at synced.
type segment struct {
	name   string
	no     uint64
	class  int
	stream string // first digits of its id

	file    File // open for writing; nil once sealed
	named   bool // the directory was synced since it was made
	size    int64
	count   uint32
	pending []*entry // written, not synced

	synced      int64
	syncedCount uint32
	sealed      bool // takes no more records
	acked       runs // indexes delivered, or counted as lost
	pinned      int  // records handed out
	changed     bool // acked or syncedCount differ from the control file's

	readOff    int64
	readIndex  uint32 // of the record that should begin at readOff
	readErrors int
}

// streamDigits is how many digits of a stream's id stand in the file's name: enough to tell apart the few streams that
// one spool ever holds.
const streamDigits = 8

func segmentName(no uint64, class int, stream string) string {
	return fmt.Sprintf("%010d-%d-%s.seg", no, class, stream)
}

func parseSegmentName(name string) (*segment, bool) {
	s := &segment{name: name, sealed: true, named: true}
	rest, ok := strings.CutSuffix(name, ".seg")
	if !ok {
		return nil, false
	}
	if _, err := fmt.Sscanf(rest, "%d-%d-%s", &s.no, &s.class, &s.stream); err != nil ||
		s.class < 0 || s.class >= Classes || segmentName(s.no, s.class, s.stream) != name {
		return nil, false
	}
	return s, true
}

func shortStream(id string) string {
	if len(id) < streamDigits {
		return strings.Repeat("0", streamDigits)
	}
	return id[:streamDigits]
}

// live is how many durable records are neither delivered nor lost.
func (s *segment) live() int { return int(s.syncedCount) - int(s.acked.count()) }

// settleRange marks [from, to) as settled and returns how many of them were not before.
func (s *segment) settleRange(from, to uint32) int {
	if from >= to {
		return 0
	}
	x := run{uint64(from), uint64(to) - 1}
	n := s.acked.missing(x)
	s.acked.addRun(x)
	s.changed = true
	return int(n)
}
