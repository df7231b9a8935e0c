package spool

import (
	"errors"
	"io"
	"io/fs"
	"time"
)

// A place that cannot be read is tried again before what is there counts as damaged: a disk on the network may come
// back, a bad sector will not.
const (
	readAttempts = 30
	readPause    = time.Second
)

// reader holds the file read last. It belongs to the goroutine that calls Take.
type reader struct {
	name string
	file File
	buf  []byte
}

func (s *Spool) readAt(name string, off int64, n int) ([]byte, error) {
	r := &s.reader
	if r.name != name || r.file == nil {
		r.close()
		f, err := s.cfg.FS.Open(name, false)
		if err != nil {
			return nil, err
		}
		r.name, r.file = name, f
	}
	if cap(r.buf) < n {
		r.buf = make([]byte, n)
	}
	got, err := r.file.ReadAt(r.buf[:n], off)
	if err != nil && !errors.Is(err, io.EOF) {
		r.close()
		return nil, err
	}
	return r.buf[:got], nil
}

func (r *reader) close() {
	if r.file != nil {
		r.file.Close()
	}
	*r = reader{}
}

// reread reads the one record of an item that was given back. It reports whether it could.
func (s *Spool) reread(it *Item) bool {
	buf, err := s.readAt(it.seg.name, it.off, headerSize+it.length)
	if err == nil {
		sc := scanner{buf: buf, base: it.off}
		if h, data, off, ok := sc.next(); ok && off == it.off && h.seq == it.Seq {
			it.Data = append([]byte(nil), data...)
			return true
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	it.seg.pinned--
	s.lose(LostDamaged, it.seg.class, it.seg.settleRange(it.index, it.index+1))
	s.retireIfDone(it.seg)
	return false
}

// unreadable ends an attempt to read on in seg that failed.
func (s *Spool) unreadable(seg *segment, v view, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seg.pinned--
	seg.readErrors++
	if seg.readErrors == 1 {
		s.log.Error("spool cannot read what it stored", "file", seg.name, "err", err)
	}
	if seg.readErrors < readAttempts && !errors.Is(err, fs.ErrNotExist) {
		time.AfterFunc(readPause, func() { signal(s.ready) })
		return
	}
	s.lose(LostDamaged, seg.class, seg.settleRange(v.readIndex, v.syncedCount))
	seg.readOff, seg.readIndex, seg.readErrors = v.synced, v.syncedCount, 0
	s.retireIfDone(seg)
	signal(s.ready)
}
