package fleet

import (
	"cmp"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"tiercel.dev/internal/kube"
)

var now = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func ago(d time.Duration) time.Time { return now.Add(-d) }

// node is one of long ago, n of them in cluster c.
func node(name string, change ...func(*kube.Node)) kube.Node {
	n := kube.Node{Name: name, Pool: "pool-1", Created: ago(1000 * time.Hour), Ready: true, OS: "linux"}
	for _, c := range change {
		c(&n)
	}
	return n
}

func cluster(nodes ...kube.Node) World {
	return World{Clusters: []Cluster{{Project: "p", Location: "l", Name: "c", Resource: "//c", Nodes: nodes}}}
}

// sensor is one that is well.
func sensor(node string, change ...func(*Sensor)) *Sensor {
	s := &Sensor{Project: "p", Location: "l", Cluster: "c", Node: node, ID: node, At: ago(30 * time.Second), Clock: ago(30 * time.Second),
		Interval: 60, Version: "v1.2.0", VersionSince: ago(100 * time.Hour), RuleSet: "r1", RuleSetSince: ago(100 * time.Hour)}
	for _, c := range change {
		c(s)
	}
	return s
}

func silent(d time.Duration) func(*Sensor) { return func(s *Sensor) { s.At = ago(d) } }

// looked is the cluster as it was at the last look, the first of which was so long ago.
// Negative: since when it does not answer.
func looked(d time.Duration) []ClusterLine {
	if d < 0 {
		return []ClusterLine{{Project: "p", Location: "l", Name: "c", Unknown: "x", UnknownSince: now.Add(d)}}
	}
	return []ClusterLine{{Project: "p", Location: "l", Name: "c", Since: ago(d)}}
}

func TestJudge(t *testing.T) {
	for name, tt := range map[string]struct {
		world   World
		heard   []*Sensor
		refused Unverified
		policy  Policy
		since   time.Duration // of the first check; 0 for long ago
		want    []string      // kind, node, and what the detail holds
		well    int
		isNew   int
	}{
		"all well":    {world: cluster(node("n1"), node("n2")), heard: []*Sensor{sensor("n1"), sensor("n2")}, well: 2},
		"never heard": {world: cluster(node("n1")), want: []string{"sensor_missing n1 no heartbeat ever came"}},
		"nothing is verified": {world: cluster(node("n1")), refused: Unverified{Count: 9, At: ago(time.Minute), Why: "list clusters: forbidden"},
			want: []string{"sensor_missing n1 no heartbeat ever came; some come, from wherever, that are not verified: list clusters: forbidden"}},
		"never heard, the first check is new":   {world: cluster(node("n1")), since: time.Minute, isNew: 1},
		"three heartbeats missed, to the slack": {world: cluster(node("n1")), heard: []*Sensor{sensor("n1", silent(3*time.Minute+slack))}, well: 1},
		"more than three heartbeats missed": {world: cluster(node("n1")), heard: []*Sensor{sensor("n1", silent(3*time.Minute+slack+1))},
			want: []string{"sensor_missing n1 the last heartbeat was of 2026-01-02T11:56:44Z, of one every 1m0s"}},
		"silent, the first check is new": {world: cluster(node("n1")), heard: []*Sensor{sensor("n1", silent(time.Hour))}, since: time.Minute, isNew: 1},
		"heartbeats that are not verified": {world: cluster(node("n1")), heard: []*Sensor{sensor("n1", silent(time.Hour), func(s *Sensor) { s.UnverifiedAt, s.UnverifiedWhy = ago(time.Minute), "forbidden" })},
			want: []string{"sensor_missing n1 heartbeats come that are not verified: forbidden"}},
		"a longer interval":        {world: cluster(node("n1")), heard: []*Sensor{sensor("n1", silent(14*time.Minute), func(s *Sensor) { s.Interval = 300 })}, well: 1},
		"a node that is new":       {world: cluster(node("n1", func(n *kube.Node) { n.Created = ago(9 * time.Minute) })), isNew: 1},
		"a new node with a sensor": {world: cluster(node("n1", func(n *kube.Node) { n.Created = ago(time.Minute) })), heard: []*Sensor{sensor("n1")}, well: 1},
		"a node that is not ready": {world: cluster(node("n1", func(n *kube.Node) { n.Ready = false })), want: []string{"sensor_missing n1 the node itself is not ready"}},
		"old heartbeats sent again": {world: cluster(node("n1")), heard: []*Sensor{sensor("n1", silent(time.Hour), func(s *Sensor) { s.OddAt, s.OddClock = ago(time.Minute), ago(24*time.Hour) })},
			want: []string{"sensor_missing n1 heartbeats come with the time 2026-01-01T12:00:00Z"}},
		"a sensor of a cluster of the same name elsewhere": {world: cluster(node("n1")), heard: []*Sensor{sensor("n1", func(s *Sensor) { s.Project = "other" })},
			want: []string{"sensor_missing n1 no heartbeat ever came"}},
		"a node that went away": {world: cluster(node("n1")), heard: []*Sensor{sensor("n1"), sensor("gone", silent(time.Hour))}, well: 1},

		"losing": {world: cluster(node("n1")), heard: []*Sensor{sensor("n1", func(s *Sensor) {
			s.Lost, s.LostAt = map[string]uint64{"ring_full": 5, "output pubsub": 7}, ago(10*time.Minute)
		})}, want: []string{"sensor_losing n1 lost 7 output pubsub, 5 ring_full, the last at 2026-01-02T11:50:00Z"}},
		"lost long ago": {world: cluster(node("n1")), heard: []*Sensor{sensor("n1", func(s *Sensor) { s.Lost, s.LostAt = map[string]uint64{"ring_full": 5}, ago(16*time.Minute) })}, well: 1},

		"impaired": {world: cluster(node("n1")), heard: []*Sensor{sensor("n1", func(s *Sensor) { s.Impaired = "missing CAP_SYS_PTRACE" })},
			want: []string{"sensor_losing n1 is impaired: missing CAP_SYS_PTRACE"}},
		"impaired and losing": {world: cluster(node("n1")), heard: []*Sensor{sensor("n1", func(s *Sensor) {
			s.Impaired, s.Lost, s.LostAt = "missing CAP_SYS_PTRACE", map[string]uint64{"ring_full": 5}, ago(time.Minute)
		})}, want: []string{"sensor_losing n1 lost 5 ring_full, the last at 2026-01-02T11:59:00Z; is impaired: missing CAP_SYS_PTRACE"}},
		"rules refused": {world: cluster(node("n1")), heard: []*Sensor{sensor("n1", func(s *Sensor) { s.RulesError = "a.yaml:3: no" })},
			want: []string{"sensor_rules_stale n1 the rules last read were refused: a.yaml:3: no"}},
		"one of three has other rules": {world: cluster(node("n1"), node("n2"), node("n3")), heard: []*Sensor{sensor("n1"), sensor("n2"), sensor("n3", func(s *Sensor) { s.RuleSet = "r0" })},
			want: []string{"sensor_rules_stale n3 has rules r0 since"}, well: 2},
		"two of three have new rules for a minute": {world: cluster(node("n1"), node("n2"), node("n3")), heard: []*Sensor{
			sensor("n1", func(s *Sensor) { s.RuleSet, s.RuleSetSince = "r2", ago(time.Minute) }), sensor("n2", func(s *Sensor) { s.RuleSet, s.RuleSetSince = "r2", ago(2*time.Minute) }), sensor("n3")}, well: 3},
		"one of three has new rules for a minute": {world: cluster(node("n1"), node("n2"), node("n3")), heard: []*Sensor{
			sensor("n1", func(s *Sensor) { s.RuleSet, s.RuleSetSince = "r2", ago(time.Minute) }), sensor("n2"), sensor("n3")}, well: 3},
		"half has others: nobody is the most": {world: cluster(node("n1"), node("n2")), heard: []*Sensor{sensor("n1"), sensor("n2", func(s *Sensor) { s.RuleSet = "r0" })}, well: 2},
		"declared rules": {world: cluster(node("n1"), node("n2")), heard: []*Sensor{sensor("n1"), sensor("n2", func(s *Sensor) { s.RuleSet = "r9" })}, policy: Policy{RuleSet: "r9"},
			want: []string{"sensor_rules_stale n1 has rules r1 since 2025-12-29T08:00:00Z, and not r9"}, well: 1},

		"an older version": {world: cluster(node("n1"), node("n2")), heard: []*Sensor{sensor("n1"), sensor("n2", func(s *Sensor) { s.Version = "v1.1.9" })},
			want: []string{"sensor_outdated n2 is v1.1.9 since 2025-12-29T08:00:00Z, and not v1.2.0"}, well: 1},
		"a newer version on its way":        {world: cluster(node("n1"), node("n2")), heard: []*Sensor{sensor("n1"), sensor("n2", func(s *Sensor) { s.Version, s.VersionSince = "v1.10.0", ago(time.Minute) })}, well: 2},
		"a version of nobody's node":        {world: cluster(node("n1")), heard: []*Sensor{sensor("n1"), sensor("forged", func(s *Sensor) { s.Version = "v999.0.0" })}, well: 1},
		"a version that cannot be compared": {world: cluster(node("n1"), node("n2")), heard: []*Sensor{sensor("n1"), sensor("n2", func(s *Sensor) { s.Version = "devel" })}, well: 2},
		"a declared version": {world: cluster(node("n1"), node("n2")), heard: []*Sensor{sensor("n1"), sensor("n2", func(s *Sensor) { s.Version = "devel" })}, policy: Policy{Version: "v1.3.0"},
			want: []string{"sensor_outdated n1 ", "sensor_outdated n2 is devel"}},

		"Windows": {world: cluster(node("n1", func(n *kube.Node) { n.OS = "windows" })), want: []string{"node_unsupported n1 its operating system is windows"}},
		"gVisor":  {world: cluster(node("n1", func(n *kube.Node) { n.GVisor = true })), want: []string{"node_unsupported n1 it runs pods in gVisor"}},
		"gVisor, with a sensor all the same": {world: cluster(node("n1", func(n *kube.Node) { n.GVisor = true })), heard: []*Sensor{sensor("n1")},
			want: []string{"node_unsupported n1 it runs pods in gVisor"}},
		"gVisor, and its sensor is silent": {world: cluster(node("n1", func(n *kube.Node) { n.GVisor = true })), heard: []*Sensor{sensor("n1", silent(time.Hour))},
			want: []string{"sensor_missing n1 ", "node_unsupported n1 "}},
		"a taint": {world: World{Clusters: []Cluster{{Project: "p", Location: "l", Name: "c", Tolerations: []corev1.Toleration{},
			Nodes: []kube.Node{node("n1", func(n *kube.Node) { n.Taints = []corev1.Taint{{Key: "gpu", Value: "yes", Effect: "NoSchedule"}} })}}}},
			want: []string{"node_uncovered n1 the sensor's DaemonSet does not tolerate the taint gpu=yes:NoSchedule"}},
		"Autopilot": {world: World{Clusters: []Cluster{{Project: "p", Location: "l", Name: "c", Autopilot: true, Nodes: []kube.Node{node("n1"), node("n2"), node("n3")}}}},
			heard: []*Sensor{sensor("n1")}, want: []string{"node_unsupported  2 nodes are of Autopilot"}, well: 1},
		"a cluster that does not answer for a minute": {world: World{Clusters: []Cluster{{Project: "p", Location: "l", Name: "c", Unknown: "list nodes: timeout"}}}},
		"a cluster that cannot be read": {since: -10 * time.Minute, world: World{Clusters: []Cluster{{Project: "p", Location: "l", Name: "c", Unknown: "list nodes: forbidden"}}},
			heard: []*Sensor{sensor("n1")}, want: []string{"cluster_unreadable  list nodes: forbidden"}},
		"no nodes": {world: cluster()},
	} {
		v := Judge(now, looked(cmp.Or(tt.since, 1000*time.Hour)), tt.world, Heard{Sensors: tt.heard, Unverified: tt.refused}, tt.policy)
		if len(v.Problems) != len(tt.want) {
			t.Errorf("%s: %v, want %v", name, v.Problems, tt.want)
			continue
		}
		for i, p := range v.Problems {
			parts := strings.SplitN(tt.want[i], " ", 3)
			if string(p.Kind) != "tiercel_"+parts[0] || p.Node != parts[1] || !strings.Contains(p.Detail, parts[2]) || p.Cluster != "c" {
				t.Errorf("%s: %+v, want %s", name, p, tt.want[i])
			}
		}
		if line := v.Clusters[0]; line.Well != tt.well || line.New != tt.isNew {
			t.Errorf("%s: %+v, want %d well and %d new", name, line, tt.well, tt.isNew)
		}
	}
}

// The severest come first: of a fleet that is silent as a whole the rest waits.
func TestOrder(t *testing.T) {
	w := cluster(node("n1"), node("n2", func(n *kube.Node) { n.OS = "windows" }), node("n3"))
	v := Judge(now, looked(time.Hour), w, Heard{Sensors: []*Sensor{sensor("n1", func(s *Sensor) { s.RulesError = "x" })}}, Policy{})
	var got []Kind
	for _, p := range v.Problems {
		got = append(got, p.Kind)
	}
	if d := gocmp.Diff([]Kind{Missing, Stale, Unsupported}, got); d != "" {
		t.Error(d)
	}
}

func TestKeptAway(t *testing.T) {
	taint := corev1.Taint{Key: "k", Value: "v", Effect: "NoExecute"}
	for name, tt := range map[string]struct {
		taint       corev1.Taint
		tolerations []corev1.Toleration
		away        bool
	}{
		"nobody knows":         {taint, nil, false},
		"none":                 {taint, []corev1.Toleration{}, true},
		"one of several":       {taint, []corev1.Toleration{{Key: "x", Operator: "Exists"}, {Key: "k", Operator: "Exists"}}, false},
		"all":                  {taint, []corev1.Toleration{{Operator: "Exists"}}, false},
		"another value":        {taint, []corev1.Toleration{{Key: "k", Value: "w"}}, true},
		"another effect":       {taint, []corev1.Toleration{{Key: "k", Operator: "Exists", Effect: "NoSchedule"}}, true},
		"a wish":               {corev1.Taint{Key: "k", Effect: "PreferNoSchedule"}, []corev1.Toleration{}, false},
		"the controller's own": {corev1.Taint{Key: "node.kubernetes.io/unschedulable", Effect: "NoSchedule"}, []corev1.Toleration{}, false},
	} {
		if got := keptAway(kube.Node{Taints: []corev1.Taint{tt.taint}}, tt.tolerations); (got != "") != tt.away {
			t.Errorf("%s: %q", name, got)
		}
	}
}
