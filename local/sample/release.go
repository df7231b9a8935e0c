package sample

import (
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"

	"tiercel.dev/local/gke"
)

// channels are in the order in which releases reach them, and after how long.
var channels = []struct {
	channel pb.ReleaseChannel_Channel
	after   time.Duration
}{
	{pb.ReleaseChannel_RAPID, 0}, {pb.ReleaseChannel_REGULAR, 30 * day}, {pb.ReleaseChannel_STABLE, 90 * day}, {pb.ReleaseChannel_EXTENDED, 30 * day},
	{0, 90 * day}, // no channel
}

// How long GKE supports a minor, from when it is in the regular channel.
// https://cloud.google.com/kubernetes-engine/versioning#lifecycle
const (
	standard = 14 * 30 * day
	extended = 24 * 30 * day
)

// Releases are the versions of the fleet, and those that come. Days before now, or after it if they are negative, are when each
// came out, and its minor.
func Releases(now time.Time) (all []gke.Release) {
	now = now.UTC().Truncate(time.Second)
	for _, r := range []struct {
		version    string
		days, born time.Duration
	}{
		{"1.30.12-gke.1000", 500, 800}, {"1.31.7-gke.1000", 400, 620}, {"1.32.9-gke.1100000", 250, 470}, {"1.32.9-gke.1700000", 200, 470},
		{"1.33.5-gke.1300000", 190, 330}, {"1.33.5-gke.2100000", 88, 330}, {"1.34.1-gke.1500000", 120, 180}, {"1.34.3-gke.1200000", 40, 180},
		{"1.35.0-gke.2500000", 29, 35},
	} {
		release := gke.Release{
			Version: r.version, Available: map[pb.ReleaseChannel_Channel]time.Time{}, Target: map[pb.ReleaseChannel_Channel]time.Time{},
			EndOfStandard: now.Add(standard + 30*day - r.born*day), EndOfExtended: now.Add(extended + 30*day - r.born*day),
		}
		for _, c := range channels {
			out := now.Add(c.after - r.days*day)
			release.Available[c.channel], release.Target[c.channel] = out, out.Add(7*day)
		}
		all = append(all, release)
	}
	return all
}
