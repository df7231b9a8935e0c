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

// ErrNoName: the files have no name for the number, or there are no files.
var ErrNoName = errors.New("no name")

const (
	databaseMax = 1 << 20  // bytes read of a file; what stands behind has no name
	lineMax     = 64 << 10 // a longer line is skipped; groups of thousands of members are shorter
	nameMax     = 256      // LOGIN_NAME_MAX; a longer name is none
)

// host is the process whose root directory is the host's.
const host = 1

// Name looks a number up as the process sees it, in the file under its own root, and then in the host's. The files are a
// container's to write: they are read as hostile input, and reading may wait for as long as it likes (FUSE).
//
// [ErrGone] comes with the host's name, if that has one: a caller may use it, and asks again for the next process.
func (fs *FS) Name(pid int32, in Database, id uint32) (string, error) {
	name, err := fs.nameUnder(pid, in, id)
	if err == nil || pid == host {
		return name, err
	}
	name, hostErr := fs.nameUnder(host, in, id)
	if errors.Is(err, ErrGone) {
		return name, err
	}
	return name, hostErr
}

func (fs *FS) nameUnder(pid int32, in Database, id uint32) (string, error) {
	d, err := fs.open(pid)
	if err != nil {
		return "", err
	}
	defer d.close()
	root, err := retry(func() (int, error) {
		return unix.Openat(d.fd, "root", unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return "", gone(pid, "root", err)
	}
	defer unix.Close(root)
	text, err := fs.readUnder(root, string(in))
	if err != nil {
		return "", fmt.Errorf("process %d: %s: %w: %v", pid, in, ErrNoName, err)
	}
	name, ok := lookUp(text, id)
	if !ok {
		return "", fmt.Errorf("process %d: %s: %d: %w", pid, in, id, ErrNoName)
	}
	return name, nil
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

// lookUp finds the first line "name:password:id:…" with the id, as getpwuid does. Lines of another shape, which NIS and
// people leave there, are skipped.
func lookUp(text []byte, id uint32) (string, bool) {
	for line := range bytes.Lines(text) {
		if len(line) > lineMax {
			continue
		}
		name, rest, _ := bytes.Cut(bytes.TrimRight(line, "\n"), []byte{':'})
		_, rest, _ = bytes.Cut(rest, []byte{':'})
		number, _, _ := bytes.Cut(rest, []byte{':'})
		if len(name) == 0 || len(name) > nameMax || len(number) == 0 || name[0] == '#' {
			continue
		}
		if n, err := strconv.ParseUint(string(number), 10, 32); err == nil && uint32(n) == id {
			return string(name), true
		}
	}
	return "", false
}
