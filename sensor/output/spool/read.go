package spool

import (
	"slices"
)

// An Item is a record handed out by Take. Exactly one of Ack, Nack and Discard ends it.
type Item struct {
	Seq  uint64
	Data []byte // not to be changed; gone after Nack

	entry  *entry   // of one that is in memory alone
	seg    *segment // of one on disk
	index  uint32
	off    int64
	length int
}

const readChunk = 128 << 10

// A view is what of a segment may be read, as it was when its reading began.
type view struct {
	readOff     int64
	readIndex   uint32
	synced      int64
	syncedCount uint32
	acked       runs
}

// Ready is signalled when there may be something to take.
func (s *Spool) Ready() <-chan struct{} { return s.ready }

// Take returns up to max records and about maxBytes, at least one if there is one: what was given back first, then the
// most severe, each severity in order. Only what is durable is handed out, unless the disk does not work. Like no other
// method it reads from the disk, and may wait for it.
func (s *Spool) Take(max, maxBytes int) []*Item {
	var items []*Item
	bytes := 0
	for len(items) < max && (bytes < maxBytes || len(items) == 0) {
		got := s.takeSome(max-len(items), maxBytes-bytes)
		if len(got) == 0 {
			break
		}
		for _, it := range got {
			bytes += len(it.Data)
		}
		items = append(items, got...)
	}
	return items
}

// takeSome takes from one place.
func (s *Spool) takeSome(max, maxBytes int) []*Item {
	for {
		s.mu.Lock()
		if len(s.retry) > 0 {
			it := s.retry[0]
			s.retry[0] = nil
			s.retry = s.retry[1:]
			it.seg.pinned++
			s.mu.Unlock()
			if s.reread(it) {
				return []*Item{it}
			}
			continue
		}
		if s.diskErr != nil {
			if e := s.queue.takeSevere(); e != nil {
				s.mu.Unlock()
				return []*Item{{Seq: e.seq, Data: e.data, entry: e}}
			}
		}
		seg := s.nextSegment()
		if seg == nil {
			s.mu.Unlock()
			return nil
		}
		seg.pinned++
		v := view{seg.readOff, seg.readIndex, seg.synced, seg.syncedCount, slices.Clone(seg.acked)}
		s.mu.Unlock()

		items, ok := s.readFrom(seg, v, max, maxBytes)
		if !ok || len(items) > 0 {
			return items
		}
	}
}

// nextSegment is the oldest of the most severe class that has something unread. mu is held.
func (s *Spool) nextSegment() *segment {
	for c := Classes - 1; c >= 0; c-- {
		for _, seg := range s.segments[c] {
			if seg.readIndex < seg.syncedCount {
				return seg
			}
		}
	}
	return nil
}

// readFrom reads on in seg, which is pinned once and of which v was made under mu. It is not ok if the file
// cannot be read at the moment.
func (s *Spool) readFrom(seg *segment, v view, max, maxBytes int) (items []*Item, ok bool) {
	want := int64(min(readChunk, maxBytes+headerSize+4096))
	for {
		n := min(want, v.synced-v.readOff)
		buf, err := s.readAt(seg.name, v.readOff, int(n))
		if err != nil {
			s.unreadable(seg, v, err)
			return nil, false
		}
		sc := scanner{buf: buf, base: v.readOff}
		items, index := s.scanItems(&sc, seg, v, max)
		atEnd := n == v.synced-v.readOff
		if sc.pos == 0 && !atEnd || index == v.readIndex && !atEnd {
			want *= 2 // one record larger than the chunk, or damage that long
			continue
		}
		off := v.readOff + int64(sc.pos)
		if atEnd && (len(items) < max) {
			off, index = v.synced, v.syncedCount // what the scanner could not read there is damaged
		}
		s.advance(seg, v, off, index, items)
		return items, true
	}
}

// scanItems reads up to max records and returns the index that should come next.
func (s *Spool) scanItems(sc *scanner, seg *segment, v view, max int) (items []*Item, index uint32) {
	index = v.readIndex
	for len(items) < max {
		h, data, off, ok := sc.next()
		if !ok {
			break
		}
		if h.index < index || h.index >= v.syncedCount {
			continue
		}
		index = h.index + 1
		if v.acked.has(uint64(h.index)) {
			continue
		}
		items = append(items, &Item{
			Seq: h.seq, Data: append([]byte(nil), data...),
			seg: seg, index: h.index, off: off, length: int(h.length),
		})
	}
	return items, index
}

// advance moves the place to read on and counts what was missing on the way.
func (s *Spool) advance(seg *segment, v view, off int64, index uint32, items []*Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := v.readIndex
	for _, it := range items {
		s.lose(LostDamaged, seg.class, seg.settleRange(from, it.index))
		from = it.index + 1
	}
	s.lose(LostDamaged, seg.class, seg.settleRange(from, index))
	seg.readOff, seg.readIndex, seg.readErrors = off, index, 0
	seg.pinned--
	seg.pinned += len(items)
	s.retireIfDone(seg)
}
