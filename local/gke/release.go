package gke

import (
	"fmt"
	"maps"
	"slices"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
)

// A Release is a version that clusters may have.
type Release struct {
	Version string
	// Available is from when each channel lets people choose it, and Target from when GKE upgrades by itself to it there.
	// Clusters without a channel go by the zero value.
	Available, Target map[pb.ReleaseChannel_Channel]time.Time
	// EndOfStandard and EndOfExtended are when support for it ends; zero if nobody knows.
	EndOfStandard, EndOfExtended time.Time
}

// released reports whether people may choose a version now, in any channel. Without a schedule they may choose all.
func (s *Server) released(v version) bool {
	return len(s.cfg.Releases) == 0 || slices.ContainsFunc(s.cfg.Releases, func(r Release) bool {
		return r.Version == v.String() && slices.ContainsFunc(slices.Collect(maps.Values(r.Available)), s.past)
	})
}

func (s *Server) past(t time.Time) bool { return !t.After(s.now) }

// in are the versions whose time in a channel has come, the newest first.
func (s *Server) in(channel pb.ReleaseChannel_Channel, times func(Release) map[pb.ReleaseChannel_Channel]time.Time) (all []version) {
	for _, r := range s.cfg.Releases {
		t, ok := times(r)[channel]
		if v, is := parseVersion(r.Version); ok && is && s.past(t) {
			all = append(all, v)
		}
	}
	slices.SortFunc(all, func(a, b version) int { return b.compare(a) })
	return all
}

func available(r Release) map[pb.ReleaseChannel_Channel]time.Time { return r.Available }
func target(r Release) map[pb.ReleaseChannel_Channel]time.Time    { return r.Target }

// targets are where GKE upgrades a control plane to: the newest patch of its minor, and of the next minor; "" for nowhere.
func (s *Server) targets(c *cluster) (toPatch, toMinor string) {
	now, ok := parseVersion(c.pb.CurrentMasterVersion)
	if !ok {
		return "", ""
	}
	for _, v := range s.in(c.pb.GetReleaseChannel().GetChannel(), target) {
		switch {
		case v.major != now.major:
		case toMinor == "" && v.minor == now.minor+1:
			toMinor = v.String()
		case toPatch == "" && v.minor == now.minor && v.compare(now) > 0:
			toPatch = v.String()
		}
	}
	return toPatch, toMinor
}

// poolTargets are where GKE upgrades a node pool to: its control plane's version.
func (c *cluster) poolTargets(p *pb.NodePool) (toPatch, toMinor string) {
	master, ok := parseVersion(c.pb.CurrentMasterVersion)
	now, known := parseVersion(p.Version)
	switch {
	case !ok || !known || !p.GetManagement().GetAutoUpgrade() || now.compare(master) >= 0:
		return "", ""
	case now.minor == master.minor:
		return master.String(), ""
	}
	return "", master.String()
}

// support is when support of a version's minor ends; zero if nobody knows.
func (s *Server) support(text string) (standard, extended time.Time) {
	v, _ := parseVersion(text)
	for _, r := range s.cfg.Releases {
		if o, ok := parseVersion(r.Version); ok && o.major == v.major && o.minor == v.minor {
			return r.EndOfStandard, r.EndOfExtended
		}
	}
	return time.Time{}, time.Time{}
}

// serverConfig is what the schedule says of the versions of a location; nil without one.
func (s *Server) serverConfig() *pb.ServerConfig {
	if len(s.cfg.Releases) == 0 {
		return nil
	}
	config := &pb.ServerConfig{ValidImageTypes: []string{"COS_CONTAINERD", "UBUNTU_CONTAINERD"}, DefaultImageType: "COS_CONTAINERD"}
	for _, channel := range []pb.ReleaseChannel_Channel{
		pb.ReleaseChannel_RAPID, pb.ReleaseChannel_REGULAR, pb.ReleaseChannel_STABLE, pb.ReleaseChannel_EXTENDED,
	} {
		of := &pb.ServerConfig_ReleaseChannelConfig{Channel: channel, ValidVersions: texts(s.in(channel, available))}
		if goal := s.in(channel, target); len(goal) > 0 {
			of.DefaultVersion, of.UpgradeTargetVersion = goal[0].String(), goal[0].String()
		}
		config.Channels = append(config.Channels, of)
		if channel == pb.ReleaseChannel_REGULAR {
			config.DefaultClusterVersion, config.ValidMasterVersions, config.ValidNodeVersions = of.DefaultVersion, of.ValidVersions, of.ValidVersions
		}
	}
	return config
}

func texts(versions []version) (all []string) {
	for _, v := range versions {
		all = append(all, v.String())
	}
	return all
}

// checkReleases panics at a schedule that no test means.
func checkReleases(all []Release) {
	for _, r := range all {
		if _, ok := parseVersion(r.Version); !ok {
			panic(fmt.Sprintf("release %q is not MAJOR.MINOR.PATCH-gke.BUILD", r.Version))
		}
	}
}
