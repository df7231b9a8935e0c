package gke

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	pb "cloud.google.com/go/container/apiv1/containerpb"
)

// A Cluster is what is kept of one: the API's own message is some hundred times as large. It is shared, and not to be
// changed.
type Cluster struct {
	Project, Location, Name string
	UID                     string
	Labels                  map[string]string
	Channel                 string // "RAPID", "REGULAR", "STABLE", "EXTENDED"; empty outside of channels
	Version                 string // of the control plane
	Autopilot               bool
	Pools                   []Pool
	Endpoints               Endpoints
}

// A Pool is a node pool.
type Pool struct {
	Name, Version string
	Groups        []Group
}

// A Group is a managed instance group: the nodes of a pool in one zone.
type Group struct{ Zone, Name string }

// Endpoints are where the cluster's Kubernetes API can be reached. What is switched off is empty.
type Endpoints struct {
	DNS             string // by a certificate of a public authority
	Private, Public string // addresses, by a certificate of the cluster's authority
	CA              []byte // that authority, PEM
}

// Resource is the cluster's full resource name, as Asset Inventory and Security Command Center write it.
func (c *Cluster) Resource() string {
	return fmt.Sprintf("//container.googleapis.com/projects/%s/locations/%s/clusters/%s", c.Project, c.Location, c.Name)
}

// PoolOf finds the pool that a node of that name belongs to, and its zone: GKE names nodes after their instance group. It is
// no proof that there is such a node.
func (c *Cluster) PoolOf(node string) (pool *Pool, zone string) {
	for i := range c.Pools {
		for _, g := range c.Pools[i].Groups {
			prefix, isGroup := strings.CutSuffix(g.Name, "grp") // gke-CLUSTER-POOL-HASH-grp
			if suffix, ok := strings.CutPrefix(node, prefix); ok && isGroup && suffix != "" && !strings.Contains(suffix, "-") {
				return &c.Pools[i], g.Zone
			}
		}
	}
	return nil, ""
}

// NewCluster takes what is needed of the API's message. Secrets that the message may hold (master_auth) are left behind.
func NewCluster(project string, c *pb.Cluster) *Cluster {
	out := &Cluster{
		Project: project, Location: c.GetLocation(), Name: c.GetName(), UID: c.GetId(), Labels: c.GetResourceLabels(),
		Version: c.GetCurrentMasterVersion(), Autopilot: c.GetAutopilot().GetEnabled(), Endpoints: endpoints(c),
	}
	if channel := c.GetReleaseChannel().GetChannel(); channel != 0 {
		out.Channel = channel.String()
	}
	for _, p := range c.GetNodePools() {
		pool := Pool{Name: p.GetName(), Version: p.GetVersion()}
		for _, url := range p.GetInstanceGroupUrls() {
			if g, ok := group(url); ok {
				pool.Groups = append(pool.Groups, g)
			}
		}
		out.Pools = append(out.Pools, pool)
	}
	return out
}

// group reads https://www.googleapis.com/compute/v1/projects/P/zones/Z/instanceGroupManagers/NAME.
func group(url string) (Group, bool) {
	parts := strings.Split(url, "/")
	i := slices.Index(parts, "zones")
	if i < 0 || len(parts) < i+4 {
		return Group{}, false
	}
	return Group{Zone: parts[i+1], Name: parts[i+3]}, true
}

// endpoints reads the present fields, and the ones before them where those are not set.
func endpoints(c *pb.Cluster) (e Endpoints) {
	e.CA, _ = base64.StdEncoding.DecodeString(c.GetMasterAuth().GetClusterCaCertificate())
	dns := c.GetControlPlaneEndpointsConfig().GetDnsEndpointConfig()
	if dns.GetAllowExternalTraffic() {
		e.DNS = dns.GetEndpoint()
	}
	ip := c.GetControlPlaneEndpointsConfig().GetIpEndpointsConfig()
	switch {
	case ip != nil && ip.Enabled != nil && !ip.GetEnabled():
		return e
	case ip.GetPrivateEndpoint() != "" || ip.GetPublicEndpoint() != "":
		e.Private = ip.GetPrivateEndpoint()
		if ip.EnablePublicEndpoint == nil || ip.GetEnablePublicEndpoint() {
			e.Public = ip.GetPublicEndpoint()
		}
		return e
	}
	older := c.GetPrivateClusterConfig()
	//lint:ignore SA1019 what is deprecated is all that some clusters tell
	private, only := older.GetPrivateEndpoint(), older.GetEnablePrivateEndpoint()
	e.Private = private
	if !only {
		e.Public = c.GetEndpoint()
	} else if e.Private == "" {
		e.Private = c.GetEndpoint()
	}
	return e
}
