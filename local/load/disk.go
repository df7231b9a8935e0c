package load

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"tiercel.dev/sensor/output/spool"
)

// A disk is a node's own, in memory: thousands of spools on the disk of one machine would wait for each other's syncs, and take
// more files than a process may open. What is zero takes no room.
type disk struct {
	mu    sync.Mutex
	files map[string]*diskFile
}

const page = 4 << 10

// diskFile is open wherever it is used; what is removed lives on there.
type diskFile struct {
	mu    sync.Mutex
	size  int64
	pages map[int64][]byte // by number
}

func newDisk() *disk { return &disk{files: make(map[string]*diskFile)} }

func (d *disk) Lock() (io.Closer, error) { return io.NopCloser(nil), nil }

func (d *disk) Open(name string, create bool) (spool.File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := d.files[name]
	if f == nil && !create {
		return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
	}
	if f == nil {
		f = &diskFile{pages: make(map[int64][]byte)}
		d.files[name] = f
	}
	return f, nil
}

func (d *disk) Remove(name string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.files, name)
	return nil
}

func (d *disk) List() ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Sorted(maps.Keys(d.files)), nil
}

func (d *disk) SyncDir() error { return nil }

func (d *disk) SyncAll(files []spool.File) []error { return make([]error, len(files)) }

func (f *diskFile) ReadAt(b []byte, at int64) (n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at >= f.size {
		return 0, io.EOF
	}
	whole := len(b)
	b = b[:min(int64(len(b)), f.size-at)]
	for n < len(b) {
		here, start := b[n:], (at+int64(n))%page
		here = here[:min(int64(len(here)), page-start)]
		if p := f.pages[(at+int64(n))/page]; p != nil {
			copy(here, p[start:])
		} else {
			clear(here)
		}
		n += len(here)
	}
	if n < whole {
		return n, io.EOF
	}
	return n, nil
}

func (f *diskFile) WriteAt(b []byte, at int64) (n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for n < len(b) {
		number, start := (at+int64(n))/page, (at+int64(n))%page
		here := b[n:min(int64(len(b)), int64(n)+page-start)]
		p := f.pages[number]
		if p == nil && slices.ContainsFunc(here, func(c byte) bool { return c != 0 }) {
			p = make([]byte, page)
			f.pages[number] = p
		}
		if p != nil {
			copy(p[start:], here)
		}
		n += len(here)
	}
	f.size = max(f.size, at+int64(n))
	return n, nil
}

func (f *diskFile) Truncate(size int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for number, p := range f.pages {
		if number*page >= size {
			delete(f.pages, number)
		} else if end := size - number*page; end < page {
			clear(p[end:])
		}
	}
	f.size = size
	return nil
}

func (f *diskFile) Size() (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.size, nil
}

func (f *diskFile) Sync() error  { return nil }
func (f *diskFile) Close() error { return nil }

var _ spool.FS = (*disk)(nil)
