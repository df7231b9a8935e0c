package gke

import (
	"context"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// FetchClusterUpgradeInfo returns what was put for a cluster, else what the releases make of it.
func (s *Server) FetchClusterUpgradeInfo(ctx context.Context, r *pb.FetchClusterUpgradeInfoRequest) (*pb.ClusterUpgradeInfo, error) {
	if err := s.begin(ctx, "FetchClusterUpgradeInfo", r.GetName(), clusterName, "container.clusters.get"); err != nil {
		return nil, err
	}
	s.lock()
	defer s.mu.Unlock()
	c, err := s.cluster(r.Name)
	if err != nil {
		return nil, err
	}
	if info := s.upgrades[r.Name]; info != nil {
		return proto.CloneOf(info), nil
	}
	info := &pb.ClusterUpgradeInfo{UpgradeDetails: c.details("")}
	if len(s.cfg.Releases) == 0 {
		return info, nil
	}
	toPatch, toMinor := s.targets(c)
	info.PatchTargetVersion, info.MinorTargetVersion = optional(toPatch), optional(toMinor)
	standard, extended := s.support(c.pb.CurrentMasterVersion)
	info.EndOfStandardSupportTimestamp, info.EndOfExtendedSupportTimestamp = optionalTime(standard), optionalTime(extended)
	why := s.pauses(c, patch, minor)
	info.AutoUpgradeStatus = []pb.ClusterUpgradeInfo_AutoUpgradeStatus{pb.ClusterUpgradeInfo_ACTIVE}
	if why.whole {
		info.AutoUpgradeStatus = []pb.ClusterUpgradeInfo_AutoUpgradeStatus{pb.ClusterUpgradeInfo_UPGRADE_PAUSED}
		info.PausedReason = append(info.PausedReason, pb.ClusterUpgradeInfo_MAINTENANCE_EXCLUSION_NO_UPGRADES)
	} else if why.minor {
		info.AutoUpgradeStatus = []pb.ClusterUpgradeInfo_AutoUpgradeStatus{pb.ClusterUpgradeInfo_MINOR_UPGRADE_PAUSED}
		info.PausedReason = append(info.PausedReason, pb.ClusterUpgradeInfo_MAINTENANCE_EXCLUSION_NO_MINOR_UPGRADES)
	}
	if why.window {
		info.PausedReason = append(info.PausedReason, pb.ClusterUpgradeInfo_MAINTENANCE_WINDOW)
	}
	return info, nil
}

// FetchNodePoolUpgradeInfo is [Server.FetchClusterUpgradeInfo] for a node pool, with enumerations of its own.
func (s *Server) FetchNodePoolUpgradeInfo(ctx context.Context, r *pb.FetchNodePoolUpgradeInfoRequest) (*pb.NodePoolUpgradeInfo, error) {
	if err := s.begin(ctx, "FetchNodePoolUpgradeInfo", r.GetName(), poolName, "container.clusters.get"); err != nil {
		return nil, err
	}
	s.lock()
	defer s.mu.Unlock()
	p, c, err := s.pool(r.Name)
	if err != nil {
		return nil, err
	}
	if info := s.pools[r.Name]; info != nil {
		return proto.CloneOf(info), nil
	}
	info := &pb.NodePoolUpgradeInfo{UpgradeDetails: c.details(p.Name)}
	if len(s.cfg.Releases) == 0 {
		return info, nil
	}
	toPatch, toMinor := c.poolTargets(p)
	info.PatchTargetVersion, info.MinorTargetVersion = optional(toPatch), optional(toMinor)
	standard, extended := s.support(p.Version)
	info.EndOfStandardSupportTimestamp, info.EndOfExtendedSupportTimestamp = optionalTime(standard), optionalTime(extended)
	why := s.pauses(c, nodes, nodes)
	info.AutoUpgradeStatus = []pb.NodePoolUpgradeInfo_AutoUpgradeStatus{pb.NodePoolUpgradeInfo_ACTIVE}
	if why.whole {
		info.AutoUpgradeStatus = []pb.NodePoolUpgradeInfo_AutoUpgradeStatus{pb.NodePoolUpgradeInfo_UPGRADE_PAUSED}
		info.PausedReason = append(info.PausedReason, pb.NodePoolUpgradeInfo_MAINTENANCE_EXCLUSION_NO_UPGRADES)
	}
	if why.window {
		info.PausedReason = append(info.PausedReason, pb.NodePoolUpgradeInfo_MAINTENANCE_WINDOW)
	}
	return info, nil
}

// A pause is why GKE does not upgrade now.
type pause struct{ whole, minor, window bool }

func (s *Server) pauses(c *cluster, least, most scope) (p pause) {
	w := c.pb.GetMaintenancePolicy().GetWindow()
	_, p.whole = exclusion(w, s.now, least)
	_, p.minor = exclusion(w, s.now, most)
	without := &pb.MaintenanceWindow{Policy: w.GetPolicy()}
	p.window = opening(without, s.now, least).After(s.now)
	return p
}

func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func optionalTime(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	return optional(stamp(t))
}

// An upgrade is one that was begun.
type upgrade struct {
	pool     string
	from, to string
	begun    time.Time
	ended    time.Time // zero if it runs
	failed   bool
	auto     bool
}

// details are the upgrades of a pool, or with "" of the control plane, the latest first.
func (c *cluster) details(pool string) (all []*pb.UpgradeDetails) {
	for i := len(c.history) - 1; i >= 0; i-- {
		u := c.history[i]
		if u.pool != pool {
			continue
		}
		d := &pb.UpgradeDetails{
			State: pb.UpgradeDetails_RUNNING, StartTime: timestamppb.New(u.begun), InitialVersion: u.from, TargetVersion: u.to,
			StartType: pb.UpgradeDetails_MANUAL,
		}
		if u.auto {
			d.StartType = pb.UpgradeDetails_AUTOMATIC
		}
		if !u.ended.IsZero() {
			d.EndTime, d.State = timestamppb.New(u.ended), pb.UpgradeDetails_SUCCEEDED
			if u.failed {
				d.State = pb.UpgradeDetails_FAILED
			}
		}
		all = append(all, d)
	}
	return all
}
