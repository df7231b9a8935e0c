package container

import (
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"tiercel.dev/internal/event"
)

// discover finds out whose a cgroup id is that no record told the path of, or not for sure: the record was lost, or the
// entry was evicted.
func (r *Resolver) discover(ev *event.Event, id uint64) *cgroup {
	if id == 0 {
		r.stats.noCgroup.Add(1)
		r.nowhere = cgroup{id: ^id, of: r.inherited(ev), until: 1} // an id that no event has: it is made anew each time
		return &r.nowhere
	}
	if r.cfg.ProcRoot != "" {
		pid := ev.Task.TGID
		if ev.Kind == event.Fork {
			pid = ev.Fork.TGID
		}
		if path, sure, ok := cgroupOf(r.cfg.ProcRoot, r.cfg.CgroupRoot, pid, id); ok {
			of := r.byPath(path, ev.Boot)
			if sure {
				r.stats.found.Add(1)
				return r.keep(id, of, ev.Boot)
			}
			r.stats.guessed.Add(1)
			return r.guess(id, of, ev.Boot)
		}
	}
	of := r.inherited(ev)
	if of != nil {
		r.stats.guessed.Add(1)
	} else {
		r.stats.unknown.Add(1)
	}
	return r.guess(id, of, ev.Boot)
}

// guess keeps an answer for a short time, without telling the kernel's filter, for which an unknown cgroup is both.
func (r *Resolver) guess(id uint64, of *known, boot int64) *cgroup {
	g := r.put(id, of, boot)
	g.until = boot + guessFor
	return g
}

// inherited is the container that the process was in before: a process seldom leaves one.
func (r *Resolver) inherited(ev *event.Event) *known {
	if ev.Process == nil || ev.Process.ContainerID == "" {
		return nil
	}
	return r.containers[ev.Process.ContainerID]
}

// maxProcCgroup bounds what is read of /proc/PID/cgroup: one line of at most PATH_MAX for each of some 15 hierarchies.
const maxProcCgroup = 64 << 10

// cgroupOf reads the path of the cgroup of a process that has this id. sure means that the directory was looked at and is
// that cgroup: the process may have moved since its record was made, its pid may be another's by now, and what a sensor in
// a cgroup namespace sees is relative to its own cgroup.
func cgroupOf(procRoot, cgroupRoot string, pid int32, id uint64) (path string, sure, ok bool) {
	f, err := os.Open(filepath.Join(procRoot, strconv.Itoa(int(pid)), "cgroup"))
	if err != nil {
		return "", false, false
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxProcCgroup))
	if err != nil {
		return "", false, false
	}
	best := 0
	for line := range strings.Lines(string(text)) {
		number, rest, found := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		controllers, p, found2 := strings.Cut(rest, ":")
		if !found || !found2 {
			continue
		}
		if cgroupRoot != "" && isCgroup(cgroupRoot, number, controllers, p, id) {
			return p, true, true
		}
		if w := weight(controllers, p); w > best {
			best, path = w, p
		}
	}
	return path, false, best > 0
}

// weight prefers paths that name a container, and among equals the hierarchy that the kernel side takes its ids from.
func weight(controllers, path string) int {
	w := 1
	switch controllers {
	case "memory":
		w = 4
	case "pids":
		w = 3
	case "":
		w = 2
	}
	if _, _, ok := ID(path); ok {
		w += 4
	}
	return w
}

// isCgroup reports whether path is that of cgroup id for sure. Where the root of the hierarchy is not its real root
// (inode 1), only a path that names a container says anything: the others may be inside the sensor's own.
func isCgroup(root, number, controllers, path string, id uint64) bool {
	if strings.Contains(path, "/..") {
		return false
	}
	bases := []string{filepath.Join(root, strings.TrimPrefix(controllers, "name="))}
	if number == "0" {
		bases = []string{root, filepath.Join(root, "unified")}
	}
	for _, base := range bases {
		if inode(filepath.Join(base, path)) != id {
			continue
		}
		if _, _, ok := ID(path); ok || inode(base) == 1 {
			return true
		}
	}
	return false
}

// inode returns a file's inode number, which for a cgroup's directory is the cgroup's id on 64-bit kernels
// (kernfs: generic_file_ino of the id); 0 if there is no such file.
func inode(path string) uint64 {
	info, err := os.Stat(path)
	if err != nil {
		return 0
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return st.Ino
	}
	return 0
}
