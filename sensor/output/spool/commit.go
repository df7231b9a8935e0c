package spool

import (
	"time"
)

// sync makes durable what was written; only then is it accepted, and may be taken. The control file's last record goes
// along: it tells what was durable before, so it need not wait for this commit, and the disk is asked once.
func (s *Spool) sync() {
	var dirty []*segment
	var files []File
	for _, seg := range s.actives {
		if seg != nil && len(seg.pending) > 0 {
			dirty = append(dirty, seg)
			files = append(files, seg.file)
		}
	}
	s.syncDue = time.Time{}
	if len(files) == 0 {
		return
	}
	withControl := s.ctl.dirty
	if withControl {
		files = append(files, s.ctl.files[s.ctl.cur])
	}
	errs := s.cfg.FS.SyncAll(files)
	nameErr := s.syncNames()
	if withControl {
		s.controlSynced(errs[len(dirty)])
	}
	var failed error
	for i, seg := range dirty {
		err := errs[i]
		if err == nil && !seg.named {
			err = nameErr
		}
		if err != nil {
			failed = err
			s.abandon(seg)
			continue
		}
		s.accept(seg)
	}
	if failed != nil {
		s.diskFailed(failed, true)
		return
	}
	s.diskWorks(true)
	s.writeControl()
	signal(s.ready)
}

func (s *Spool) syncNames() error {
	if !s.newNames && len(s.removed) == 0 {
		return nil
	}
	if err := s.cfg.FS.SyncDir(); err != nil {
		return err
	}
	s.newNames = false
	s.mu.Lock()
	for _, name := range s.removed {
		delete(s.gone, name)
	}
	s.mu.Unlock()
	s.removed = nil
	return nil
}

// accept notes that all of seg is durable.
func (s *Spool) accept(seg *segment) {
	late := time.Since(s.oldest) > acceptWithin
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range seg.pending {
		e.stream.decide(e.seq)
		s.release(e)
	}
	s.accepted += uint64(len(seg.pending))
	if late {
		s.late += uint64(len(seg.pending))
	}
	clear(seg.pending)
	seg.pending = seg.pending[:0]
	seg.named = true
	seg.synced, seg.syncedCount = seg.size, seg.count
	seg.changed = true
	s.touch()
}

// abandon gives up the end of a segment that could not be synced. After such an error the kernel may have thrown the
// pages away and will report success the next time, so the records are written again to another file. Should they turn
// up after a crash all the same, they are known by their numbers.
func (s *Spool) abandon(seg *segment) {
	_ = seg.file.Truncate(seg.synced) // it may fail like the sync did; the reader ends at synced in any case
	s.mu.Lock()
	s.used -= seg.size - seg.synced
	seg.size, seg.count = seg.synced, seg.syncedCount
	pending := seg.pending
	seg.pending = nil
	s.queue.putBack(pending)
	s.mu.Unlock()
	s.seal(seg)
}

// note makes the control file durable and then removes the files that it says are gone.
func (s *Spool) note() {
	if s.lock == nil || !s.writeControl() {
		return
	}
	if s.ctl.dirty {
		err := s.ctl.files[s.ctl.cur].Sync()
		s.controlSynced(err)
		if err != nil {
			s.diskFailed(err, false)
			return
		}
	}
	for _, name := range s.noted.gone {
		if err := s.remove(name); err != nil {
			s.diskFailed(err, false)
			return
		}
	}
	s.noted.gone = nil
	if err := s.syncNames(); err != nil {
		s.diskFailed(err, false)
		return
	}
	s.diskWorks(false)
}

// controlSynced ends a sync of the control file: what it says may be relied on.
func (s *Spool) controlSynced(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.ctl.fail()
		s.changed = true
		return
	}
	s.ctl.synced()
	if st := s.noted.stream; st != nil && (st.reserved != unbounded || st.last() <= s.noted.upto) {
		st.reserved = s.noted.upto
	}
}

// writeControl adds what changed to the control file. It is not durable yet.
func (s *Spool) writeControl() bool {
	s.mu.Lock()
	if !s.changed && s.ctl.begun {
		s.mu.Unlock()
		return true
	}
	s.changed = false
	s.dropSettled()
	change := s.controlRecord(false)
	full := s.controlRecord(true)
	cur := s.current()
	s.noted.stream, s.noted.upto = cur, change.Streams[len(change.Streams)-1].Upto
	s.noted.gone = full.Gone
	s.mu.Unlock()
	if err := s.ctl.write(change, func() controlRecord { return full }); err != nil {
		s.mu.Lock()
		s.changed = true // the next is a snapshot
		s.mu.Unlock()
		s.diskFailed(err, false)
		return false
	}
	return true
}

// controlRecord describes the present state: all of it, or what changed since it was last asked for. mu is held.
func (s *Spool) controlRecord(all bool) controlRecord {
	r := controlRecord{NextNo: s.nextNo, Lost: s.lost.list(), Segments: map[string]segmentState{}}
	for i, st := range s.streams {
		rec := streamRecord{ID: st.id, Upto: st.last(), Exact: true, Decided: append(runs(nil), st.decided...)}
		if i == len(s.streams)-1 && !s.closed {
			rec.Upto, rec.Exact = st.last()+s.cfg.Reserve, false
		}
		r.Streams = append(r.Streams, rec)
	}
	for _, list := range s.segments {
		for _, seg := range list {
			if all || seg.changed {
				r.Segments[seg.name] = segmentState{seg.syncedCount, append(runs(nil), seg.acked...)}
				seg.changed = false
			}
		}
	}
	for name := range s.gone {
		r.Gone = append(r.Gone, name)
	}
	return r
}
