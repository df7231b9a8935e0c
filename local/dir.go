package local

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"tiercel.dev/internal/deployed"
	"tiercel.dev/local/pubsub"
	"tiercel.dev/local/scc"
	"tiercel.dev/local/storage"
)

// ErrDir is in the error of a [Start] whose folder cannot be had: the caller names another, or waits for its owner's end.
var ErrDir = errors.New("data directory")

// lock has a folder for this process, until it ends however it ends.
func lock(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDir, err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDir, err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%w %s is another run's", ErrDir, dir)
		}
		return nil, fmt.Errorf("%w %s: lock: %w", ErrDir, dir, err)
	}
	return f, nil
}

// openStores opens what outlives the process, and has functions keep to their part of it.
func (c *Cloud) openStores() error {
	if err := c.openFiles(); err != nil {
		return err
	}
	c.records.Guard(storage.Granted(deployed.Infra(Project)))
	return nil
}

// openFiles opens what outlives the process in the folder, and without one what does not. Pub/Sub, which begins to push
// at once, is opened later.
func (c *Cloud) openFiles() (err error) {
	if c.cfg.Dir == "" {
		c.scc, c.records = scc.New(scc.Config{Changed: c.cfg.Changed, Now: c.cfg.Now}), storage.New()
		return nil
	}
	if c.lock, err = lock(c.cfg.Dir); err != nil {
		return err
	}
	if c.scc, err = scc.Open(filepath.Join(c.cfg.Dir, "findings.db"), scc.Config{Changed: c.cfg.Changed, Now: c.cfg.Now}); err != nil {
		return err
	}
	c.records, err = storage.Open(filepath.Join(c.cfg.Dir, "records.db"))
	return err
}

func (c *Cloud) openPubSub() (err error) {
	cfg := pubsub.Config{Log: c.cfg.Log, Dial: c.dial, Token: c.accounts.Token}
	if c.cfg.Dir == "" {
		c.pubsub = pubsub.New(cfg)
		return nil
	}
	c.pubsub, err = pubsub.Open(filepath.Join(c.cfg.Dir, "pubsub"), cfg)
	return err
}

// closeStores closes what was opened.
func (c *Cloud) closeStores() error {
	var errs []error
	if c.forget != nil {
		errs = append(errs, c.forget())
	}
	if c.records != nil {
		errs = append(errs, c.records.Close())
	}
	if c.scc != nil {
		errs = append(errs, c.scc.Close())
	}
	if c.lock != nil {
		errs = append(errs, c.lock.Close())
	}
	return errors.Join(errs...)
}
