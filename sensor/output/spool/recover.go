package spool

import (
	"fmt"
	"slices"
)

// attach locks the directory and takes up what an earlier run left in it. If it fails, nothing has changed, and it may
// be called again; the streams begun meanwhile stay.
func (s *Spool) attach() (err error) {
	lock, err := s.cfg.FS.Lock()
	if err != nil {
		return err
	}
	ctl := control{fs: s.cfg.FS, size: s.cfg.controlSize}
	defer func() {
		if err != nil {
			ctl.close()
			lock.Close()
		}
	}()
	if err := ctl.open(); err != nil {
		return err
	}
	state, ok, used, err := ctl.load()
	if err != nil {
		return err
	}
	r := recovery{state: state, found: map[string]*runs{}, lost: lostCounts{}}
	if err := r.readSegments(s.cfg.FS); err != nil {
		return err
	}
	if used && !ok {
		s.log.Error("control files damaged: what is stored is delivered, perhaps again, and the count begins anew")
	}
	if r.torn > 0 {
		s.log.Warn("spool was not closed: files end in incomplete records, which are left out", "files", r.torn)
	}
	s.adopt(r)
	s.lock, s.ctl = lock, ctl
	s.mu.Lock()
	s.changed = true
	s.mu.Unlock()
	s.note() // reserves numbers; if it fails they come from a new stream, and it is tried again
	signal(s.ready)
	return nil
}

// recovery is what was found in the directory.
type recovery struct {
	state    controlRecord
	segments []*segment
	found    map[string]*runs // by stream: numbers in segments that the control file does not account for
	lost     lostCounts
	gone     []string
	nextNo   uint64
	torn     int // segments that end in bytes that are no record
}

func (r *recovery) readSegments(fs FS) error {
	names, err := fs.List()
	if err != nil {
		return err
	}
	slices.Sort(names)
	present := map[string]bool{}
	for _, name := range names {
		seg, ok := parseSegmentName(name)
		if !ok {
			continue
		}
		r.nextNo = max(r.nextNo, seg.no+1)
		if slices.Contains(r.state.Gone, name) {
			r.gone = append(r.gone, name)
			continue
		}
		present[name] = true
		if err := r.readSegment(fs, seg); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	r.nextNo = max(r.nextNo, r.state.NextNo)
	for name, st := range r.state.Segments {
		if seg, ok := parseSegmentName(name); ok && !present[name] {
			seg.syncedCount, seg.acked = st.Count, st.Acked
			r.lost[lostKey{LostDamaged, seg.class}] += uint64(max(seg.live(), 0))
		}
	}
	return nil
}

// readSegment checks every record of a segment. Those beyond what the control file knows were written in the last
// moments: they count if nobody else accounts for their number.
func (r *recovery) readSegment(fs FS, seg *segment) error {
	f, err := fs.Open(seg.name, false)
	if err != nil {
		return err
	}
	defer f.Close()
	buf, err := readAll(f)
	if err != nil {
		return err
	}
	known := r.state.Segments[seg.name]
	seg.acked = append(runs(nil), known.Acked...)
	var good runs
	var next uint32
	s := scanner{buf: buf}
	for h, _, off, ok := s.next(); ok; h, _, off, ok = s.next() {
		if h.index < next {
			continue // left from before the file was cut
		}
		next = h.index + 1
		good.add(uint64(h.index))
		seg.size = off + headerSize + int64(h.length)
		// With a part of the control file missing, a settled number may be this very record's: better twice than never.
		if h.index >= known.Count && !r.take(seg.stream, h.seq) && !r.state.partial {
			seg.acked.add(uint64(h.index))
		}
	}
	if int64(len(buf)) > seg.size {
		r.torn++
	}
	seg.count = max(next, known.Count)
	if seg.count > 0 {
		r.settleMissing(seg, good, known.Count)
	}
	seg.synced, seg.syncedCount = seg.size, seg.count
	r.segments = append(r.segments, seg)
	return nil
}

// settleMissing counts the records that cannot be read. Of those that the control file does not know nothing is
// counted here: their numbers are not found, and are counted with their stream's.
func (r *recovery) settleMissing(seg *segment, good runs, known uint32) {
	from := uint32(0)
	for _, g := range append(good, run{uint64(seg.count), uint64(seg.count)}) {
		to := uint32(g[0])
		n := seg.settleRange(min(from, known), min(to, known))
		r.lost[lostKey{LostDamaged, seg.class}] += uint64(n)
		seg.settleRange(max(from, known), max(to, known))
		from = uint32(g[1]) + 1
	}
}

// take claims a number for a record and reports whether it was free: neither settled nor found before.
func (r *recovery) take(stream string, seq uint64) bool {
	for _, st := range r.state.Streams {
		if shortStream(st.ID) == stream && st.Decided.has(seq) {
			return false
		}
	}
	if r.found[stream] == nil {
		r.found[stream] = new(runs)
	}
	return r.found[stream].add(seq)
}

// closeStreams settles every stream: what was given and is not accounted for was lost. The last goes on from there.
func (r *recovery) closeStreams(c *counter) *stream {
	var cur *stream
	for i, rec := range r.state.Streams {
		upto, exact := rec.Upto, rec.Exact
		if n, ok := c.load(rec.ID); ok && !exact && n <= upto {
			upto = n
		}
		decided := append(runs(nil), rec.Decided...)
		if found := r.found[shortStream(rec.ID)]; found != nil {
			for _, x := range *found {
				decided.addRun(x)
			}
		}
		if n := len(decided); n > 0 {
			upto = max(upto, decided[n-1][1])
		}
		reason := LostCrash
		if exact && i == len(r.state.Streams)-1 {
			reason = LostUnseen
		}
		r.lost[lostKey{reason, 0}] += decided.missing(run{1, upto})
		cur = &stream{id: rec.ID, next: upto + 1, decided: runs{{1, upto}}}
		if upto == 0 {
			cur.decided = nil
		}
	}
	return cur
}

// adopt makes what was found the spool's state.
func (s *Spool) adopt(r recovery) {
	cur := r.closeStreams(s.counter)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.streams) == 0 && cur != nil {
		s.streams = []*stream{cur}
	}
	if len(s.streams) == 0 {
		s.streams = []*stream{newStream()}
	}
	for _, l := range r.state.Lost {
		s.lost[lostKey{l.Reason, l.Class}] += l.Count
	}
	for k, n := range r.lost {
		if n > 0 {
			s.lost[k] += n
		}
	}
	s.nextNo = r.nextNo
	for _, name := range append(r.gone, r.state.Gone...) {
		s.gone[name] = &goneFile{}
	}
	for _, seg := range r.segments {
		s.segments[seg.class] = append(s.segments[seg.class], seg)
		s.used += seg.size
	}
	for _, seg := range r.segments {
		s.retireIfDone(seg)
	}
}
