package spool

import (
	"errors"
	"syscall"
	"time"
)

// chunkBytes bounds one write, so that making room for it does not drop more than needed.
const chunkBytes = 256 << 10

// write puts everything queued into files, the most severe first.
func (s *Spool) write() {
	s.mu.Lock()
	lists := s.queue.takeAll()
	s.mu.Unlock()
	var failed error
	for c := Classes - 1; c >= 0; c-- {
		rest := lists[c]
		for len(rest) > 0 && failed == nil {
			var n int
			n, failed = s.writeChunk(c, rest)
			rest = rest[n:]
		}
		s.mu.Lock()
		s.queue.putBack(rest)
		s.mu.Unlock()
	}
	if failed != nil {
		s.diskFailed(failed, true)
	}
}

// writeChunk writes or drops at least one of entries, which are of class c, and returns how many are done with.
func (s *Spool) writeChunk(c int, entries []*entry) (int, error) {
	n, size := 0, int64(0)
	for n < len(entries) && entries[n].stream == entries[0].stream {
		more := int64(headerSize + len(entries[n].data))
		if n > 0 && size+more > min(chunkBytes, s.cfg.SegmentBytes) {
			break
		}
		size += more
		n++
	}
	if !s.makeRoom(c, size) {
		if s.failed != nil {
			return 0, s.failed
		}
		s.mu.Lock()
		s.loseEntry(LostFull, entries[0])
		s.mu.Unlock()
		return 1, nil
	}
	seg, err := s.active(c, shortStream(entries[0].stream.id), size)
	if err != nil {
		return 0, err
	}
	buf := make([]byte, 0, size)
	for i, e := range entries[:n] {
		buf = appendRecord(buf, e.seq, seg.count+uint32(i), e.data)
	}
	if _, err := seg.file.WriteAt(buf, seg.size); err != nil {
		if errors.Is(err, syscall.ENOSPC) && s.evict(c-1) {
			return 0, nil // others filled the disk: go without what is less severe
		}
		return 0, err
	}
	s.mu.Lock()
	seg.size += size
	seg.count += uint32(n)
	seg.pending = append(seg.pending, entries[:n]...)
	s.used += size
	s.mu.Unlock()
	if s.syncDue.IsZero() {
		s.oldest = time.Now()
		s.syncDue = s.oldest.Add(s.cfg.CommitDelay)
	}
	return n, nil
}

// active returns the segment that a chunk of class c goes to, a new one if the present one is full.
func (s *Spool) active(c int, stream string, size int64) (*segment, error) {
	if seg := s.actives[c]; seg != nil {
		if seg.stream == stream && (seg.size == 0 || seg.size+size <= s.cfg.SegmentBytes) {
			return seg, nil
		}
		if len(seg.pending) > 0 {
			s.sync() // a sealed segment is durable
			if s.failed != nil {
				return nil, s.failed
			}
		}
		s.seal(seg)
	}
	seg := &segment{no: s.nextNo, class: c, stream: stream}
	seg.name = segmentName(seg.no, c, stream)
	f, err := s.cfg.FS.Open(seg.name, true)
	if err != nil {
		return nil, err
	}
	s.nextNo++
	s.newNames = true
	seg.file = f
	s.actives[c] = seg
	s.mu.Lock()
	s.segments[c] = append(s.segments[c], seg)
	s.mu.Unlock()
	return seg, nil
}

// seal ends a segment: no more is written to it.
func (s *Spool) seal(seg *segment) {
	if s.actives[seg.class] == seg {
		s.actives[seg.class] = nil
	}
	if seg.file != nil {
		seg.file.Close()
		seg.file = nil
	}
	s.mu.Lock()
	seg.sealed = true
	s.retireIfDone(seg)
	s.mu.Unlock()
}

// retireIfDone gives up a sealed segment whose records are all settled. It is called with mu held.
func (s *Spool) retireIfDone(seg *segment) {
	if seg.sealed && seg.live() == 0 && seg.pinned == 0 && len(seg.pending) == 0 {
		s.forget(seg)
	}
}

// forget takes a segment out of the lists; its file is removed once the control file says so. mu is held.
func (s *Spool) forget(seg *segment) {
	list := s.segments[seg.class]
	for i := range list {
		if list[i] == seg {
			s.segments[seg.class] = append(list[:i:i], list[i+1:]...)
			s.gone[seg.name] = &goneFile{size: seg.size}
			s.touch()
			return
		}
	}
}

// makeRoom sees to it that n more bytes fit, by dropping what is at most as severe as class c.
func (s *Spool) makeRoom(c int, n int64) bool {
	fits := func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.used+n <= s.cfg.MaxBytes
	}
	if fits() {
		return true
	}
	s.note() // removes what is delivered
	for !fits() {
		if !s.evict(c) {
			return false
		}
	}
	return true
}

// evict drops the oldest segment of the least severe class up to c. One of which records are on their way to Pub/Sub
// stays: they might arrive and be counted as lost all the same.
func (s *Spool) evict(c int) bool {
	s.mu.Lock()
	var victim *segment
	for v := 0; v <= c && victim == nil; v++ {
		for _, seg := range s.segments[v] {
			if seg.pinned == 0 && len(seg.pending) == 0 && seg.size > 0 {
				victim = seg
				break
			}
		}
	}
	if victim == nil {
		s.mu.Unlock()
		return false
	}
	s.lose(LostFull, victim.class, victim.live())
	s.purgeRetries(victim)
	s.forget(victim)
	s.mu.Unlock()
	if s.actives[victim.class] == victim {
		s.seal(victim)
	}
	// The control file first, so that what was delivered of it is known; if that cannot be written, space is worth more
	// than the exact count: after a crash the records that are not there are counted, delivered or not.
	s.note()
	return s.remove(victim.name) == nil
}

// remove removes a file that is in s.gone, once.
func (s *Spool) remove(name string) error {
	s.mu.Lock()
	g := s.gone[name]
	s.mu.Unlock()
	if g == nil || g.removed {
		return nil
	}
	if err := s.cfg.FS.Remove(name); err != nil {
		return err
	}
	s.removed = append(s.removed, name)
	s.mu.Lock()
	s.used -= g.size
	g.removed = true
	s.mu.Unlock()
	return nil
}
