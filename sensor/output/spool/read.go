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
		view := *seg
		view.acked = slices.Clone(seg.acked)
		s.mu.Unlock()

		items, ok := s.readFrom(seg, view, max, maxBytes)
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

// readFrom reads on in seg, which is pinned once and of which view is a copy made under mu. It is not ok if the file
// cannot be read at the moment.
func (s *Spool) readFrom(seg *segment, view segment, max, maxBytes int) (items []*Item, ok bool) {
	want := int64(min(readChunk, maxBytes+headerSize+4096))
	for {
		n := min(want, view.synced-view.readOff)
		buf, err := s.readAt(seg.name, view.readOff, int(n))
		if err != nil {
			s.unreadable(seg, view, err)
			return nil, false
		}
		sc := scanner{buf: buf, base: view.readOff}
		items, index := s.scanItems(&sc, seg, view, max)
		atEnd := n == view.synced-view.readOff
		if sc.pos == 0 && !atEnd || index == view.readIndex && !atEnd {
			want *= 2 // one record larger than the chunk, or damage that long
			continue
		}
		off := view.readOff + int64(sc.pos)
		if atEnd && (len(items) < max) {
			off, index = view.synced, view.syncedCount // what the scanner could not read there is damaged
		}
		s.advance(seg, view, off, index, items)
		return items, true
	}
}

// scanItems reads up to max records and returns the index that should come next.
func (s *Spool) scanItems(sc *scanner, seg *segment, view segment, max int) (items []*Item, index uint32) {
	index = view.readIndex
	for len(items) < max {
		h, data, off, ok := sc.next()
		if !ok {
			break
		}
		if h.index < index || h.index >= view.syncedCount {
			continue
		}
		index = h.index + 1
		if view.acked.has(uint64(h.index)) {
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
func (s *Spool) advance(seg *segment, view segment, off int64, index uint32, items []*Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := view.readIndex
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
