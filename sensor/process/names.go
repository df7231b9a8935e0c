package process

import (
	"errors"
	"math"
	"time"

	"tiercel.dev/sensor/process/procfs"
)

// noName is what Falco shows for a number without a name; rules compare with it.
const noName = "<NA>"

// Names hold for a while, by the clock of the records; then the files are read again, so that a change to them is seen.
const (
	nameFor   = int64(30 * time.Second)
	noNameFor = int64(time.Second) // of an answer that another process of the container may better
	namesMax  = 4096
)

// names remembers the names of numbers, per place: a container has its own users.
type names struct {
	source Source
	guard  *guard
	known  map[nameKey]name
}

// place is where a number has its name: a cgroup or, where that is not known, a mount namespace.
type place struct{ cgroup, mountNS uint64 }

type nameKey struct {
	place
	group bool
	id    uint32
}

type name struct {
	text  string
	until int64
}

func newNames(source Source, g *guard) *names {
	return &names{source: source, guard: g, known: make(map[nameKey]name)}
}

func (n *names) user(pid int32, at place, id uint32, now int64) string {
	return n.lookUp(pid, nameKey{at, false, id}, now)
}

func (n *names) group(pid int32, at place, id uint32, now int64) string {
	return n.lookUp(pid, nameKey{at, true, id}, now)
}

// login is the name of an audit login; -1 is none.
func (n *names) login(pid int32, at place, id int32, now int64) string {
	if id == -1 {
		return noName
	}
	return n.user(pid, at, uint32(id), now)
}

func (n *names) lookUp(pid int32, key nameKey, now int64) string {
	if key.id == 0 {
		return "root"
	}
	if key.id == math.MaxUint32 {
		return noName
	}
	if known, ok := n.known[key]; ok && now < known.until {
		return known.text
	}
	in := procfs.Users
	if key.group {
		in = procfs.Groups
	}
	text, err := within(n.guard, func() (string, error) { return n.source.Name(pid, in, key.id) })
	until := now + nameFor
	if err != nil && !errors.Is(err, procfs.ErrNoName) {
		until = now + noNameFor
	}
	if text == "" {
		text = noName
	}
	if len(n.known) >= namesMax {
		clear(n.known)
	}
	if key.place != (place{}) {
		n.known[key] = name{text, until}
	}
	return text
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
