package fleet

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"tiercel.dev/internal/kube"
)

// A Verdict is what a look at the fleet came to.
type Verdict struct {
	Problems []Problem
	Clusters []ClusterLine
	// Waiting are nodes of which nobody can say yet whether their sensors are silent.
	Waiting map[place]bool
}

// A ClusterLine is a cluster in the report.
type ClusterLine struct {
	Project  string `json:"project"`
	Location string `json:"location"`
	Name     string `json:"name"`
	// Unknown says why nothing is known of it; then the counts are 0, and that is not good news.
	Unknown string `json:"unknown,omitempty"`
	// UnknownSince is when it was first so.
	UnknownSince time.Time `json:"unknown_since,omitzero"`
	// Lacking says what could not be found out besides.
	Lacking string `json:"lacking,omitempty"`
	// Since is when it was first looked at, or could be again. Of before, nobody can say that heartbeats were to be expected.
	Since time.Time `json:"since,omitzero"`
	Nodes int       `json:"nodes"`
	Well  int       `json:"well"`
	New   int       `json:"new"` // not yet expected to have a sensor
	// RuleSets and Versions count the sensors that live.
	RuleSets map[string]int `json:"rule_sets,omitempty"`
	Versions map[string]int `json:"versions,omitempty"`
}

// slack is how much later than it should a heartbeat may be counted: it waits for others in Pub/Sub and in [Beats].
const slack = 15 * time.Second

// Judge says what is wrong. It is a pure function of its arguments; was are the clusters as they were at the last look.
func Judge(now time.Time, was []ClusterLine, w World, heard Heard, p Policy) Verdict {
	p = p.withDefaults()
	j := judge{now: now, was: was, policy: p, sensors: index(heard.Sensors), refused: heard.Unverified, verdict: Verdict{Waiting: make(map[place]bool)}}
	if j.version = p.Version; j.version == "" {
		j.version = newest(now, j.placed(w), p)
	}
	for _, c := range w.Clusters {
		j.cluster(c)
	}
	slices.SortFunc(j.verdict.Problems, func(a, b Problem) int {
		ka, kb := a.key(), b.key()
		return cmp.Or(cmp.Compare(rules[b.Kind].severity, rules[a.Kind].severity), slices.Compare(ka[:], kb[:]))
	})
	return j.verdict
}

type judge struct {
	now     time.Time
	was     []ClusterLine
	policy  Policy
	sensors map[place]*Sensor
	refused Unverified
	version string
	verdict Verdict
}

type place struct{ project, location, cluster, node string }

// index has the sensors by their node.
func index(heard []*Sensor) map[place]*Sensor {
	all := make(map[place]*Sensor, len(heard))
	for _, s := range heard {
		all[place{s.Project, s.Location, s.Cluster, s.Node}] = s
	}
	return all
}

func (j *judge) sensor(c Cluster, node string) *Sensor {
	return j.sensors[place{c.Project, c.Location, c.Name, node}]
}

// placed are the sensors of nodes that there are: what others say of themselves counts for nothing.
func (j *judge) placed(w World) (all []*Sensor) {
	for _, c := range w.Clusters {
		for _, n := range c.Nodes {
			if s := j.sensor(c, n.Name); s != nil {
				all = append(all, s)
			}
		}
	}
	return all
}

func (p Policy) alive(now time.Time, s *Sensor) bool {
	return s != nil && !s.At.IsZero() && now.Sub(s.At) <= time.Duration(p.Silent)*s.interval()+slack
}

func (j *judge) cluster(c Cluster) {
	line := ClusterLine{Project: c.Project, Location: c.Location, Name: c.Name, Unknown: c.Unknown, Lacking: c.Lacking}
	found := func(k Kind, n kube.Node, detail string) {
		j.verdict.Problems = append(j.verdict.Problems, Problem{
			Kind: k, Project: c.Project, Location: c.Location, Cluster: c.Name, Resource: c.Resource,
			Node: n.Name, Pool: n.Pool, NodeResource: n.Resource, Detail: detail,
		})
	}
	defer func() { j.verdict.Clusters = append(j.verdict.Clusters, line) }()
	was := j.last(c)
	if c.Unknown != "" {
		if line.UnknownSince = was.UnknownSince; was.Unknown == "" {
			line.UnknownSince = j.now
		}
		// A control plane that is upgraded, or a cluster that is being deleted, does not answer for some minutes.
		if j.now.Sub(line.UnknownSince) >= j.policy.Grace {
			found(Unreadable, kube.Node{}, c.Unknown)
		}
		return
	}
	if line.Since = was.Since; was.Since.IsZero() {
		line.Since = j.now
	}
	line.Nodes = len(c.Nodes)
	line.RuleSets, line.Versions = make(map[string]int), make(map[string]int)
	var live []*Sensor
	for _, n := range c.Nodes {
		if s := j.sensor(c, n.Name); j.policy.alive(j.now, s) {
			live = append(live, s)
			line.RuleSets[s.RuleSet]++
			line.Versions[s.Version]++
		}
	}
	expected := expectedRules(j.now, live, j.policy)
	unwatched := 0
	for _, n := range c.Nodes {
		before := len(j.verdict.Problems)
		s := j.sensor(c, n.Name)
		if why := unsupported(n); why != "" {
			found(Unsupported, n, why)
		}
		switch {
		case j.policy.alive(j.now, s):
			j.live(s, expected, func(k Kind, detail string) { found(k, n, detail) })
		case c.Autopilot:
			unwatched++ // one problem of the cluster's: its nodes come and go
			continue
		case s == nil && unsupported(n) != "": // nobody put one there
		case keptAway(n, c.Tolerations) != "":
			found(Uncovered, n, keptAway(n, c.Tolerations))
		case j.now.Sub(n.Created) < j.policy.Grace || j.now.Sub(line.Since) < j.policy.Grace:
			line.New++
			j.verdict.Waiting[place{c.Project, c.Location, c.Name, n.Name}] = true
			continue
		default:
			found(Missing, n, j.silence(n, s))
		}
		if len(j.verdict.Problems) == before {
			line.Well++
		}
	}
	if unwatched > 0 {
		found(Unsupported, kube.Node{}, fmt.Sprintf("%d nodes are of Autopilot, which admits no privileged DaemonSet such as the sensor's", unwatched))
	}
}

// last is a cluster as it was at the last look; empty if it was not there.
func (j *judge) last(c Cluster) ClusterLine {
	for _, l := range j.was {
		if l.Project == c.Project && l.Location == c.Location && l.Name == c.Name {
			return l
		}
	}
	return ClusterLine{}
}

// live looks at a sensor that lives.
func (j *judge) live(s *Sensor, expected string, found func(Kind, string)) {
	var losing []string
	if !s.LostAt.IsZero() && j.now.Sub(s.LostAt) <= j.policy.Losing {
		losing = append(losing, "lost "+strings.Join(s.lostText(), ", ")+", the last at "+clock(s.LostAt))
	}
	if s.Impaired != "" {
		losing = append(losing, "is impaired: "+s.Impaired)
	}
	if losing != nil {
		found(Losing, strings.Join(losing, "; "))
	}
	switch {
	case s.RulesError != "":
		found(Stale, "the rules last read were refused: "+s.RulesError)
	case expected != "" && s.RuleSet != expected && j.now.Sub(s.RuleSetSince) > j.policy.Rollout:
		found(Stale, fmt.Sprintf("has rules %s since %s, and not %s", s.RuleSet, clock(s.RuleSetSince), expected))
	}
	if j.version != "" && j.now.Sub(s.VersionSince) > j.policy.Rollout && behind(s.Version, j.version, j.policy.Version != "") {
		found(Outdated, fmt.Sprintf("is %s since %s, and not %s", s.Version, clock(s.VersionSince), j.version))
	}
}

// silence says what is known of a sensor that does not speak.
func (j *judge) silence(n kube.Node, s *Sensor) string {
	var text string
	switch {
	case s == nil:
		text = "no heartbeat ever came"
		if !j.refused.At.IsZero() && j.now.Sub(j.refused.At) < j.policy.Grace {
			text += "; some come, from wherever, that are not verified: " + j.refused.Why
		}
	case s.UnverifiedAt.After(s.At):
		text = "heartbeats come that are not verified: " + s.UnverifiedWhy
	case s.OddAt.After(s.At):
		text = fmt.Sprintf("heartbeats come with the time %s, at %s: the node's clock is wrong, or they are old ones sent again", clock(s.OddClock), clock(s.OddAt))
	default:
		text = fmt.Sprintf("the last heartbeat was of %s, of one every %s", clock(s.At), s.interval())
	}
	if !n.Ready {
		text += "; the node itself is not ready"
	}
	return text
}

func clock(t time.Time) string { return t.UTC().Format(time.RFC3339) }
