package gke

import (
	"maps"
	"slices"
	"time"
)

// failedAgain is how long GKE waits before it does again what failed. Made up.
const failedAgain = time.Hour

// A task is what GKE is to do by itself with a cluster.
type task struct {
	what scope
	make func() (*operation, error)
}

// maintain starts what GKE is to do by itself with the cluster, if it may now, and looks again when it may. It is called when
// anything that bears on it has changed. The caller has the lock.
func (s *Server) maintain(c *cluster) {
	c.wake++
	if s.clusters[c.name] != c || c.busy != nil || c.expired {
		return // what ends the operation calls again
	}
	from := s.now
	if c.hold.After(from) {
		from = c.hold
	}
	var soonest time.Time
	for _, t := range s.tasks(c) {
		opens := opening(c.pb.GetMaintenancePolicy().GetWindow(), from, t.what)
		if opens.Equal(s.now) {
			if o, err := t.make(); err == nil {
				o.by, o.method = c.agent(), internal
				s.start(c, o)
				return
			}
			continue // it would be refused, so it waits for another to change that
		}
		if soonest.IsZero() || opens.Before(soonest) {
			soonest = opens
		}
	}
	if wake := c.wake; !soonest.IsZero() {
		s.at(soonest, func() {
			if c.wake == wake {
				s.maintain(c)
			}
		})
	}
}

// tasks are what GKE would do with the cluster now, the most urgent first.
func (s *Server) tasks(c *cluster) (all []task) {
	if r := c.rotation; r != nil {
		if p := c.old(); p != nil && r.serving {
			what := nodes
			if !c.end.IsZero() && c.end.Sub(s.now) <= startsBefore {
				what = urgent
			}
			all = append(all, task{what, func() (*operation, error) { return s.recreate(c, p, p.Version), nil }})
		}
	}
	toPatch, toMinor := s.targets(c)
	if toMinor != "" {
		all = append(all, task{minor, func() (*operation, error) { return s.upgradeMaster(c, toMinor) }})
	}
	if toPatch != "" {
		all = append(all, task{patch, func() (*operation, error) { return s.upgradeMaster(c, toPatch) }})
	}
	for _, p := range c.pb.NodePools {
		if a, b := c.poolTargets(p); len(s.cfg.Releases) > 0 && a+b != "" {
			all = append(all, task{nodes, func() (*operation, error) { return s.recreate(c, p, a+b), nil }})
		}
	}
	return all
}

// maintainAll is for the time when a release becomes the target of upgrades.
func (s *Server) maintainAll() {
	for _, name := range slices.Sorted(maps.Keys(s.clusters)) {
		s.maintain(s.clusters[name])
	}
}

// watchReleases has clusters upgraded when a release becomes a target.
func (s *Server) watchReleases() {
	for _, r := range s.cfg.Releases {
		for _, t := range r.Target { // in any order: all do the same
			if t.After(s.now) {
				s.at(t, s.maintainAll)
			}
		}
	}
}
