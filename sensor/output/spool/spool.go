package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"
)

// A Spool is safe for concurrent use, except that one goroutine alone calls Take. Next, Put, Ack, Nack and Stats never
// wait for the disk.
type Spool struct {
	cfg     Config
	log     *slog.Logger
	counter *counter

	wake  chan struct{} // there is work for run
	ready chan struct{} // there is something to take
	stop  chan struct{}
	done  chan struct{}

	mu       sync.Mutex // never held during I/O
	closed   bool
	queue    queue
	memory   int       // cost of the entries that are not durable
	entries  int       // how many these are
	streams  []*stream // never empty; the last gives the numbers
	foreign  stream
	segments [Classes][]*segment // oldest first
	retry    []*Item             // given back: taken again before others
	used     int64               // bytes of segment files, gone ones included until they are removed
	gone     map[string]*goneFile
	lost     lostCounts
	changed  bool // there is something the control file should know
	diskErr  error
	accepted, delivered,
	late uint64

	// What follows belongs to the writer's goroutine.
	lock     io.Closer // nil while the directory could not be opened
	ctl      control
	actives  [Classes]*segment
	nextNo   uint64
	newNames bool // a file was made since the directory was synced
	removed  []string
	noted    noted
	failed   error // of this step
	dataErr  bool  // diskErr came from writing records, so only writing records can end it
	retryAt  time.Time
	retryIn  time.Duration
	syncDue  time.Time // zero if nothing waits for a sync
	oldest   time.Time // when the oldest unsynced write was made
	noteDue  time.Time // zero if the control file is up to date

	reader reader // of the goroutine that takes
}

// goneFile is a file that is to be removed, or was and might still be there after a power loss.
type goneFile struct {
	size    int64
	removed bool
}

// noted is what a control record says that may be relied on once it is durable.
type noted struct {
	stream *stream
	upto   uint64
	gone   []string
}

// Open opens the spool in cfg.Dir and makes it if it is not there. A disk that cannot be used is no error: alerts are
// kept in memory, as many as fit, until it can; [Stats] tells. [ErrLocked] and a bad Config are.
//
// It reads all that is stored to check it: up to a few seconds for a full spool on a slow disk.
func Open(cfg Config, log *slog.Logger) (*Spool, error) {
	s, err := open(cfg, log)
	if err != nil {
		return nil, err
	}
	go s.run()
	return s, nil
}

func open(cfg Config, log *slog.Logger) (*Spool, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("spool: %w", err)
	}
	s := &Spool{
		cfg: cfg.withDefaults(), log: log.With("spool", cfg.Dir),
		wake: make(chan struct{}, 1), ready: make(chan struct{}, 1),
		stop: make(chan struct{}), done: make(chan struct{}),
		gone: map[string]*goneFile{}, lost: lostCounts{},
		foreign: stream{reserved: unbounded},
	}
	var err error
	if s.counter, err = openCounter(s.cfg.Counter); err != nil {
		s.log.Warn("numbers cannot be kept in memory over a crash; losses will be counted too high", "err", err)
	}
	if err := s.attach(); errors.Is(err, ErrLocked) {
		return nil, fmt.Errorf("spool: %w", err)
	} else if err != nil {
		s.diskFailed(err, false)
	}
	if len(s.streams) == 0 {
		s.streams = []*stream{newStream()}
	}
	return s, nil
}

// Put hands in the alert that got number seq of the stream bootID from [Spool.Next]. It never waits; the record is
// accepted a commit later, or counted as lost. class is its severity; a wrong one is brought within bounds.
func (s *Spool) Put(bootID string, seq uint64, class int, data []byte) error {
	s.mu.Lock()
	e := &entry{s.streamOf(bootID), seq, min(max(class, 0), Classes-1), data}
	s.admit(e)
	defer signal(s.wake)
	defer s.mu.Unlock()
	switch {
	case len(data) > MaxData:
		s.loseEntry(LostDiscarded, e)
		return fmt.Errorf("alert %d of %d bytes: %w", seq, len(data), ErrLarge)
	case s.closed:
		s.loseEntry(LostClosed, e)
		return nil
	}
	for s.memory > s.cfg.MemoryBytes {
		victim := s.queue.takeLeast(e.class)
		if victim == nil {
			s.loseEntry(LostMemory, e)
			return nil
		}
		s.loseEntry(LostMemory, victim)
	}
	s.queue.push(e)
	if s.diskErr != nil {
		signal(s.ready)
	}
	return nil
}

// admit and release keep account of what is in memory alone. mu is held.
func (s *Spool) admit(e *entry) {
	s.memory += e.cost()
	s.entries++
}

func (s *Spool) release(e *entry) {
	s.memory -= e.cost()
	s.entries--
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// touch says that the control file is behind. It is called with mu held.
func (s *Spool) touch() {
	if !s.changed {
		s.changed = true
		signal(s.wake)
	}
}

// Stats is how the spool is. Counts of losses are kept on disk and run since the spool was made; the others since Open.
type Stats struct {
	Accepted  uint64 // durable
	Late      uint64 // of these, accepted later than 50 ms after they were written, since the disk was slow
	Delivered uint64
	OnDisk    int // records neither delivered nor lost
	InMemory  int // records not durable yet
	Bytes     int64
	Lost      []Lost
	DiskError error // why the disk is not used at the moment
}

func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Stats{
		Accepted: s.accepted, Late: s.late, Delivered: s.delivered, InMemory: s.entries,
		Bytes: s.used, Lost: s.lost.list(), DiskError: s.diskErr,
	}
	for _, list := range s.segments {
		for _, seg := range list {
			st.OnDisk += seg.live()
		}
	}
	return st
}

// Close makes durable what waits, notes that nothing was lost, and lets go of the directory, at most until ctx is done.
// What was not delivered is there after the next Open.
func (s *Spool) Close(ctx context.Context) error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		close(s.stop)
	}
	s.mu.Unlock()
	select {
	case <-s.done:
	case <-ctx.Done():
		return fmt.Errorf("spool %s: the disk hangs: %w", s.cfg.Dir, ctx.Err())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.diskErr != nil {
		return fmt.Errorf("spool %s: %w", s.cfg.Dir, s.diskErr)
	}
	return nil
}
