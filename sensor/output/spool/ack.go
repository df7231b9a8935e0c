package spool

// Ack ends an item that was delivered.
func (s *Spool) Ack(it *Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delivered++
	if it.entry != nil {
		it.entry.stream.decide(it.Seq)
		s.release(it.entry)
		s.touch()
		return
	}
	s.settle(it)
}

// Discard ends an item that can never be delivered and counts it as lost.
func (s *Spool) Discard(it *Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if it.entry != nil {
		s.loseEntry(LostDiscarded, it.entry)
		return
	}
	s.lose(LostDiscarded, it.seg.class, 1)
	s.settle(it)
}

// Nack gives an item back that was not delivered: it will be taken again.
func (s *Spool) Nack(it *Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer signal(s.ready)
	if it.entry != nil {
		s.queue.putBack([]*entry{it.entry})
		signal(s.wake)
		return
	}
	it.Data = nil
	it.seg.pinned--
	s.retry = append(s.retry, it)
}

// settle is called with mu held.
func (s *Spool) settle(it *Item) {
	it.seg.settleRange(it.index, it.index+1)
	it.seg.pinned--
	s.retireIfDone(it.seg)
	s.touch()
}

// purgeRetries forgets the items given back of a segment that is dropped. mu is held.
func (s *Spool) purgeRetries(seg *segment) {
	kept := s.retry[:0]
	for _, it := range s.retry {
		if it.seg != seg {
			kept = append(kept, it)
		}
	}
	clear(s.retry[len(kept):])
	s.retry = kept
}
