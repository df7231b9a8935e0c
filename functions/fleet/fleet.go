// Package fleet watches the sensors: which nodes there are, and from which of them heartbeats come. A node without a sensor,
// a sensor that loses events, one whose rules or program are old, and a node that no sensor can watch become an alert, a finding
// that goes inactive when all is well again, and a line for the report.
//
// [Beats.Record] takes heartbeats from a push subscription and keeps the latest of each sensor in Cloud Storage. [Checker.Check]
// is called every minute: it compares them with the nodes that the clusters name, and acts on what has changed. What is wrong
// with a node is decided by pure functions ([Judge]), and so is what has changed ([Status.take]).
package fleet

import (
	"context"
	"iter"
	"time"

	corev1 "k8s.io/api/core/v1"

	"tiercel.dev/internal/kube"
	"tiercel.dev/internal/objects"
)

// A Store keeps records. [objects.Bucket] is one; its errors are that package's.
type Store interface {
	Get(ctx context.Context, name string) (objects.Object, error)
	Put(ctx context.Context, name string, data []byte, meta map[string]string, generation int64) (int64, error)
	List(ctx context.Context, prefix string) iter.Seq2[objects.Object, error]
}

// A World is what was to be seen of the clusters at one time.
type World struct {
	Clusters []Cluster
	// Missing says why there may be clusters that are not listed; empty if there are none.
	Missing string
}

// A Cluster is one with its nodes.
type Cluster struct {
	// Location and Name are empty for clusters of which not even that is known.
	Project, Location, Name string
	Resource                string // full resource name
	Autopilot               bool
	// Unknown says why its nodes are not known. Then Nodes is empty, and nothing is said of them.
	Unknown string
	Nodes   []kube.Node
	// Tolerations of the sensor's DaemonSet. Nil, where nobody could read them, is taken for all: a node that it is kept away
	// from is one where it is missing then. Lacking says why.
	Tolerations []corev1.Toleration
	Lacking     string
}

// A Policy says when something is wrong. Zero fields have defaults.
type Policy struct {
	Silent int           // heartbeats that may be missing in a row; default 3
	Grace  time.Duration // that a node is new; default 10 min
	// Rollout is how long new rules, or a new sensor, may take to reach every node. Default 30 min.
	Rollout time.Duration
	// Losing is how long a sensor that lost something is not well. Default 15 min.
	Losing time.Duration
	// RuleSet and Version are what sensors should have. Empty: what most of a cluster have, and the newest there is.
	RuleSet, Version string
}

func (p Policy) withDefaults() Policy {
	if p.Silent == 0 {
		p.Silent = 3
	}
	for to, d := range map[*time.Duration]time.Duration{&p.Grace: 10 * time.Minute, &p.Rollout: 30 * time.Minute, &p.Losing: 15 * time.Minute} {
		if *to == 0 {
			*to = d
		}
	}
	return p
}
