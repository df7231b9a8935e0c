package report

import (
	"path"
	"slices"
	"time"

	"tiercel.dev/functions/fleet"
	"tiercel.dev/functions/route"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/schedule"
)

// An Input is all that one report is made of.
type Input struct {
	Due      time.Time // of the report
	Since    time.Time // of the one before; a week before Due if there was none
	Run      schedule.Run
	Manifest schedule.Manifest
	Checks   map[string]posture.Check
	Clusters []posture.Cluster
	Absent   []posture.Resource // the run was to have a record of them, and has none
	// Problems are what of the input could not be read, in sentences.
	Problems  []string
	State     posture.State // of the report before
	Upgrades  []posture.Upgrade
	Rotations []posture.Rotation
	Fleet     *fleet.Status // nil: nobody has looked
	Alerts    []route.Tally
	History   []Summary // the oldest first
	Version   string    // of Tiercel
}

// scoreOf is the score of clusters together.
func (in *Input) scoreOf(clusters []posture.Cluster) (sum posture.Score) {
	for _, c := range clusters {
		sum = sum.Add(posture.ScoreOf(c.Results, in.Checks))
	}
	return sum
}

// clusterOf is the cluster that something is in.
func clusterOf(r posture.Resource) posture.Resource {
	return posture.Resource{Project: r.Project, Location: r.Location, Cluster: r.Cluster}
}

// A scope says what is an audience's.
type scope struct {
	Audience
	labels map[posture.Resource]map[string]string
	// within are the clusters that have one of the namespaces; nil for an audience without.
	within map[posture.Resource]bool
}

// scope looks up labels in this run's records, and of clusters without one in the last history that has them.
func (in *Input) scope(a Audience) scope {
	s := scope{Audience: a, labels: map[posture.Resource]map[string]string{}}
	for _, h := range in.History {
		for _, c := range h.Clusters {
			s.labels[c.Resource] = c.Labels
		}
	}
	for _, c := range in.Clusters {
		s.labels[clusterOf(c.Resource)] = c.Labels
	}
	if len(a.Namespaces) == 0 {
		return s
	}
	s.within = map[posture.Resource]bool{}
	for _, c := range in.Clusters {
		has := slices.ContainsFunc(c.Results, func(r posture.Result) bool { return s.namespace(r.Resource.Namespace) })
		if c.Network != nil {
			has = has || slices.ContainsFunc(c.Network.Namespaces, func(n posture.Namespace) bool { return s.namespace(n.Name) })
		}
		s.within[clusterOf(c.Resource)] = has
	}
	return s
}

// cluster reports whether something of a cluster is the audience's. One that cannot be told for another's is: what nobody knows
// must not be nobody's.
func (s scope) cluster(r posture.Resource) bool {
	r = clusterOf(r)
	labels, known := s.labels[r]
	for key, value := range s.Clusters {
		if known && labels[key] != value {
			return false
		}
	}
	within, looked := s.within[r]
	return s.within == nil || within || !looked
}

func (s scope) namespace(name string) bool {
	return name != "" && slices.ContainsFunc(s.Namespaces, func(pattern string) bool {
		ok, _ := path.Match(pattern, name) // patterns were compiled when they were read
		return ok
	})
}

// resource reports whether a result about it is the audience's.
func (s scope) resource(r posture.Resource) bool {
	return s.cluster(r) && (len(s.Namespaces) == 0 || s.namespace(r.Namespace))
}

// only is what is left of the input for an audience.
func (in *Input) only(a Audience) *Input {
	if len(a.Clusters) == 0 && len(a.Namespaces) == 0 {
		return in
	}
	s := in.scope(a)
	out := *in
	out.Clusters = nil
	for _, c := range in.Clusters {
		if !s.cluster(c.Resource) {
			continue
		}
		c.Results = keep(c.Results, func(r posture.Result) bool { return s.resource(r.Resource) })
		if c.Network != nil && s.within != nil {
			c.Network = s.network(*c.Network)
		}
		out.Clusters = append(out.Clusters, c)
	}
	out.Absent = keep(in.Absent, s.cluster)
	out.Manifest.Gone = keep(in.Manifest.Gone, s.cluster)
	out.State.Clusters = keep(in.State.Clusters, s.cluster)
	out.State.Seen = map[string]posture.Seen{}
	for id, seen := range in.State.Seen {
		if s.resource(seen.Resource) {
			out.State.Seen[id] = seen
		}
	}
	out.Upgrades = keep(in.Upgrades, func(u posture.Upgrade) bool { return s.cluster(u.Resource) })
	out.Rotations = keep(in.Rotations, func(r posture.Rotation) bool { return s.cluster(r.Resource) })
	out.Alerts = keep(in.Alerts, func(t route.Tally) bool {
		return s.resource(posture.Resource{Project: t.Project, Location: t.Location, Cluster: t.Cluster, Namespace: t.Namespace})
	})
	out.Fleet = s.fleet(in.Fleet)
	return &out
}

func (s scope) network(n posture.Network) *posture.Network {
	n.Namespaces = keep(n.Namespaces, func(o posture.Namespace) bool { return s.namespace(o.Name) })
	n.Pods, n.Covered = 0, 0
	for _, o := range n.Namespaces {
		n.Pods, n.Covered = n.Pods+o.Pods, n.Covered+o.Covered
	}
	return &n
}

func (s scope) fleet(f *fleet.Status) *fleet.Status {
	if f == nil {
		return nil
	}
	of := func(project, location, cluster string) bool {
		return s.cluster(posture.Resource{Project: project, Location: location, Cluster: cluster})
	}
	out := *f
	out.Clusters = keep(f.Clusters, func(c fleet.ClusterLine) bool { return of(c.Project, c.Location, c.Name) })
	out.Lines = keep(f.Lines, func(l *fleet.Line) bool { return of(l.Project, l.Location, l.Cluster) })
	return &out
}

// keep is what of a list fulfils a condition; the list stays as it is.
func keep[T any](list []T, is func(T) bool) (kept []T) {
	for _, each := range list {
		if is(each) {
			kept = append(kept, each)
		}
	}
	return kept
}
