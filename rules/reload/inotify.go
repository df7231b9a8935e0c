package reload

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// changesOf are the signs of a file that may have other content. Directories are watched, not files: a file that is
// replaced by rename, as editors do it, is another file, and a ConfigMap's files are links into a directory that is
// itself replaced.
const changesOf = unix.IN_CLOSE_WRITE | unix.IN_CREATE | unix.IN_DELETE | unix.IN_MOVED_FROM | unix.IN_MOVED_TO |
	unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR

// Watch sends on the channel when something changes in the directories of paths, until ctx is done. What changed is not
// told, and several changes may be one.
func Watch(ctx context.Context, paths []string) (<-chan struct{}, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("inotify: %w", err)
	}
	file := os.NewFile(uintptr(fd), "inotify") // non-blocking, so Close ends a Read
	for _, dir := range directories(paths) {
		if _, err := unix.InotifyAddWatch(fd, dir, changesOf); err != nil {
			return nil, errors.Join(fmt.Errorf("inotify: watch %s: %w", dir, err), file.Close())
		}
	}
	changes := make(chan struct{}, 1)
	stop := context.AfterFunc(ctx, func() { file.Close() })
	go func() {
		defer stop()
		defer file.Close()
		buf := make([]byte, 64<<10)
		for {
			if _, err := file.Read(buf); err != nil {
				return
			}
			select {
			case changes <- struct{}{}:
			default:
			}
		}
	}()
	return changes, nil
}

// directories are those to watch: each path itself, or the one it lies in, and behind symbolic links the ones that these
// lead to.
func directories(paths []string) []string {
	seen := map[string]bool{}
	var dirs []string
	add := func(p string) {
		dir := p
		if st, err := os.Stat(p); err != nil || !st.IsDir() {
			dir = filepath.Dir(p)
		}
		if !seen[dir] {
			seen[dir] = true
			dirs = append(dirs, dir)
		}
	}
	for _, p := range paths {
		add(p)
		if real, err := filepath.EvalSymlinks(p); err == nil {
			add(real)
		}
		// A path that is a link changes when the link does, in the directory that it lies in.
		if st, err := os.Lstat(p); err == nil && st.Mode()&os.ModeSymlink != 0 {
			add(filepath.Dir(p))
		}
	}
	return dirs
}
