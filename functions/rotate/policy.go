package rotate

import (
	"path"
	"slices"
	"strings"
	"time"

	"tiercel.dev/internal/posture"
)

// A Policy says what is due when, and what may be done about it by whom. The zero value advises: nothing is ever called.
// [LoadPolicy] reads one.
type Policy struct {
	// Guided lets approved calls be made, for clusters that match one of the patterns.
	Guided   bool
	Clusters []string
	// Days before the authority's end at which a rotation is due: at first, more urgently, most urgently. Default 180, 90, 45.
	Days [3]int
	// MaxAge of the authority after which a rotation is due all the same; 0 for never.
	MaxAge time.Duration

	NoGo    []time.Weekday // days in UTC on which nothing is started
	Freezes []Freeze
	Window  time.Duration // that maintenance windows must leave in the seven days after a start; default 12 h
	Soak    time.Duration // from the last new node to the completion; default 24 h

	Approvers []string
	TwoPeople bool          // who approves the completion is another than who approved the start
	Valid     time.Duration // of an approval, at most; default 72 h
	// GcloudTokens takes tokens for gcloud's own client as well, which is all that gcloud gives to people.
	GcloudTokens bool
	// Clients are users of the cluster's API outside of it, each of which somebody must say has moved.
	Clients []Client
}

// A Freeze is a time in which no rotation may be under way.
type Freeze struct {
	From, Until time.Time
	Reason      string
}

// A Client is somebody who uses a cluster from outside: a pipeline, a kubeconfig, a firewall rule with its address.
type Client struct {
	Name, Owner string
	Clusters    []string // patterns; none for all
}

// withDefaults fills in what a policy leaves out.
func (p Policy) withDefaults() Policy {
	if p.Days == [3]int{} {
		p.Days = [3]int{180, 90, 45}
	}
	for to, d := range map[*time.Duration]time.Duration{&p.Window: 12 * time.Hour, &p.Soak: 24 * time.Hour, &p.Valid: 72 * time.Hour} {
		if *to == 0 {
			*to = d
		}
	}
	return p
}

// matches reports whether a cluster matches one of the patterns, each of a cluster's name, or of project/location/cluster.
func matches(patterns []string, r posture.Resource) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		name := r.Cluster
		if strings.Contains(pattern, "/") {
			name = r.Project + "/" + r.Location + "/" + r.Cluster
		}
		ok, err := path.Match(pattern, name)
		return ok && err == nil
	})
}

// guides reports whether calls may be made for a cluster.
func (p *Policy) guides(r posture.Resource) bool { return p.Guided && matches(p.Clusters, r) }

// clientsOf are those who use a cluster.
func (p *Policy) clientsOf(r posture.Resource) (of []Client) {
	for _, c := range p.Clients {
		if len(c.Clusters) == 0 || matches(c.Clusters, r) {
			of = append(of, c)
		}
	}
	return of
}

// approves reports whether an address is on the list. Addresses are compared without regard to case, as Google does.
func (p *Policy) approves(email string) bool {
	return slices.ContainsFunc(p.Approvers, func(a string) bool { return strings.EqualFold(a, email) })
}
