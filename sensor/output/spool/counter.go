package spool

import (
	"encoding/hex"
	"fmt"
	"os"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A counter keeps the last number given in memory that outlives the process: a mapped file on a tmpfs. The control
// file can only say up to which number they were set aside, since it is too slow to be told of each; after kill -9 the
// counter tells how many of these were used. It is of the same machine boot as what it counts, since a tmpfs is, and
// storing to it never waits for a disk. All methods work on nil, which knows nothing.
//
//	0  id   16 bytes, of the stream
//	16 last  8 bytes, the last number given
type counter struct {
	mem    []byte
	stream string
}

const counterSize = 24

// openCounter opens or makes the file. An empty path gives none.
func openCounter(path string) (*counter, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_NONBLOCK, fileMode)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := checkCounter(f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := f.Truncate(counterSize); err != nil {
		return nil, err
	}
	mem, err := unix.Mmap(int(f.Fd()), 0, counterSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("map %s: %w", path, err)
	}
	return &counter{mem: mem}, nil
}

// checkCounter refuses a file that somebody else put there, /dev/shm being open to all, and one on a disk: storing
// there may wait for it, and what it says after a power loss is old.
func checkCounter(f *os.File) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG || int(st.Uid) != os.Geteuid() || st.Mode&0o077 != 0 {
		return fmt.Errorf("not a file of ours alone (mode %o, owner %d)", st.Mode&0o7777, st.Uid)
	}
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &fs); err != nil {
		return err
	}
	if fs.Type != unix.TMPFS_MAGIC {
		return fmt.Errorf("not on a tmpfs (file system type %#x)", fs.Type)
	}
	return nil
}

func (c *counter) last() *uint64 { return (*uint64)(unsafe.Pointer(&c.mem[16])) }

// store notes that n was given. It is called with Spool.mu held.
func (c *counter) store(stream string, n uint64) {
	if c == nil {
		return
	}
	if c.stream != stream {
		// Death in between must not leave the new id with the old number.
		atomic.StoreUint64(c.last(), 0)
		id, _ := hex.DecodeString(stream)
		copy(c.mem[:16], id)
		c.stream = stream
	}
	atomic.StoreUint64(c.last(), n)
}

// load returns the last number given in stream, if the counter was of that stream.
func (c *counter) load(stream string) (uint64, bool) {
	if c == nil || hex.EncodeToString(c.mem[:16]) != stream {
		return 0, false
	}
	n := atomic.LoadUint64(c.last())
	return n, n > 0
}
