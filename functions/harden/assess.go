package harden

import (
	"context"

	"tiercel.dev/functions/harden/facts"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
	"tiercel.dev/rules/check"
)

// Assess is what there is to say of a snapshot by a set of checks: the record without its run. It calls no API and knows no time
// but the snapshot's, so a dump comes to the same anywhere. Exceptions may be nil.
func Assess(ctx context.Context, s *snapshot.Snapshot, set *check.Set, exceptions *check.Exceptions) *posture.Cluster {
	w := worldOf(s)
	c := s.Cluster
	record := &posture.Cluster{
		Time: s.Time.UTC(), Resource: s.Resource, Labels: c.GetResourceLabels(), Version: c.GetCurrentMasterVersion(), Channel: channel(s),
		Autopilot: c.GetAutopilot().GetEnabled(), Results: check.Judge(ctx, w, set, exceptions, s.Time), Gaps: s.Gaps,
	}
	//lint:ignore SA1019 the nodes of all pools, which no other field has
	record.Nodes = int(c.GetCurrentNodeCount())
	if ca, err := check.Authority(c); err == nil {
		record.CA = ca
	}
	if c != nil {
		record.Network, record.Principals = facts.Network(s), facts.Principals(s)
	}
	return record
}

// worldOf is what checks see. Of a cluster that could not be read they see nothing, and know it.
func worldOf(s *snapshot.Snapshot) *check.World {
	if s.Cluster == nil {
		return &check.World{Resource: s.Resource, Unknown: map[string]*posture.Gap{"cluster": s.Gap(snapshot.PartCluster)}}
	}
	return facts.World(s)
}

func channel(s *snapshot.Snapshot) string {
	if s.Cluster == nil {
		return ""
	}
	if ch := s.Cluster.GetReleaseChannel().GetChannel(); ch != 0 {
		return ch.String()
	}
	return "none"
}
