package rotate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	container "cloud.google.com/go/container/apiv1"
	pb "cloud.google.com/go/container/apiv1/containerpb"
	logging "cloud.google.com/go/logging/apiv2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/functions/upgrade"
	"tiercel.dev/internal/posture"
	"tiercel.dev/internal/snapshot"
	"tiercel.dev/rules/check"
)

// A Lookout sees clusters by Google's APIs and their own: three requests for each project, and the rest for those clusters alone
// whose rotation is due or under way. It needs container.clusters.list, container.operations.list and logging.logEntries.list on
// each project, and logging.privateLogEntries.list to see who uses static tokens to read. All but Account and Now must be set.
type Lookout struct {
	Projects []string
	GKE      *container.ClusterManagerClient
	Logs     *logging.Client
	// Kube reads what a cluster's own API says. [snapshot.Kube] is one.
	Kube interface {
		Read(ctx context.Context, s *snapshot.Snapshot)
	}
	Account string           // as in [Observed]
	Now     func() time.Time // default time.Now
}

func (l *Lookout) now() time.Time {
	if l.Now == nil {
		return time.Now()
	}
	return l.Now()
}

// World looks at all projects at once.
func (l *Lookout) World(ctx context.Context) World {
	w := World{Seen: map[posture.Resource]Observed{}, Looked: map[string]bool{}, Unknown: map[string]posture.Gap{}}
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, project := range l.Projects {
		w.Looked[project] = true
		group.Go(func() {
			seen, unknown := l.project(ctx, project)
			mu.Lock()
			defer mu.Unlock()
			for r, o := range seen {
				w.Seen[r] = o
			}
			for of, g := range unknown {
				w.Unknown[of] = g
			}
		})
	}
	group.Wait()
	return w
}

// project looks at the clusters of one.
func (l *Lookout) project(ctx context.Context, project string) (map[posture.Resource]Observed, map[string]posture.Gap) {
	at := l.now()
	parent := "projects/" + project + "/locations/-"
	answer, err := l.GKE.ListClusters(ctx, &pb.ListClustersRequest{Parent: parent})
	if err != nil {
		return nil, map[string]posture.Gap{project: gap("cluster", "ListClusters", "container.clusters.list", err)}
	}
	unknown := map[string]posture.Gap{}
	for _, location := range answer.GetMissingZones() {
		unknown[project+"/"+location] = posture.Gap{Part: "cluster", Call: "ListClusters", Error: "location " + location + " did not answer"}
	}
	operations := l.operations(ctx, parent)
	audit := l.audit(ctx, project, at)
	seen := map[posture.Resource]Observed{}
	for _, c := range answer.GetClusters() {
		r := posture.Resource{Project: project, Location: c.GetLocation(), Cluster: c.GetName()}
		seen[r] = l.cluster(at, r, c, operations, audit)
	}
	return seen, unknown
}

func (l *Lookout) cluster(at time.Time, r posture.Resource, c *pb.Cluster, operations Known[[]*pb.Operation], audit Known[map[string][]Event]) Observed {
	o := Observed{
		At: at, Account: l.Account, Cluster: c, Operations: operationsOf(r, operations), Windows: windows(at, c),
		Audit: Known[[]Event]{OK: audit.OK, Value: audit.Value[r.ClusterName()], Gap: audit.Gap},
	}
	if ca, err := check.Authority(c); err != nil {
		o.CA = Lack[posture.CA](posture.Gap{Part: "cluster", Error: err.Error()})
	} else {
		o.CA = Have(*ca)
	}
	return o
}

// windows are the cluster's times for maintenance of nodes.
func windows(at time.Time, c *pb.Cluster) Known[Windows] {
	m, err := upgrade.NodeMaintenance(c.GetMaintenancePolicy(), at, at.Add(automatic))
	if err != nil {
		return Lack[Windows](posture.Gap{Part: "cluster", Error: err.Error()})
	}
	return Have(Windows{Open: m.Open, Excluded: m.Excluded, Next: m.Next})
}

// operations are those of all locations; a list that lacks a location is none.
func (l *Lookout) operations(ctx context.Context, parent string) Known[[]*pb.Operation] {
	answer, err := l.GKE.ListOperations(ctx, &pb.ListOperationsRequest{Parent: parent})
	if err == nil && len(answer.GetMissingZones()) > 0 {
		err = fmt.Errorf("the answer leaves out %s", strings.Join(answer.MissingZones, ", "))
	}
	if err != nil {
		return Lack[[]*pb.Operation](gap("operations", "ListOperations", "container.operations.list", err))
	}
	return Have(answer.GetOperations())
}

// operationsOf are those of a cluster and its pools.
func operationsOf(r posture.Resource, all Known[[]*pb.Operation]) Known[[]Operation] {
	if !all.OK {
		return Lack[[]Operation](all.Gap)
	}
	of := []Operation{}
	for _, o := range all.Value {
		if pool, ok := target(o.GetTargetLink(), r); ok {
			of = append(of, operationOf(o, pool))
		}
	}
	slices.SortStableFunc(of, func(a, b Operation) int { return a.Start.Compare(b.Start) })
	return Have(of)
}

// target is the pool that an operation is about, if it is about the cluster or one of its pools. Links name a project by its
// number, and older ones say zones for locations: https://container.googleapis.com/v1/projects/12/zones/Z/clusters/C/nodePools/P.
func target(link string, r posture.Resource) (pool string, ok bool) {
	parts := strings.Split(link, "/")
	for i := 0; i+3 < len(parts); i++ {
		if (parts[i] == "locations" || parts[i] == "zones") && parts[i+1] == r.Location && parts[i+2] == "clusters" && parts[i+3] == r.Cluster {
			if i+5 < len(parts) && parts[i+4] == "nodePools" {
				pool = parts[i+5]
			}
			return pool, true
		}
	}
	return "", false
}

func operationOf(o *pb.Operation, pool string) Operation {
	op := Operation{Name: o.GetName(), Type: o.GetOperationType(), Pool: pool, Done: o.GetStatus() == pb.Operation_DONE}
	op.Start, _ = time.Parse(time.RFC3339Nano, o.GetStartTime())
	op.End, _ = time.Parse(time.RFC3339Nano, o.GetEndTime())
	if e := o.GetError(); op.Done && e.GetCode() != 0 {
		op.Error = clip(codes.Code(e.GetCode()).String() + ": " + e.GetMessage())
	}
	return op
}

// Inside reads the cluster's own API, and what audit logs tell of who asks it.
func (l *Lookout) Inside(ctx context.Context, r posture.Resource, o *Observed) {
	s := &snapshot.Snapshot{Time: o.At, Resource: r, Cluster: o.Cluster}
	l.Kube.Read(ctx, s)
	inside(s, o)
	if !o.UsesSince.IsZero() {
		o.Uses = l.uses(ctx, r, o)
	}
	if !o.IssuedSince.IsZero() {
		o.Approved = l.approved(ctx, r, o)
	}
}

// gap is what an API did not answer. The permission is named if the service says that it was refused.
func gap(part, call, permission string, err error) posture.Gap {
	g := posture.Gap{Part: part, Call: call, Error: status.Convert(err).Message()}
	if code := status.Code(err); code == codes.PermissionDenied || code == codes.Unauthenticated {
		g.Permission, g.Fix = permission, "grant "+permission+" to the function's service account"
	}
	return g
}
