package container

import "math"

// sampled is how many entries are looked at to evict the oldest of them. Maps are walked from a random entry, so this comes
// near to least-recently-used without a list to maintain on each event.
const sampled = 16

func (r *Resolver) evictCgroup() {
	var victim *cgroup
	oldest, n := int64(math.MaxInt64), 0
	for _, g := range r.cgroups {
		if g.used < oldest {
			victim, oldest = g, g.used
		}
		if n++; n == sampled {
			break
		}
	}
	if victim != nil {
		r.stats.cgroupsFull.Add(1)
		r.dropCgroup(victim)
	}
}

func (r *Resolver) dropCgroup(g *cgroup) {
	delete(r.cgroups, g.id)
	if r.last == g {
		r.last = nil
	}
	r.stats.cgroups.Store(uint64(len(r.cgroups)))
}

// insert adds a container, at the cost of an old one if there are too many.
func (r *Resolver) insert(k *known) {
	if len(r.containers) >= r.cfg.MaxContainers {
		r.evictContainer()
	}
	r.containers[k.c.FullID] = k
	r.stats.containers.Store(uint64(len(r.containers)))
}

func (r *Resolver) evictContainer() {
	var victim *known
	oldest, n := int64(math.MaxInt64), 0
	for _, k := range r.containers {
		if k.used < oldest {
			victim, oldest = k, k.used
		}
		if n++; n == sampled {
			break
		}
	}
	if victim != nil {
		r.stats.containersFull.Add(1)
		r.dropContainers(map[*known]bool{victim: true})
	}
}

// dropContainers forgets containers and the cgroups that are theirs; an event that names one again has it looked up again.
func (r *Resolver) dropContainers(gone map[*known]bool) {
	for k := range gone {
		delete(r.containers, k.c.FullID)
		r.lookups.forget(k.c.FullID) // and the timer that would have ended the wait
		if k.pending {
			r.mail.signal()
		}
	}
	for _, g := range r.cgroups {
		if g.of != nil && gone[g.of] {
			r.dropCgroup(g)
		}
	}
	r.stats.containers.Store(uint64(len(r.containers)))
}

// sweep drops what no event has named for long.
func (r *Resolver) sweep() {
	gone := make(map[*known]bool)
	for _, k := range r.containers {
		unused := r.boot - k.used
		if unused > keepFor || k.ended && unused > keepEnded {
			gone[k] = true
		}
	}
	for _, g := range r.cgroups {
		if r.boot-g.used > keepFor {
			r.dropCgroup(g)
		}
	}
	if len(gone) > 0 {
		r.stats.ended.Add(uint64(len(gone)))
		r.dropContainers(gone)
	}
}
