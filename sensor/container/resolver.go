// Package container says which container each event happened in: cgroup id → cgroup path → container id → what the
// container runtime says of it, pod included. The paths come from the kernel's own records, with /proc as a second source;
// the rest comes over the CRI socket (package cri beneath), without the Kubernetes API.
//
// It does not hold events back: it says which ones are worth holding ([Resolver.Pending]) and when to look again
// ([Resolver.Ready]). The sensor's node loop is the caller.
package container

import (
	"log/slog"
	"strings"
	"sync"
	"time"

	"tiercel.dev/internal/event"
)

const (
	// guessFor is how long (ns) a cgroup is believed to be what could not be made sure of.
	guessFor = int64(10 * time.Second)
	// keepFor is how long (ns) a cgroup or container that no event names is kept; its id is looked up again if one does.
	keepFor = int64(time.Hour)
	// keepEnded is the same for a container that the runtime said has ended; events of its last moments may be on their way.
	keepEnded = int64(time.Minute)
	// shortID is how much of an id is shown, by docker, crictl and Falco.
	shortID = 12
)

// Resolver attaches containers to events. Attach, Pending and Lookup are for the goroutine that reads records, or for
// several that take turns; the other methods may be called from any.
type Resolver struct {
	cfg  Config
	log  *slog.Logger
	dial func(path string) (conn, error)

	// Owned by the goroutine that reads.
	cgroups    map[uint64]*cgroup
	last       *cgroup // of the last event; nil or in cgroups
	containers map[string]*known
	boot       int64  // of the latest event, the clock for what is unused
	nowhere    cgroup // stands in for an event without cgroup

	mail     mailbox
	lookups  lookups
	sessions sessions
	stats    counters
	running  sync.WaitGroup
}

// cgroup is a cgroup id and whose it is.
type cgroup struct {
	id    uint64
	of    *known // nil: the host's
	used  int64  // boot time of the last event
	until int64  // a guess holds until this boot time; 0: for sure
	left  bool   // it is the host's, and a container's processes came here
}

// known is a container that was seen or that the runtime told of.
type known struct {
	c       *event.Container
	pod     string // uid by the cgroup's path; "" if it does not tell
	pending bool
	ended   bool
	used    int64
}

// New returns a Resolver for a valid cfg. It knows no metadata until Start.
func New(cfg Config, log *slog.Logger) *Resolver {
	r := &Resolver{
		cfg:        cfg,
		log:        log,
		cgroups:    make(map[uint64]*cgroup),
		containers: make(map[string]*known),
		mail:       newMailbox(),
		lookups:    newLookups(),
	}
	r.dial = func(path string) (conn, error) { return dial(path, &r.stats.cuts) }
	r.sessions.starting.Store(int64(len(cfg.Sockets)))
	return r
}

// Attach sets ev.Container, and the ContainerID of ev.Process, from the cgroup id in the record, and learns from the kinds
// that tell of cgroups. An event of a cgroup seen before costs one map look-up at most and allocates nothing.
func (r *Resolver) Attach(ev *event.Event) {
	if r.mail.waiting.Load() {
		r.receive()
	}
	id := ev.Task.CgroupID
	switch ev.Kind {
	case event.CgroupPath:
		r.learn(ev.Kind, &ev.Cgroup, ev.Boot)
	case event.CgroupMove:
		r.learn(ev.Kind, &ev.Cgroup, ev.Boot)
		id = ev.Cgroup.ID
	case event.Fork:
		if ev.Fork.CgroupID != 0 {
			id = ev.Fork.CgroupID
		}
	}
	// Where somebody came to a cgroup, the kernel doubts whose it is until it is told again.
	doubted := ev.Kind == event.Fork && id != ev.Task.CgroupID
	g := r.last
	if g == nil || g.id != id {
		g = r.cgroups[id]
	}
	if g == nil || g.until != 0 && ev.Boot >= g.until {
		g = r.discover(ev, id)
	}
	r.last, r.boot = g, ev.Boot
	g.used = ev.Boot

	fullID := ""
	p := ev.Process
	switch {
	case g.of != nil:
		g.of.used = ev.Boot
		ev.Container = g.of.c
		fullID = g.of.c.FullID
	case g.until == 0 && p != nil && p.ContainerID != "":
		fullID = p.ContainerID
		ev.Container = r.Lookup(fullID)
		r.tellLeft(g, ev)
	default:
		ev.Container = event.Host
	}
	if doubted && g.until == 0 {
		r.tell(g)
	}
	// A guess takes nobody out of the container that he was in.
	if p != nil && p.ContainerID != fullID && (fullID != "" || g.until == 0) {
		p.ContainerID = fullID
	}
}

// Pending reports whether the metadata of ev's container is being fetched and may still come in time: within HoldFor of
// the first sight of the container. ev must have been attached.
func (r *Resolver) Pending(ev *event.Event) bool {
	if ev.Container.Metadata == event.MetadataComplete {
		return false
	}
	if r.mail.waiting.Load() {
		r.receive()
	}
	k := r.containers[ev.Container.FullID]
	return k != nil && k.pending
}

// Ready is signalled when containers stopped being pending, because metadata arrived, their time was up or they were
// forgotten. One signal may
// stand for several containers, and there may be one too many.
func (r *Resolver) Ready() <-chan struct{} { return r.mail.ready }

// Lookup returns what is known now of the container with this full id, for events that were held. It is never nil: of a
// container that is not kept any more the ids are known.
func (r *Resolver) Lookup(fullID string) *event.Container {
	if fullID == "" {
		return event.Host
	}
	if r.mail.waiting.Load() {
		r.receive()
	}
	if k := r.containers[fullID]; k != nil {
		return k.c
	}
	return &event.Container{ID: fullID[:min(len(fullID), shortID)], FullID: fullID}
}

// learn takes in a cgroup's path from a record. One without its beginning is worth nothing: a container that nests cgroups
// deep enough would choose what is left. It is looked up in /proc like one whose record was lost.
func (r *Resolver) learn(kind event.Kind, facts *event.CgroupFacts, boot int64) {
	if facts.ID == 0 || facts.Cut {
		return
	}
	r.stats.records.Add(1)
	if g := r.cgroups[facts.ID]; g != nil && g.until == 0 && kind == event.CgroupPath {
		// The kernel sends a path once and again only for an id that its table has forgotten.
		r.stats.forgotten.Add(1)
	}
	r.keep(facts.ID, r.byPath(facts.Path, boot), boot)
}

// byPath returns the container that a cgroup path belongs to, nil for the host.
func (r *Resolver) byPath(path string, boot int64) *known {
	id, runtime, ok := ID(path)
	if !ok {
		return nil
	}
	pod := PodUID(path)
	k := r.containers[id]
	if k == nil {
		id = strings.Clone(id) // path is a view into the reader's buffer
		k = &known{c: &event.Container{ID: id[:shortID], FullID: id, Runtime: runtime}, used: boot}
		r.insert(k)
		if len(r.cfg.Sockets) > 0 {
			k.pending = r.want(id)
		}
	}
	if k.pod == "" && pod != "" {
		k.pod = strings.Clone(pod)
		if k.c.Metadata == event.MetadataComplete && !agrees(k, k.c) {
			r.refuse(k)
		}
	}
	return k
}

// keep records for sure whose a cgroup is, and tells the kernel's filter.
func (r *Resolver) keep(id uint64, of *known, boot int64) *cgroup {
	g := r.put(id, of, boot)
	g.until = 0
	r.tell(g)
	return g
}

// tell tells the kernel's filter whose a cgroup is.
func (r *Resolver) tell(g *cgroup) {
	if r.cfg.OnCgroup != nil {
		r.cfg.OnCgroup(g.id, g.of != nil || g.left)
	}
}

// tellLeft: a process that was in a container stays its own wherever it is moved, and what it starts does, too; else whoever
// may write to cgroups would be the host's for every rule. From then on the kernel is to send what that cgroup does as if it
// were a container's.
func (r *Resolver) tellLeft(g *cgroup, ev *event.Event) {
	if g.left {
		return
	}
	g.left = true
	r.tell(g)
	r.log.Warn("process left its container's cgroup: it is counted to the container still", "process", ev.Task.TGID,
		"container", ev.Process.ContainerID, "cgroup", g.id)
}

func (r *Resolver) put(id uint64, of *known, boot int64) *cgroup {
	g := r.cgroups[id]
	if g == nil {
		if len(r.cgroups) >= r.cfg.MaxCgroups {
			r.evictCgroup()
		}
		g = &cgroup{id: id}
		r.cgroups[id] = g
		r.stats.cgroups.Store(uint64(len(r.cgroups)))
	}
	g.of, g.used = of, boot
	return g
}

// receive takes in what the background found out.
func (r *Resolver) receive() {
	letters, sweep := r.mail.take()
	for id, l := range letters {
		k := r.containers[id]
		switch {
		case l.container != nil:
			r.found(id, l.container)
		case k != nil && (l.missing || l.expired):
			if k.pending && l.expired {
				r.stats.expired.Add(1)
			}
			k.pending = false
		}
		if k := r.containers[id]; k != nil && l.ended {
			k.ended = true
		}
	}
	if sweep {
		r.sweep()
	}
}

func (r *Resolver) found(id string, c *event.Container) {
	k := r.containers[id]
	if k == nil {
		r.insert(&known{c: c, used: r.boot})
		return
	}
	k.pending = false
	if !agrees(k, c) {
		r.refuse(k)
		return
	}
	k.c = c
}

// agrees reports whether metadata may be that of k: the kernel's path and the runtime must name the same pod.
func agrees(k *known, c *event.Container) bool {
	return k.pod == "" || c.Pod == nil || c.Pod.UID == "" || c.Pod.UID == k.pod
}

// refuse forgets metadata that cannot be k's; it is asked for again at the next round.
func (r *Resolver) refuse(k *known) {
	r.stats.refusedPod.Add(1)
	k.c = &event.Container{ID: k.c.ID, FullID: k.c.FullID, Runtime: k.c.Runtime}
	r.lookups.again(k.c.FullID)
}
