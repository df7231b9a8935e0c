package process

import (
	"errors"
	"math"
	"sync/atomic"
	"time"

	"tiercel.dev/sensor/process/procfs"
)

// noName is what Falco shows for a number without a name; rules compare with it.
const noName = "<NA>"

// Names hold for a while, by the clock of the records; then the files are read again, so that a change to them is seen.
const (
	namesFor   = int64(30 * time.Second)
	noNamesFor = int64(time.Second) // where the file could not be read, or lacks a number that it may have by now
	namesMax   = 64 << 10           // names kept of all files: some 6 MiB
	filesMax   = 4096               // files kept
	lackedMax  = 256                // numbers kept per file that it has no name for

	// namesPerSecond bounds the files read by the goroutine that reads records, each of which may cost it some ms if a
	// container made it to be slow. It lets 50 containers start within a second.
	namesPerSecond = 100
)

// host is the process whose root directory is the host's.
const host = 1

// names remembers the files that name numbers, per place: a container has its own users. A container that has its
// processes take one number after the other costs a read a second.
type names struct {
	source   Source
	guard    *guard
	known    map[fileKey]*file
	held     int // names and lacked numbers in known
	perTime  int // files read in a second at most
	reads    int // files read since second
	second   int64
	exceeded *atomic.Uint64
}

// place is where a number has its name: a cgroup or, where that is not known, a mount namespace.
type place struct{ cgroup, mountNS uint64 }

// fileKey is a file of a place, or of the host's root.
type fileKey struct {
	place
	host bool
	in   procfs.Database
}

// file is what was read of one.
type file struct {
	names  procfs.Names
	lacked map[uint32]bool // numbers asked for that it had no name for when it was read
	read   int64
	until  int64
}

func (f *file) size() int { return len(f.names) + len(f.lacked) }

func newNames(source Source, g *guard, perSecond int, exceeded *atomic.Uint64) *names {
	return &names{source: source, guard: g, known: make(map[fileKey]*file), perTime: perSecond, exceeded: exceeded}
}

func (n *names) user(pid int32, at place, id uint32, now int64) string {
	return n.lookUp(pid, fileKey{place: at, in: procfs.Users}, id, now)
}

func (n *names) group(pid int32, at place, id uint32, now int64) string {
	return n.lookUp(pid, fileKey{place: at, in: procfs.Groups}, id, now)
}

// login is the name of an audit login; -1 is none.
func (n *names) login(pid int32, at place, id int32, now int64) string {
	if id == -1 {
		return noName
	}
	return n.user(pid, at, uint32(id), now)
}

// lookUp asks the place's own file, and then the host's.
func (n *names) lookUp(pid int32, key fileKey, id uint32, now int64) string {
	if id == 0 {
		return "root"
	}
	if id == math.MaxUint32 {
		return noName
	}
	text, ok, allowed := n.in(pid, key, id, now)
	if !ok && allowed && pid != host {
		text, ok, allowed = n.in(host, fileKey{host: true, in: key.in}, id, now)
	}
	if !allowed {
		n.exceeded.Add(1)
	}
	if !ok {
		return noName
	}
	return text
}

// in looks a number up in one file. Where the file was not read because too many were, it is not allowed to tell.
func (n *names) in(pid int32, key fileKey, id uint32, now int64) (text string, ok, allowed bool) {
	f := n.known[key]
	if f != nil && now < f.until {
		text, ok = f.names[id]
		if ok || f.lacked[id] || now < f.read+noNamesFor {
			return text, ok, true
		}
	}
	if !n.allow(now) {
		return "", false, false
	}
	read, err := within(n.guard, func() (procfs.Names, error) { return n.source.Names(pid, key.in) })
	fresh := &file{names: read, lacked: make(map[uint32]bool), read: now, until: now + namesFor}
	if err != nil && !errors.Is(err, procfs.ErrNoName) {
		fresh.until = now + noNamesFor
		if f != nil { // the process had ended, or made the read wait: what its place said last is better than nothing
			fresh.names = f.names
		}
	}
	if text, ok = fresh.names[id]; !ok {
		fresh.lacked[id] = true
	}
	if f != nil {
		fresh.lack(f.lacked)
	}
	n.keep(key, fresh)
	return text, ok, true
}

// lack takes over which numbers were asked for, so that two that have no name do not have the file read in turns.
func (f *file) lack(numbers map[uint32]bool) {
	for id := range numbers {
		if _, ok := f.names[id]; !ok && len(f.lacked) < lackedMax {
			f.lacked[id] = true
		}
	}
}

// allow reports whether one more file may be read in this second.
func (n *names) allow(now int64) bool {
	if now >= n.second+int64(time.Second) {
		n.second, n.reads = now, 0
	}
	n.reads++
	return n.reads <= n.perTime
}

func (n *names) keep(key fileKey, f *file) {
	if key.place == (place{}) && !key.host {
		return
	}
	n.held += f.size()
	if old := n.known[key]; old != nil {
		n.held -= old.size()
	}
	if n.held > namesMax || len(n.known) >= filesMax {
		clear(n.known)
		n.held = f.size()
	}
	n.known[key] = f
}

func (t *Table) userName(e *entry) string {
	return t.names.user(e.proc.PID, place{cgroup: e.proc.CgroupID}, e.proc.UID, t.now)
}

func (t *Table) groupName(e *entry) string {
	return t.names.group(e.proc.PID, place{cgroup: e.proc.CgroupID}, e.proc.GID, t.now)
}

// nameAll looks all the process's numbers up.
func (t *Table) nameAll(e *entry) {
	p := &e.proc
	p.UserName, p.GroupName = t.userName(e), t.groupName(e)
	p.LoginName = t.names.login(p.PID, place{cgroup: p.CgroupID}, p.LoginUID, t.now)
}
