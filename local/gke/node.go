package gke

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
)

// A Node is a machine of a node pool.
type Node struct {
	Name, Pool, Zone string
	Created          time.Time
	Version          string
	// Trusts are the authorities that it accepts, as master_auth shows them: one that was made while credentials are being
	// rotated accepts both.
	Trusts []string
}

// A pool is what is known of a node pool besides its message.
type pool struct {
	nodes  []Node
	trusts []string // what the next nodes will accept
	made   int      // nodes so far
}

// Nodes are those of a cluster, by pool and name.
func (s *Server) Nodes(name string) (all []Node) {
	s.lock()
	defer s.mu.Unlock()
	c := s.clusters[name]
	if c == nil {
		return nil
	}
	for _, p := range c.pb.NodePools {
		for _, n := range c.pools[p.Name].nodes {
			n.Trusts = slices.Clone(n.Trusts)
			all = append(all, n)
		}
	}
	return all
}

// fit makes the cluster's pools have what their messages say: those that are new have nodes, those that are gone have none.
// The caller has the lock.
func (s *Server) fit(c *cluster, created time.Time) {
	was := c.pools
	c.pools = make(map[string]*pool)
	for _, p := range c.pb.NodePools {
		known := was[p.Name]
		if known == nil {
			known = &pool{trusts: c.accepted()}
			for range size(p) {
				known.nodes = append(known.nodes, c.node(p, known, known.trusts, created))
			}
		}
		c.pools[p.Name] = known
	}
}

// size is how many nodes a pool has: initial_node_count for each zone.
func size(p *pb.NodePool) int { return int(p.InitialNodeCount) * max(1, len(p.Locations)) }

// accepted are the authorities that a node made now accepts.
func (c *cluster) accepted() []string {
	if r := c.rotation; r != nil {
		return []string{c.ca(), r.next}
	}
	return []string{c.ca()}
}

// node makes the next one of a pool.
func (c *cluster) node(p *pb.NodePool, known *pool, trusts []string, created time.Time) Node {
	known.made++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d", c.name, p.Name, known.made))
	zones := p.Locations
	if len(zones) == 0 {
		zones = []string{c.pb.Location}
	}
	return Node{
		Name: fmt.Sprintf("gke-%.15s-%.15s-%s", c.pb.Name, p.Name, hex.EncodeToString(sum[:6])), Pool: p.Name,
		Zone: zones[known.made%len(zones)], Created: created.UTC(), Version: p.Version, Trusts: trusts,
	}
}
