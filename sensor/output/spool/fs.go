package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// An FS is the one directory a spool lives in. Tests put one in its place that loses what was not synced.
type FS interface {
	// Lock makes the directory if need be and keeps other processes out of it until the result is closed. It fails
	// with [ErrLocked] if another has it.
	Lock() (io.Closer, error)
	// Open opens the file called name, for reading and writing if create is set, and then makes it if it is not there.
	Open(name string, create bool) (File, error)
	Remove(name string) error
	List() ([]string, error)
	// SyncDir makes the files' names durable: those made and those removed.
	SyncDir() error
	// SyncAll syncs the files at once, so that the file system may make them durable in one go, and returns an error
	// for each.
	SyncAll(files []File) []error
}

// A File is as in package os.
type File interface {
	io.ReaderAt
	io.WriterAt
	Sync() error
	Truncate(size int64) error
	Size() (int64, error)
	Close() error
}

// ErrLocked means that another process uses the spool. Two would deliver everything twice and overwrite each other.
var ErrLocked = errors.New("spool is in use by another sensor")

// osFS is a real directory.
type osFS string

const (
	dirMode  = 0o700 // alerts tell an attacker what is seen
	fileMode = 0o600
	lockName = "lock"
)

func (d osFS) path(name string) string { return filepath.Join(string(d), name) }

func (d osFS) Lock() (io.Closer, error) {
	if err := os.MkdirAll(string(d), dirMode); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(d.path(lockName), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, fileMode)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: %w", d, ErrLocked)
		}
		return nil, fmt.Errorf("lock %s: %w", d.path(lockName), err)
	}
	// A directory made by hand may be open to all.
	if err := os.Chmod(string(d), dirMode); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (d osFS) Open(name string, create bool) (File, error) {
	flags := os.O_RDONLY | unix.O_NOFOLLOW
	if create {
		flags = os.O_RDWR | os.O_CREATE | unix.O_NOFOLLOW
	}
	f, err := os.OpenFile(d.path(name), flags, fileMode)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (d osFS) Remove(name string) error {
	if err := os.Remove(d.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (d osFS) List() ([]string, error) {
	entries, err := os.ReadDir(string(d))
	var names []string
	for _, e := range entries {
		if e.Type().IsRegular() {
			names = append(names, e.Name())
		}
	}
	return names, err
}

func (d osFS) SyncDir() error {
	f, err := os.Open(string(d))
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

func (d osFS) SyncAll(files []File) []error {
	errs := make([]error, len(files))
	var wg sync.WaitGroup
	for i, f := range files[1:] {
		wg.Go(func() { errs[i+1] = f.Sync() })
	}
	errs[0] = files[0].Sync()
	wg.Wait()
	return errs
}

type osFile struct{ *os.File }

// Sync leaves out what is not needed to read the data back, such as the time of change.
func (f osFile) Sync() error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); err != unix.EINTR {
			if err != nil {
				return &os.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
			}
			return nil
		}
	}
}

func (f osFile) Size() (int64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}
