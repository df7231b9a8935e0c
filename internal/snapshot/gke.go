package snapshot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	container "cloud.google.com/go/container/apiv1"
	pb "cloud.google.com/go/container/apiv1/containerpb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/internal/lookup"
	"tiercel.dev/internal/posture"
)

// fetchTimeout bounds calls for which the API's client has no deadline and no retry of its own: those for upgrade information.
const fetchTimeout = 20 * time.Second

var again = gax.WithRetry(func() gax.Retryer {
	return gax.OnCodes([]codes.Code{codes.Unavailable, codes.DeadlineExceeded}, gax.Backoff{
		Initial: 200 * time.Millisecond, Max: 5 * time.Second, Multiplier: 2,
	})
})

// GKE reads what GKE's API says of clusters. It is safe for concurrent use.
type GKE struct {
	Client *container.ClusterManagerClient
	// Configs keep which versions a location has, which is the same for each cluster in it; nil to ask for each. See [NewConfigs].
	Configs *lookup.Cache[*pb.ServerConfig]
}

// NewConfigs keeps the versions of locations for ten minutes.
func NewConfigs() *lookup.Cache[*pb.ServerConfig] {
	return lookup.New(lookup.Config[*pb.ServerConfig]{Name: "versions", Size: 10_000, Timeout: fetchTimeout, Keep: func(_ *pb.ServerConfig, err error) time.Duration {
		if err != nil {
			return 15 * time.Second
		}
		return 10 * time.Minute
	}})
}

// Read reads the cluster (no pool, no object) and all that GKE says of it but its operations. An error means that there is no
// snapshot; [ErrNotFound] that there is no such cluster.
func (g GKE) Read(ctx context.Context, r posture.Resource, now time.Time) (*Snapshot, error) {
	c, err := g.Client.GetCluster(ctx, &pb.GetClusterRequest{Name: r.ClusterName()})
	if status.Code(err) == codes.NotFound {
		return nil, fmt.Errorf("%s: %w", r.ClusterName(), ErrNotFound)
	} else if err != nil {
		return nil, fmt.Errorf("%s: %w", r.ClusterName(), err)
	}
	s := &Snapshot{Time: now, Resource: r, Cluster: withoutSecrets(c)}
	g.serverConfig(ctx, s)
	g.upgrade(ctx, s)
	for _, p := range c.GetNodePools() {
		g.poolUpgrade(ctx, s, p.GetName())
	}
	return s, nil
}

// Unread is the snapshot of a cluster that could not be read, for the reason that [GKE.Read] gave: all of it is a gap.
func Unread(r posture.Resource, now time.Time, err error) *Snapshot {
	s := &Snapshot{Time: now, Resource: r}
	s.gap(PartCluster, "GetCluster", "container.clusters.get", err)
	return s
}

// ErrNotFound means that there is no such cluster any more.
var ErrNotFound = errors.New("no such cluster")

// withoutSecrets takes out what nobody is to keep.
func withoutSecrets(c *pb.Cluster) *pb.Cluster {
	if auth := c.GetMasterAuth(); auth != nil {
		auth.ClientKey = ""
		//lint:ignore SA1019 what is deprecated may hold a password all the same
		auth.Password = ""
	}
	return c
}

func (g GKE) serverConfig(ctx context.Context, s *Snapshot) {
	name := fmt.Sprintf("projects/%s/locations/%s", s.Resource.Project, s.Resource.Location)
	ask := func(ctx context.Context) (*pb.ServerConfig, error) {
		return g.Client.GetServerConfig(ctx, &pb.GetServerConfigRequest{Name: name})
	}
	var config *pb.ServerConfig
	var err error
	if g.Configs != nil {
		config, err = g.Configs.Get(ctx, name, ask)
	} else {
		config, err = ask(ctx)
	}
	if err != nil {
		s.gap(PartServerConfig, "GetServerConfig", "container.clusters.list", err)
		return
	}
	s.ServerConfig = config
}

func (g GKE) upgrade(ctx context.Context, s *Snapshot) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	info, err := g.Client.FetchClusterUpgradeInfo(ctx, &pb.FetchClusterUpgradeInfoRequest{Name: s.Resource.ClusterName()}, again)
	if err != nil {
		s.gap(PartUpgrade, "FetchClusterUpgradeInfo", "container.clusters.get", err)
		return
	}
	s.Upgrade = info
}

func (g GKE) poolUpgrade(ctx context.Context, s *Snapshot, pool string) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	info, err := g.Client.FetchNodePoolUpgradeInfo(ctx, &pb.FetchNodePoolUpgradeInfoRequest{Name: s.Resource.ClusterName() + "/nodePools/" + pool}, again)
	if err != nil {
		s.gap(PartPoolUpgrade+"/"+pool, "FetchNodePoolUpgradeInfo", "container.clusters.get", err)
		return
	}
	if s.PoolUpgrades == nil {
		s.PoolUpgrades = map[string]*pb.NodePoolUpgradeInfo{}
	}
	s.PoolUpgrades[pool] = info
}

// Operations reads the operations of the cluster and its pools, those that have ended of late too.
func (g GKE) Operations(ctx context.Context, s *Snapshot) {
	parent := fmt.Sprintf("projects/%s/locations/%s", s.Resource.Project, s.Resource.Location)
	answer, err := g.Client.ListOperations(ctx, &pb.ListOperationsRequest{Parent: parent})
	if err == nil && len(answer.GetMissingZones()) > 0 {
		err = fmt.Errorf("the answer leaves out %s", strings.Join(answer.MissingZones, ", "))
	}
	if err != nil {
		s.gap(PartOperations, "ListOperations", "container.operations.list", err)
		return
	}
	s.Operations = []*pb.Operation{}
	for _, o := range answer.GetOperations() {
		if of(o.GetTargetLink(), s.Resource) {
			s.Operations = append(s.Operations, o)
		}
	}
}

// of reports whether an operation's target is the cluster or a pool of it: https://container.googleapis.com/v1/projects/NUMBER/…
// names the project by its number, and older ones say zones for locations.
func of(link string, r posture.Resource) bool {
	parts := strings.Split(link, "/")
	for i := 0; i+3 < len(parts); i++ {
		if (parts[i] == "locations" || parts[i] == "zones") && parts[i+1] == r.Location && parts[i+2] == "clusters" && parts[i+3] == r.Cluster {
			return true
		}
	}
	return false
}

// gap notes that a part could not be read, and why. The permission is named if the service said that it was refused.
func (s *Snapshot) gap(part, call, permission string, err error) {
	g := posture.Gap{Part: part, Call: call, Error: said(err)}
	if code := status.Code(err); code == codes.PermissionDenied || code == codes.Unauthenticated {
		g.Permission = permission
		g.Fix = "grant " + permission + " to the function's service account"
	}
	g.Passing = passing(err)
	s.Gaps = append(s.Gaps, g)
}

// said is what the service said, or the error where no service did.
func said(err error) string {
	if answer, ok := errors.AsType[interface {
		error
		GRPCStatus() *status.Status
	}](err); ok {
		return answer.GRPCStatus().Message()
	}
	return err.Error()
}

// passing reports whether another try may have an answer.
func passing(err error) bool {
	switch status.Code(err) {
	case codes.ResourceExhausted, codes.Unavailable, codes.DeadlineExceeded, codes.Aborted, codes.Internal:
		return true
	}
	return errors.Is(err, context.DeadlineExceeded)
}
