package gke

import (
	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// maxSkew is how many minors nodes may be older than the control plane.
// https://cloud.google.com/kubernetes-engine/docs/concepts/node-auto-upgrades
const maxSkew = 2

// upgradeMaster has a control plane go to a version: of its own minor, or of the next one.
func (s *Server) upgradeMaster(c *cluster, to string) (*operation, error) {
	now, known := parseVersion(c.pb.CurrentMasterVersion)
	next, ok := parseVersion(to)
	switch {
	case !known || !ok || !s.released(next):
		return nil, status.Errorf(codes.InvalidArgument, "Master version %q is unsupported.", to)
	case next.major != now.major || next.minor < now.minor || next.minor > now.minor+1:
		return nil, status.Errorf(codes.InvalidArgument, "Master cannot be upgraded from %v to %v: one minor version at a time.", now, next)
	}
	for _, p := range c.pb.NodePools {
		if v, ok := parseVersion(p.Version); ok && (v.minor < next.minor-maxSkew || v.compare(next) > 0) {
			return nil, status.Errorf(codes.FailedPrecondition, "Node pool %q at version %v does not go with master version %v.", p.Name, v, next)
		}
	}
	begun := s.now
	return &operation{kind: pb.Operation_UPGRADE_MASTER, took: masterTakes, to: to, begun: func() { c.interrupt(begun) }, done: func() {
		s.change(c, func(v *pb.Cluster) { v.CurrentMasterVersion = to })
	}, failed: func() { c.hold = s.now.Add(failedAgain) }}, nil
}

// nodeVersion is the version that nodes are to have: "-" and "" are the control plane's.
func (c *cluster) nodeVersion(asked string) (string, error) {
	master := c.pb.CurrentMasterVersion
	if asked == "" || asked == "-" {
		return master, nil
	}
	m, known := parseVersion(master)
	v, ok := parseVersion(asked)
	switch {
	case !ok:
		return "", status.Errorf(codes.InvalidArgument, "Node version %q is unsupported.", asked)
	case known && v.compare(m) > 0:
		return "", status.Errorf(codes.InvalidArgument, "Node version %q must not be newer than master version %q.", asked, master)
	case known && v.minor < m.minor-maxSkew:
		return "", status.Errorf(codes.InvalidArgument, "Node version %q is more than %d minor versions older than master version %q.", asked, maxSkew, master)
	}
	return v.String(), nil
}
