package upgrade

import "slices"

// maxSkew is how many minors nodes may be behind their control plane, and how many a node pool may skip at once.
// https://cloud.google.com/kubernetes-engine/versioning#version_skew
const maxSkew = 2

// A step is one upgrade, of the control plane if it names no pool.
type step struct {
	pool     string
	from, to version
	reason   reason
}

type reason int

const (
	onTheWay reason = iota // to where the cluster goes
	tooFar                 // more than maxSkew behind
	blocks                 // keeps the control plane from its next minor
)

// A member is a node pool to a plan.
type member struct {
	name string
	at   version // not known: nobody may say what the control plane can do
	goal version // of its own; bounded by the control plane's
	fix  version // that mends what affects it, for which no minor is waited
	// managed pools are upgraded by GKE alone.
	managed bool
}

// goals are where a cluster stands and where it is to go. What is not known is zero, and what is not newer has no effect.
type goals struct {
	control      version
	patch, minor version
	pools        []member
	// newest is the newest version of a minor that there is for nodes, or for the control plane: an alias if that is not known.
	newest func(major, minor int, nodes bool) version
}

// plan is the upgrades in the order in which they can be done: the control plane goes one minor at a time, no pool is ever newer than
// it, or more than maxSkew minors older. Nothing goes back.
func plan(g goals) []step {
	g.pools = slices.Clone(g.pools)
	p := &planner{goals: g, start: g.control}
	for i := range p.pools {
		if m := &p.pools[i]; p.moves(m) && m.at.behind(p.control) > maxSkew {
			p.raise(m, p.control, tooFar)
		}
	}
	if g.patch.newerThan(p.control) && g.patch.sameMinor(p.control) {
		p.lift(g.patch)
	}
	for i := range p.pools {
		if m := &p.pools[i]; p.moves(m) && m.fix.newerThan(m.at) && !m.fix.newerThan(p.control) {
			p.raise(m, p.control, p.why(m))
		}
	}
	if g.minor.major == p.control.major && !p.blind() {
		for p.control.minor < g.minor.minor {
			p.nextMinor()
		}
	}
	for i := range p.pools {
		if m := &p.pools[i]; p.moves(m) {
			p.follow(m)
		}
	}
	return p.steps
}

type planner struct {
	goals
	start version // of the control plane
	steps []step
}

// moves reports whether a pool is for us to upgrade.
func (p *planner) moves(m *member) bool {
	return m.at.known() && !m.managed && m.at.major == p.control.major
}

// blind reports whether a pool may be too old for the control plane's next minor, for all that is known.
func (p *planner) blind() bool {
	for _, m := range p.pools {
		if !m.at.known() || m.at.major != p.control.major {
			return true
		}
	}
	return false
}

func (p *planner) nextMinor() {
	next := p.control.minor + 1
	for i := range p.pools {
		if m := &p.pools[i]; p.moves(m) && next-m.at.minor > maxSkew {
			p.raise(m, p.control, blocks)
		}
	}
	to := p.minor
	if next < p.minor.minor {
		to = p.newest(p.control.major, next, false)
	}
	p.lift(to)
}

func (p *planner) lift(to version) {
	p.steps = append(p.steps, step{from: p.control, to: to})
	p.control = to
}

// raise brings a pool to a version, over others if it is far away.
func (p *planner) raise(m *member, to version, why reason) {
	for m.at.behind(to) > maxSkew {
		p.move(m, p.newest(to.major, m.at.minor+maxSkew, true), why)
	}
	if to.newerThan(m.at) {
		p.move(m, to, why)
	}
}

func (p *planner) move(m *member, to version, why reason) {
	p.steps = append(p.steps, step{m.name, m.at, to, why})
	m.at = to
}

// follow brings a pool to where it is to be in the end: with the control plane if that is of a newer minor.
func (p *planner) follow(m *member) {
	if m.at.behind(p.control) > 0 {
		p.raise(m, p.control, p.why(m))
	} else if to := older(m.goal, p.control); to.newerThan(m.at) {
		p.raise(m, to, onTheWay)
	}
}

func (p *planner) why(m *member) reason {
	if m.at.behind(p.start) == maxSkew {
		return blocks
	}
	return onTheWay
}
