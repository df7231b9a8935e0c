package output

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"tiercel.dev/alert"
)

// Config bounds the queue of each output and how it is tried again. The zero value means the defaults.
type Config struct {
	QueueAlerts int           // alerts that may wait for one output; 4096
	QueueBytes  int           // their size as messages; 8 MiB. Outputs share the alerts, so memory is not times outputs
	BackoffMin  time.Duration // after the first failure; 100 ms, then twice as long each time
	BackoffMax  time.Duration // 30 s
	StuckAfter  time.Duration // an attempt this long makes the output's state [StateStuck]; 10 s
}

func (c Config) withDefaults() Config {
	set(&c.QueueAlerts, 4096)
	set(&c.QueueBytes, 8<<20)
	set(&c.BackoffMin, 100*time.Millisecond)
	set(&c.BackoffMax, 30*time.Second)
	set(&c.StuckAfter, 10*time.Second)
	return c
}

func set[T int | time.Duration](v *T, def T) {
	if *v == 0 {
		*v = def
	}
}

// Validate reports the first field that makes no sense.
func (c Config) Validate() error {
	c = c.withDefaults()
	switch {
	case c.QueueAlerts < 1:
		return fmt.Errorf("QueueAlerts %d: at least 1", c.QueueAlerts)
	case c.QueueBytes < alert.MaxSize:
		return fmt.Errorf("QueueBytes %d: less than one alert of %d", c.QueueBytes, alert.MaxSize)
	case c.BackoffMin < 0 || c.BackoffMax < c.BackoffMin:
		return fmt.Errorf("BackoffMin %v, BackoffMax %v: not in order", c.BackoffMin, c.BackoffMax)
	case c.StuckAfter < 0:
		return fmt.Errorf("StuckAfter %v: negative", c.StuckAfter)
	}
	return nil
}

// A Fanout gives each alert to every output.
type Fanout struct {
	cfg Config
	log *slog.Logger
	seq Sequence

	mu         sync.Mutex // makes the order of numbers the order in every queue; held for no I/O
	closed     bool
	workers    []*worker
	publishers []publisher
	late       drops
}

type publisher struct {
	name string
	Publisher
	heartbeats bool
}

// NewFanout makes a Fanout without outputs. seq numbers the alerts; nil stands for a [NewSequence].
func NewFanout(cfg Config, seq Sequence, log *slog.Logger) *Fanout {
	if seq == nil {
		seq = NewSequence()
	}
	return &Fanout{cfg: cfg.withDefaults(), seq: seq, log: log, late: drops{}}
}

// Add starts o under a name that stands in logs and statistics. With heartbeats it is given those too. The Fanout owns
// o from now on.
func (f *Fanout) Add(name string, o Output, heartbeats bool) {
	w := newWorker(name, o, heartbeats, f.cfg, f.log)
	f.mu.Lock()
	f.workers = append(f.workers, w)
	f.mu.Unlock()
	go w.run()
}

// AddPublisher adds an output with a queue of its own.
func (f *Fanout) AddPublisher(name string, p Publisher, heartbeats bool) {
	f.mu.Lock()
	f.publishers = append(f.publishers, publisher{name, p, heartbeats})
	f.mu.Unlock()
}

// Publish numbers a, or has a heartbeat say which number was the last, and gives it to the outputs. It never waits for
// one. The caller must not change a afterwards.
func (f *Fanout) Publish(a *alert.Alert) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		f.late.add(DropClosed, a)
		return
	}
	heartbeat := a.GetKind() == alert.KindHeartbeat
	if heartbeat {
		boot, last := f.seq.Last()
		a.BootId = boot
		if h := a.GetHeartbeat(); h != nil {
			h.LastSeq = last
		}
		a.AlertId = alert.HeartbeatID(a.SensorId, a.BootId, a.Time)
	} else {
		a.BootId, a.Seq = f.seq.Next()
		a.AlertId = alert.ID(a.SensorId, a.BootId, a.Seq)
	}
	size := proto.Size(a)
	for _, w := range f.workers {
		if !heartbeat || w.heartbeats {
			w.publish(a, size)
		}
	}
	for _, p := range f.publishers {
		if !heartbeat || p.heartbeats {
			p.Publish(a)
		}
	}
}

// Reopen tells every output that can that its file was moved away. It returns at once.
func (f *Fanout) Reopen() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, w := range f.workers {
		w.requestReopen()
	}
}

// Stats returns each output's, in the order they were added, publishers last.
func (f *Fanout) Stats() []Stats {
	f.mu.Lock()
	workers, publishers := f.workers, f.publishers
	f.mu.Unlock()
	var out []Stats
	for _, w := range workers {
		out = append(out, w.stats())
	}
	for _, p := range publishers {
		s := p.Stats()
		s.Name = p.name
		out = append(out, s)
	}
	return out
}

// Close writes what waits until ctx is done; what is left then is counted and the output named in the error. An output
// that hangs is left behind with its goroutine.
func (f *Fanout) Close(ctx context.Context) error {
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return nil
	}
	f.closed = true
	f.mu.Unlock()

	errs := make([]error, len(f.workers)+len(f.publishers))
	var wg sync.WaitGroup
	for i, w := range f.workers {
		wg.Go(func() { errs[i] = w.close(ctx) })
	}
	for i, p := range f.publishers {
		wg.Go(func() {
			if err := p.Close(ctx); err != nil {
				errs[len(f.workers)+i] = fmt.Errorf("output %s: %w", p.name, err)
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
