package spool

import (
	"time"
)

// noteDelay is how long the control file may lag behind deliveries. What a crash forgets in that time is delivered
// again.
const noteDelay = time.Second

// acceptWithin is the promise: longer, and the record counts as late.
const acceptWithin = 50 * time.Millisecond

// run is the writer's goroutine: all I/O but reading is done here. It sleeps while there is nothing to do.
func (s *Spool) run() {
	defer close(s.done)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		s.step(time.Now())
		timer.Reset(s.untilNext(time.Now()))
		select {
		case <-s.wake:
		case <-timer.C:
		case <-s.stop:
			s.finish()
			return
		}
	}
}

func (s *Spool) step(now time.Time) {
	s.failed = nil
	if s.failing() && now.Before(s.retryAt) {
		return
	}
	if s.lock == nil {
		if err := s.attach(); err != nil {
			s.diskFailed(err, false)
			return
		}
		s.diskWorks(true)
	}
	s.write()
	if !s.syncDue.IsZero() && !now.Before(s.syncDue) {
		s.sync()
	}
	s.noteWhenDue(now)
}

// noteWhenDue syncs the control file: at once if numbers or space run short, else a while after something changed.
func (s *Spool) noteWhenDue(now time.Time) {
	s.mu.Lock()
	changed := s.changed
	cur := s.current()
	urgent := cur.reserved == unbounded || cur.reserved-cur.last() < s.cfg.Reserve/2
	s.mu.Unlock()
	switch {
	case !changed && !s.ctl.dirty && len(s.removed) == 0:
		s.noteDue = time.Time{}
	case urgent || !s.noteDue.IsZero() && !now.Before(s.noteDue):
		s.noteDue = time.Time{}
		s.note()
	case s.noteDue.IsZero():
		s.noteDue = now.Add(noteDelay)
	}
}

// untilNext is how long there is nothing to do, if nothing happens.
func (s *Spool) untilNext(now time.Time) time.Duration {
	s.mu.Lock()
	failing := s.diskErr != nil
	waiting := s.queue.count > 0 || s.lock == nil
	s.mu.Unlock()
	next := now.Add(time.Hour)
	earlier := func(t time.Time) {
		if failing && t.Before(s.retryAt) {
			t = s.retryAt
		}
		if t.Before(next) {
			next = t
		}
	}
	if failing && waiting {
		earlier(s.retryAt)
	}
	if !s.syncDue.IsZero() {
		earlier(s.syncDue)
	}
	if !s.noteDue.IsZero() {
		earlier(s.noteDue)
	}
	return max(next.Sub(now), 0)
}

func (s *Spool) failing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.diskErr != nil
}

// diskFailed makes memory the only place for a while. data says that records could not be written.
func (s *Spool) diskFailed(err error, data bool) {
	s.failed = err
	s.dataErr = s.dataErr || data
	s.mu.Lock()
	first := s.diskErr == nil
	s.diskErr = err
	s.mu.Unlock()
	s.retryIn = min(max(s.retryIn*2, s.cfg.RetryMin), s.cfg.RetryMax)
	s.retryAt = time.Now().Add(s.retryIn)
	if first {
		s.log.Error("spool cannot use its disk; alerts are kept in memory while they fit", "err", err)
	}
	signal(s.ready)
}

// diskWorks ends that state. If records could not be written, only written ones do: on a full disk the control files,
// written in place, still work.
func (s *Spool) diskWorks(data bool) {
	if s.dataErr && !data || s.failed != nil {
		return
	}
	s.dataErr = false
	s.retryIn = 0
	s.mu.Lock()
	was := s.diskErr
	s.diskErr = nil
	s.mu.Unlock()
	if was != nil {
		s.log.Info("spool can use its disk again", "was", was)
	}
}

// finish makes durable what waits and closes everything.
func (s *Spool) finish() {
	s.failed = nil
	if s.lock == nil {
		if err := s.attach(); err != nil {
			s.diskFailed(err, false)
		}
	}
	if s.lock != nil {
		s.write()
		s.sync()
	}
	s.mu.Lock()
	for _, list := range s.queue.takeAll() {
		for _, e := range list {
			s.loseEntry(LostClosed, e)
		}
	}
	s.changed = true
	s.mu.Unlock()
	if s.lock == nil {
		return
	}
	s.note()
	for _, seg := range s.actives {
		if seg != nil {
			seg.file.Close()
		}
	}
	s.ctl.close()
	s.lock.Close()
}
