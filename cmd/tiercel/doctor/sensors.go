package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tiercel.dev/functions/fleet"
	"tiercel.dev/internal/objects"
)

// checkedAge is how old the last check of the fleet may be, which is made every minute. Of what is older nothing follows.
const checkedAge = 5 * time.Minute

// examineSensors looks at the record of the function that compares nodes with heartbeats.
func (p *patient) examineSensors(ctx context.Context) []Line {
	bucket, err := p.records(ctx)
	if err != nil {
		return []Line{p.unread("fleet", err)}
	}
	o, err := bucket.Get(ctx, fleet.StatusName)
	var s *fleet.Status
	if err == nil {
		s, err = fleet.ReadStatus(o)
	}
	log := fmt.Sprintf("gcloud functions logs read tiercel-fleet --region %s --project %s", p.settings.region, p.Project)
	check := Line{Name: "fleet check", State: OK}
	switch {
	case errors.Is(err, objects.ErrNotFound):
		check.worse(Fail, "the fleet was never looked at", log)
	case err != nil:
		return []Line{p.unread(check.Name, err)}
	}
	if s != nil {
		age := p.Now().Sub(s.Checked).Round(time.Second)
		check.Seen = fmt.Sprintf("%s ago: %d clusters", age, len(s.Clusters))
		if age > checkedAge {
			check.worse(Fail, "nobody looks after the fleet any more", log)
			s.Clusters = nil
		}
		p.judgeCheck(&check, s)
	} else {
		s = new(fleet.Status)
	}
	lines := []Line{check}
	for _, c := range p.clustersOf(s) {
		lines = append(lines, p.judgeCluster(c, s))
	}
	return lines
}

func (p *patient) judgeCheck(l *Line, s *fleet.Status) {
	if s.Missing != "" {
		l.worse(Warn, "there may be other clusters: "+s.Missing, "grant tiercel-fleet what it says")
	}
	if u := s.Unverified; p.Now().Sub(u.At) < time.Hour {
		l.worse(Warn, "heartbeats come that nobody could verify: "+u.Why, "docs/playbooks/silent-nodes.md")
	}
}

// clustersOf are those to look at: the ones asked for, or all.
func (p *patient) clustersOf(s *fleet.Status) []Cluster {
	if len(p.Clusters) > 0 {
		return p.Clusters
	}
	var all []Cluster
	for _, c := range s.Clusters {
		all = append(all, Cluster{c.Project, c.Location, c.Name})
	}
	return all
}

// judgeCluster says how the sensors of a cluster are. One that was asked for is well only if every node has one that lives, of the one
// version; of any other, only a node without a living sensor is a failure.
func (p *patient) judgeCluster(c Cluster, s *fleet.Status) Line {
	l := Line{Name: c.String(), State: OK}
	asked := len(p.Clusters) > 0
	i := slices.IndexFunc(s.Clusters, func(o fleet.ClusterLine) bool {
		return o.Project == c.Project && o.Location == c.Location && o.Name == c.Name
	})
	if i < 0 {
		l.worse(Fail, "nobody has looked at it lately", "is its project among cluster_projects, and its name right?")
		return l
	}
	line := s.Clusters[i]
	if line.Unknown != "" {
		l.worse(Unknown, "its nodes could not be listed: "+line.Unknown, "docs/playbooks/"+string(fleet.Unreadable)+".md")
		if asked {
			l.State = Fail
		}
		return l
	}
	l.Seen = fmt.Sprintf("%d of %d nodes well", line.Well, line.Nodes)
	if line.Lacking != "" {
		l.worse(Warn, line.Lacking, "grant tiercel-fleet what it says")
	}
	if len(line.Versions) > 0 {
		l.Seen = join(l.Seen, "sensors "+tally(line.Versions))
	}
	problems := p.judgeProblems(&l, c, s)
	if !asked {
		return l
	}
	const look = "kubectl -n tiercel describe daemonset,pods -l app.kubernetes.io/name=tiercel-sensor"
	if line.New > 0 {
		l.worse(Fail, fmt.Sprintf("of %d nodes no heartbeat came yet", line.New), look)
	}
	if rest := line.Nodes - line.Well - line.New; rest > 0 && problems == 0 {
		l.worse(Fail, fmt.Sprintf("%d nodes are not well", rest), look)
	}
	p.judgeVersion(&l, line, look)
	return l
}

// judgeProblems tells what the check found, and counts it.
func (p *patient) judgeProblems(l *Line, c Cluster, s *fleet.Status) (n int) {
	kinds := make(map[fleet.Kind][]*fleet.Line)
	for _, problem := range s.Lines {
		if problem.Ended.IsZero() && problem.Project == c.Project && problem.Location == c.Location && problem.Cluster == c.Name {
			kinds[problem.Kind] = append(kinds[problem.Kind], problem)
			n++
		}
	}
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		all := kinds[kind]
		state := Warn
		if kind == fleet.Missing || len(p.Clusters) > 0 && (kind == fleet.Stale || kind == fleet.Outdated) {
			state = Fail
		}
		text := fmt.Sprintf("%s: %s", strings.ReplaceAll(strings.TrimPrefix(string(kind), "tiercel_"), "_", " "),
			some(all, func(i int) string { return cmp.Or(all[i].Node, "all nodes") + " (" + all[i].Detail + ")" }))
		l.worse(state, text, "docs/playbooks/"+string(kind)+".md")
	}
	return n
}

// judgeVersion has all living sensors be of the version that is wanted, or of one where nobody says which.
func (p *patient) judgeVersion(l *Line, line fleet.ClusterLine, look string) {
	want := cmp.Or(p.SensorVersion, p.settings.sensorVersion)
	for version, n := range line.Versions {
		if want != "" && version != want {
			l.worse(Fail, fmt.Sprintf("%d sensors are %s, not %s", n, version, want), look)
		}
	}
	if want == "" && len(line.Versions) > 1 {
		l.worse(Fail, "they are not of one version", look)
	}
	if len(line.Versions) == 0 && line.Nodes > 0 {
		l.worse(Fail, "no sensor lives there", look)
	}
}

// tally writes counts: "3 v1.2.0, 1 v1.1.0".
func tally(counts map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d %s", counts[name], cmp.Or(name, "of no version")))
	}
	return strings.Join(parts, ", ")
}
