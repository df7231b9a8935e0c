package spool

import (
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"sync"
	"syscall"
)

var errCrashed = errors.New("crashed")

// simFS is a directory in memory that forgets on a crash what was not synced: each name made or removed since the last
// SyncDir, and each write since the last Sync of its file, survives or not by chance, a write perhaps in part.
type simFS struct {
	mu      sync.Mutex
	names   map[string]*simInode // as the running process sees them
	durable map[string]*simInode
	locked  bool
	ops     int // operations that change something, so far
	crashAt int // the operation that does not come to pass, nor any after it; 0 for none
	crashed bool
	limit   int // bytes of all files, beyond which writes that extend one fail with ENOSPC; 0 for none
	// fail, if set, is asked before each operation.
	fail func(op, name string) error
}

type simInode struct {
	data   []byte
	synced []byte
	writes []simWrite // since the last sync
}

// simWrite is a write, or with nil data a cut to off.
type simWrite struct {
	off  int64
	data []byte
}

func newSimFS() *simFS {
	return &simFS{names: map[string]*simInode{}, durable: map[string]*simInode{}}
}

// do counts an operation. It is called with mu held.
func (f *simFS) do(op, name string) error {
	if f.crashed {
		return errCrashed
	}
	if f.fail != nil {
		if err := f.fail(op, name); err != nil {
			return err
		}
	}
	f.ops++
	if f.ops == f.crashAt {
		f.crashed = true
		return errCrashed
	}
	return nil
}

// crash returns what is left after a power loss.
func (f *simFS) crash(rng *rand.Rand) *simFS {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := newSimFS()
	all := map[string]bool{}
	for name := range f.names {
		all[name] = true
	}
	for name := range f.durable {
		all[name] = true
	}
	for name := range all {
		inode := f.durable[name]
		if now := f.names[name]; now != inode && rng.IntN(2) == 0 {
			inode = now
		}
		if inode == nil {
			continue
		}
		data := append([]byte(nil), inode.synced...)
		for _, w := range inode.writes {
			switch rng.IntN(3) {
			case 0: // lost
			case 1: // torn
				data = w.apply(data, rng.IntN(len(w.data)+1))
			default:
				data = w.apply(data, len(w.data))
			}
		}
		i := &simInode{data: data, synced: append([]byte(nil), data...)}
		out.names[name], out.durable[name] = i, i
	}
	return out
}

func (w simWrite) apply(data []byte, n int) []byte {
	if w.data == nil {
		return data[:min(int64(len(data)), w.off)]
	}
	end := int(w.off) + n
	if end > len(data) {
		data = append(data, make([]byte, end-len(data))...)
	}
	copy(data[w.off:], w.data[:n])
	return data
}

func (f *simFS) Lock() (io.Closer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.do("lock", ""); err != nil {
		return nil, err
	}
	if f.locked {
		return nil, ErrLocked
	}
	f.locked = true
	return simLock{f}, nil
}

type simLock struct{ f *simFS }

func (l simLock) Close() error {
	l.f.mu.Lock()
	defer l.f.mu.Unlock()
	l.f.locked = false
	return nil
}

func (f *simFS) Open(name string, create bool) (File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.names[name] == nil {
		if !create {
			return nil, fs.ErrNotExist
		}
		if err := f.do("create", name); err != nil {
			return nil, err
		}
		f.names[name] = &simInode{}
	}
	return &simFile{f, name, f.names[name]}, nil
}

func (f *simFS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.do("remove", name); err != nil {
		return err
	}
	delete(f.names, name)
	return nil
}

func (f *simFS) List() ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var names []string
	for name := range f.names {
		names = append(names, name)
	}
	return names, nil
}

func (f *simFS) SyncDir() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.do("syncdir", ""); err != nil {
		return err
	}
	clear(f.durable)
	for name, i := range f.names {
		f.durable[name] = i
	}
	return nil
}

func (f *simFS) SyncAll(files []File) []error {
	errs := make([]error, len(files))
	for i, file := range files {
		errs[i] = file.Sync()
	}
	return errs
}

// bytes is the size of all files.
func (f *simFS) bytes() int {
	n := 0
	for _, i := range f.names {
		n += len(i.data)
	}
	return n
}

type simFile struct {
	fs    *simFS
	name  string
	inode *simInode
}

func (f *simFile) ReadAt(p []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if f.fs.fail != nil {
		if err := f.fs.fail("read", f.name); err != nil {
			return 0, err
		}
	}
	if off >= int64(len(f.inode.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.inode.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *simFile) WriteAt(p []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.do("write", f.name); err != nil {
		return 0, err
	}
	n, more := len(p), int(off)+len(p)-len(f.inode.data)
	if f.fs.limit > 0 && more > 0 && f.fs.bytes()+more > f.fs.limit {
		n = max(len(p)-(f.fs.bytes()+more-f.fs.limit), 0) // as much as fits, like a real disk
	}
	w := simWrite{off, append([]byte{}, p[:n]...)}
	f.inode.data = w.apply(f.inode.data, n)
	f.inode.writes = append(f.inode.writes, w)
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (f *simFile) Truncate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.do("truncate", f.name); err != nil {
		return err
	}
	w := simWrite{off: size}
	f.inode.data = w.apply(f.inode.data, 0)
	f.inode.writes = append(f.inode.writes, w)
	return nil
}

func (f *simFile) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.do("sync", f.name); err != nil {
		return err
	}
	f.inode.synced = append([]byte(nil), f.inode.data...)
	f.inode.writes = nil
	return nil
}

func (f *simFile) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return int64(len(f.inode.data)), nil
}

func (f *simFile) Close() error { return nil }
