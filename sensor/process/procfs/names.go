package procfs

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sys/unix"
)

// A Database is where a number's name stands.
type Database string

const (
	Users  Database = "etc/passwd"
	Groups Database = "etc/group"
)

// ErrNoName: there are no names, since there is no such file or none that can be read.
var ErrNoName = errors.New("no names")

const (
	databaseMax = 1 << 20  // bytes read of a file; what stands behind has no name
	linesMax    = 16 << 10 // lines read; a file of the greatest size with usual lines has fewer
	lineMax     = 64 << 10 // a longer line is skipped; groups of thousands of members are shorter
	nameMax     = 256      // LOGIN_NAME_MAX; a longer name is none
)

// Names are what one file says.
type Names map[uint32]string

// Names reads the file under the process's own root. It is a container's to write: it is read as hostile input, and
// reading may wait for as long as it likes (FUSE). [ErrNoName] if it cannot be read; [ErrGone] if there is no process.
func (fs *FS) Names(pid int32, in Database) (Names, error) {
	d, err := fs.open(pid)
	if err != nil {
		return nil, err
	}
	defer d.close()
	root, err := retry(func() (int, error) {
		return unix.Openat(d.fd, "root", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, gone(pid, "root", err)
	}
	defer unix.Close(root)
	text, err := fs.readUnder(root, string(in))
	if err != nil {
		return nil, fmt.Errorf("process %d: %s: %w: %v", pid, in, ErrNoName, err)
	}
	return parseNames(text), nil
}

// readUnder reads a regular file below root; links in its path stay below root. It is opened for its path first, since to
// open a device or a pipe is to act on it.
func (fs *FS) readUnder(root int, path string) ([]byte, error) {
	how := unix.OpenHow{
		Flags:   unix.O_PATH | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	}
	at, err := retry(func() (int, error) { return unix.Openat2(root, path, &how) })
	if err != nil {
		return nil, err
	}
	defer unix.Close(at)
	var st unix.Stat_t
	if err := unix.Fstat(at, &st); err != nil {
		return nil, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, fmt.Errorf("mode %o: not a regular file", st.Mode)
	}
	// Our own /proc, whatever Config.ProcRoot is: that one may be a copy without our process.
	fd, err := retry(func() (int, error) {
		return unix.Open("/proc/self/fd/"+strconv.Itoa(at), unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	})
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	return readUpTo(fd, min(databaseMax, st.Size+1))
}

func readUpTo(fd int, limit int64) ([]byte, error) {
	buf := make([]byte, limit)
	n := 0
	for n < len(buf) {
		got, err := retry(func() (int, error) { return unix.Read(fd, buf[n:]) })
		if err != nil {
			return nil, err
		}
		if got == 0 {
			break
		}
		n += got
	}
	return buf[:n], nil
}

// parseNames reads lines "name:password:id:…"; the first with an id counts, as for getpwuid. Lines of another shape, which
// NIS and people leave there, are skipped.
func parseNames(text []byte) Names {
	names := make(Names)
	lines := 0
	for line := range bytes.Lines(text) {
		if lines++; lines > linesMax {
			break
		}
		if len(line) > lineMax {
			continue
		}
		name, rest, _ := bytes.Cut(bytes.TrimRight(line, "\n"), []byte{':'})
		_, rest, _ = bytes.Cut(rest, []byte{':'})
		number, _, _ := bytes.Cut(rest, []byte{':'})
		if len(name) == 0 || len(name) > nameMax || len(number) == 0 || name[0] == '#' {
			continue
		}
		id, err := strconv.ParseUint(string(number), 10, 32)
		if err != nil {
			continue
		}
		if _, ok := names[uint32(id)]; !ok {
			names[uint32(id)] = string(name)
		}
	}
	return names
}
