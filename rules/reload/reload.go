// Package reload keeps a rule set in force that follows its files: when they change it loads all of them anew and swaps
// the whole set, or, if anything is wrong, keeps the one in force and says so. It notices changes by inotify, the swap of
// a mounted ConfigMap's symbolic link among them, and looks at the files now and then besides, since inotify sees
// nothing on some network filesystems. sensor/command runs it; what the rules say is package rules' matter.
package reload

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"tiercel.dev/rules"
)

// A Config says what to load and when to look.
type Config struct {
	// Paths are rule files and directories of them, in order; see [rules.Read].
	Paths []string
	// Before are sources loaded before those of Paths: the shipped library.
	Before  []rules.Source
	Options rules.Options
	// Every is how often the files are looked at without a sign of a change. Default 30 s.
	Every time.Duration
	// Settle is how long files must have been left alone before they are loaded, since an editor or a kubelet changes
	// them in steps. Default 200 ms.
	Settle time.Duration
	// Changed is called with each set that comes into force after the first, before Current returns it.
	Changed func(*rules.Set)
}

// Validate names the first field that is wrong.
func (c Config) Validate() error {
	switch {
	case len(c.Paths) == 0 && len(c.Before) == 0:
		return errors.New("reload: Paths is empty")
	case c.Every < 0:
		return errors.New("reload: Every is negative")
	case c.Settle < 0:
		return errors.New("reload: Settle is negative")
	}
	return nil
}

// A Reloader has a set in force. Current is safe for concurrent use.
type Reloader struct {
	cfg     Config
	log     *slog.Logger
	current atomic.Pointer[rules.Set]

	mu     sync.Mutex // one load at a time
	seen   [sha256.Size]byte
	failed error // why the files as they are now are not in force
}

// New loads the files; they must be right.
func New(cfg Config, log *slog.Logger) (*Reloader, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Every == 0 {
		cfg.Every = 30 * time.Second
	}
	if cfg.Settle == 0 {
		cfg.Settle = 200 * time.Millisecond
	}
	r := &Reloader{cfg: cfg, log: log}
	sources, sum, err := r.read()
	if err != nil {
		return nil, err
	}
	set, err := rules.Load(sources, cfg.Options)
	if err != nil {
		return nil, err
	}
	r.seen = sum
	r.current.Store(set)
	return r, nil
}

// Current is the set in force.
func (r *Reloader) Current() *rules.Set { return r.current.Load() }

// Err is why the files as they are now are not in force; nil if they are.
func (r *Reloader) Err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}

func (r *Reloader) read() ([]rules.Source, [sha256.Size]byte, error) {
	var sum [sha256.Size]byte
	own, _, err := rules.Read(r.cfg.Paths...)
	if err != nil {
		return nil, sum, err
	}
	h := sha256.New()
	for _, s := range own {
		fmt.Fprintf(h, "%q %d\n", s.Name, len(s.Data))
		h.Write(s.Data)
	}
	return append(append([]rules.Source(nil), r.cfg.Before...), own...), [sha256.Size]byte(h.Sum(nil)), nil
}

// Reload looks at the files and loads them if they changed. The error says why they are not in force; it is returned
// each time, logged once for each state of the files.
func (r *Reloader) Reload() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	sources, sum, err := r.read()
	if err != nil {
		// Half-written directories come and go; what can't be read is told once until it can.
		if r.failed == nil || r.failed.Error() != err.Error() {
			r.refuse(err)
		}
		r.seen = [sha256.Size]byte{}
		return err
	}
	if sum == r.seen {
		return r.failed
	}
	r.seen = sum
	set, err := rules.Load(sources, r.cfg.Options)
	if err != nil {
		r.refuse(err)
		return err
	}
	r.failed = nil
	old := r.current.Load()
	set.OnError = old.OnError
	if r.cfg.Changed != nil {
		r.cfg.Changed(set)
	}
	r.current.Store(set)
	r.log.Info("rules reloaded", "rules", len(set.Rules()), "hash", set.Hash(), "was", old.Hash())
	return nil
}

func (r *Reloader) refuse(err error) {
	r.failed = err
	r.log.Error("rules not reloaded; those in force stay", "err", err, "hash", r.current.Load().Hash())
}

// Run follows the files until ctx is done.
func (r *Reloader) Run(ctx context.Context) error {
	if len(r.cfg.Paths) == 0 {
		<-ctx.Done()
		return nil
	}
	changes, err := Watch(ctx, r.cfg.Paths)
	if err != nil {
		r.log.Warn("rule files are looked at now and then only", "every", r.cfg.Every, "err", err)
	}
	return r.follow(ctx, changes)
}

// follow loads when files have settled after a change, and at each tick.
func (r *Reloader) follow(ctx context.Context, changes <-chan struct{}) error {
	tick := time.NewTicker(r.cfg.Every)
	defer tick.Stop()
	settled := time.NewTimer(time.Hour)
	defer settled.Stop()
	settled.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-changes:
			settled.Reset(r.cfg.Settle)
		case <-settled.C:
			_ = r.Reload() // logged and kept for Err
		case <-tick.C:
			_ = r.Reload() // as above
		}
	}
}
