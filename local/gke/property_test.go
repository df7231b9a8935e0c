package gke

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"cloud.google.com/go/logging/apiv2/loggingpb"
	"google.golang.org/genproto/googleapis/cloud/audit"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/local/clock"
)

// A run is a cluster that random people do random things with.
type run struct {
	t         *testing.T
	s         *Server
	clock     *clock.Clock
	r         *rand.Rand
	completed int // completions in the audit log that succeeded
	log       []string

	ca    string
	seen  int // completions when ca was
	state map[string]pb.Operation_Status
}

func newRun(t *testing.T, seed uint64) *run {
	t.Helper()
	w := &run{t: t, clock: clock.New(monday), r: rand.New(rand.NewPCG(seed, 1)), state: map[string]pb.Operation_Status{}}
	w.s = New(Config{
		Now: w.clock.Now, Releases: releases(),
		Fail: func(*pb.Operation) error {
			if w.r.IntN(8) == 0 {
				return status.Error(codes.Internal, "chance")
			}
			return nil
		},
		Audit: w.audited,
	})
	life := time.Duration(20+w.r.IntN(400)) * day
	if err := w.s.PutCluster("p", &pb.Cluster{
		Name: "lab", Location: "europe-west1", CurrentMasterVersion: "1.33.4-gke.1000", ReleaseChannel: &pb.ReleaseChannel{Channel: pb.ReleaseChannel_REGULAR},
		MasterAuth: &pb.MasterAuth{ClusterCaCertificate: CA("lab", monday.Add(-100*day), monday.Add(life))},
		NodePools: []*pb.NodePool{
			{Name: "first", Version: "1.33.4-gke.1000", InitialNodeCount: 2, Management: &pb.NodeManagement{AutoUpgrade: true}},
			{Name: "second", Version: "1.32.1-gke.1000", InitialNodeCount: 1},
		},
	}); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *run) audited(e *loggingpb.LogEntry) {
	a := new(audit.AuditLog)
	if err := e.GetProtoPayload().UnmarshalTo(a); err != nil {
		w.t.Error(err)
	}
	if strings.HasSuffix(a.MethodName, "CompleteIPRotation") && e.Operation.GetLast() && a.Status == nil {
		w.completed++
	}
	w.log = append(w.log, fmt.Sprint(e.Timestamp.AsTime().Format(time.RFC3339), " ", a.MethodName, " ", a.AuthenticationInfo.PrincipalEmail, " ", e.Operation, a.Status.GetCode()))
}

// act does one thing, which may be refused.
func (w *run) act() {
	ctx, s, pool := context.Background(), w.s, lab+"/nodePools/"+[]string{"first", "second", "third"}[w.r.IntN(3)]
	versions := []string{"-", "1.33.4-gke.1000", "1.34.1-gke.1000", "1.35.0-gke.1000", "1.31.0-gke.1"}
	version := versions[w.r.IntN(len(versions))]
	switch w.r.IntN(13) {
	case 0:
		s.StartIPRotation(ctx, &pb.StartIPRotationRequest{Name: lab})
	case 1:
		s.CompleteIPRotation(ctx, &pb.CompleteIPRotationRequest{Name: lab})
	case 2:
		s.UpdateNodePool(ctx, &pb.UpdateNodePoolRequest{Name: pool, NodeVersion: version})
	case 3:
		s.UpdateMaster(ctx, &pb.UpdateMasterRequest{Name: lab, MasterVersion: version})
	case 4:
		s.CreateNodePool(ctx, &pb.CreateNodePoolRequest{Parent: lab, NodePool: &pb.NodePool{Name: "third", InitialNodeCount: int32(w.r.IntN(3))}})
	case 5:
		s.DeleteNodePool(ctx, &pb.DeleteNodePoolRequest{Name: pool})
	case 6:
		s.RollbackNodePoolUpgrade(ctx, &pb.RollbackNodePoolUpgradeRequest{Name: pool})
	case 7:
		s.CompleteNodePoolUpgrade(ctx, &pb.CompleteNodePoolUpgradeRequest{Name: pool})
	case 8:
		s.SetNodePoolManagement(ctx, &pb.SetNodePoolManagementRequest{Name: pool, Management: &pb.NodeManagement{AutoUpgrade: true}})
	case 9:
		s.UpdateCluster(ctx, &pb.UpdateClusterRequest{Name: lab, Update: &pb.ClusterUpdate{DesiredShieldedNodes: &pb.ShieldedNodes{Enabled: w.r.IntN(2) == 0}}})
	case 10:
		blue := pb.NodePoolUpdateStrategy_BLUE_GREEN
		s.UpdateNodePool(ctx, &pb.UpdateNodePoolRequest{Name: pool, UpgradeSettings: &pb.NodePool_UpgradeSettings{Strategy: &blue}})
	default:
		w.clock.Advance(time.Duration(w.r.ExpFloat64() * float64(12*time.Hour)))
	}
}

// check is what holds at any time.
func (w *run) check() {
	c, err := w.s.GetCluster(context.Background(), &pb.GetClusterRequest{Name: lab})
	if err != nil {
		w.t.Fatal(err)
	}
	all, err := w.s.ListOperations(context.Background(), &pb.ListOperationsRequest{Parent: "projects/p/locations/-"})
	if err != nil {
		w.t.Fatal(err)
	}
	running := 0
	for _, o := range all.Operations {
		done := o.Status == pb.Operation_DONE
		if !done {
			running++
		}
		if done != (o.EndTime != "") || o.Status < w.state[o.Name] {
			w.t.Fatalf("%v after %v", o, w.state[o.Name])
		}
		w.state[o.Name] = o.Status
	}
	if running > 1 {
		w.t.Fatalf("%d operations at a time", running)
	}
	if ca := c.MasterAuth.ClusterCaCertificate; ca != w.ca {
		if w.ca != "" && w.completed == w.seen {
			w.t.Fatal("the authority is another one, and nobody has completed a rotation")
		}
		w.ca, w.seen = ca, w.completed
	}
	master, _ := parseVersion(c.CurrentMasterVersion)
	for _, n := range w.s.Nodes(lab) {
		if !slices.Contains(n.Trusts, w.ca) {
			w.t.Fatalf("%s does not accept the cluster's authority", n.Name)
		}
		if v, _ := parseVersion(n.Version); v.compare(master) > 0 || v.minor < master.minor-maxSkew {
			w.t.Fatalf("%s is of %s, and the control plane of %s", n.Name, n.Version, c.CurrentMasterVersion)
		}
	}
}

func TestAnythingInAnyOrder(t *testing.T) {
	completed := 0
	for seed := range uint64(50) {
		w := newRun(t, seed)
		for range 120 {
			w.act()
			w.check()
		}
		completed += w.completed
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	if completed < 30 {
		t.Errorf("%d rotations were completed: too few to say anything", completed)
	}
}

// What happens does not depend on how the clock gets there: in one step, or in many.
func TestClockOfOneStepOrMany(t *testing.T) {
	logs := make([][]string, 2)
	for i, step := range []time.Duration{60 * day, 7 * time.Minute} {
		w := newRun(t, 7)
		w.s.StartIPRotation(context.Background(), &pb.StartIPRotationRequest{Name: lab})
		for passed := time.Duration(0); passed < 60*day; passed += step {
			w.clock.Advance(min(step, 60*day-passed))
			w.s.CatchUp()
		}
		logs[i] = w.log
	}
	if len(logs[0]) < 10 || !slices.Equal(logs[0], logs[1]) {
		t.Errorf("in one step:\n%s\nin many:\n%s", strings.Join(logs[0], "\n"), strings.Join(logs[1], "\n"))
	}
}
