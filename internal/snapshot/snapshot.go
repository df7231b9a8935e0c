// Package snapshot is what is known of one cluster at one moment, as the APIs say it: the messages of GKE's API, the objects of
// the cluster's own, IAM policies, insights. The scheduled functions decide on it and on nothing else, so that a dump of it
// decides the same anywhere.
//
// What could not be read is a gap and not an absence: each is named with the call and the permission that it takes.
package snapshot

import (
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	recommender "cloud.google.com/go/recommender/apiv1/recommenderpb"

	"tiercel.dev/internal/posture"
)

// Parts of a snapshot, which may each be missing.
const (
	PartCluster      = "cluster"
	PartServerConfig = "server_config"
	PartUpgrade      = "upgrade_info"
	PartPoolUpgrade  = "pool_upgrade_info" // with "/" and the pool's name behind it
	PartOperations   = "operations"
	PartCredentials  = "credentials" // client certificates, which GKE hides from who may not see them
	PartInsights     = "insights"
	PartKubernetes   = "kubernetes" // with "/" and the resource behind it, as kubernetes/rolebindings
	PartTokens       = "kubernetes/secrets"
	PartAccounts     = "iam/accounts" // with "/", the account, and "/policy" or "/keys" behind it
	PartAssets       = "iam/assets"   // what Asset Inventory finds
	PartUnused       = "iam/unused"   // grants that nobody uses
	PartIAM          = "iam"          // with "/" and the project, folder or organization behind it
)

// A Snapshot is one cluster at one moment. A part that is nil was not asked for, or is among the gaps.
type Snapshot struct {
	Time     time.Time
	Resource posture.Resource

	// Cluster has no secrets: they are taken out when it is read. It is nil if there is a gap in it, and then nothing else is known.
	Cluster      *pb.Cluster
	ServerConfig *pb.ServerConfig
	Upgrade      *pb.ClusterUpgradeInfo
	PoolUpgrades map[string]*pb.NodePoolUpgradeInfo // by pool
	Operations   []*pb.Operation                    // of this cluster and its pools, not null if read
	Insights     []*recommender.Insight             // about this cluster, not null if read
	Kubernetes   *Kubernetes
	IAM          *IAM

	Gaps []posture.Gap
}

// Gap is why a part is not known; nil if it is, or was not asked for. A gap in the whole of kubernetes or iam is one in each of
// its parts.
func (s *Snapshot) Gap(part string) *posture.Gap {
	for i := range s.Gaps {
		if g := &s.Gaps[i]; g.Part == part || len(part) > len(g.Part) && part[:len(g.Part)] == g.Part && part[len(g.Part)] == '/' {
			return g
		}
	}
	return nil
}
