package upgrade

import (
	"context"
	"fmt"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"github.com/googleapis/gax-go/v2"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Hands change clusters; [container.ClusterManagerClient] does. None of the calls is tried again by it.
type Hands interface {
	SetNodePoolManagement(context.Context, *pb.SetNodePoolManagementRequest, ...gax.CallOption) (*pb.Operation, error)
	UpdateNodePool(context.Context, *pb.UpdateNodePoolRequest, ...gax.CallOption) (*pb.Operation, error)
	UpdateCluster(context.Context, *pb.UpdateClusterRequest, ...gax.CallOption) (*pb.Operation, error)
}

// call asks GKE for what was written down, with the etag of what was decided on. It is made once: left is what remains of its time.
func (d *decision) call(ctx context.Context, hands Hands, a *Doing, left time.Duration) (*pb.Operation, error) {
	if left <= 0 {
		return nil, errLate
	}
	ctx, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	if a.Act == ControlPatch {
		return hands.UpdateCluster(ctx, &pb.UpdateClusterRequest{
			Name: d.s.Resource.ClusterName(), Update: &pb.ClusterUpdate{DesiredMasterVersion: a.To, Etag: d.cluster.GetEtag()},
		})
	}
	name := d.s.Resource.ClusterName() + "/nodePools/" + a.Pool
	p, _ := d.poolNamed(a.Pool)
	if a.Act == PoolUpgrade {
		// Without an image type the pool keeps its own.
		return hands.UpdateNodePool(ctx, &pb.UpdateNodePoolRequest{Name: name, NodeVersion: a.To, Etag: p.GetEtag()})
	}
	// Both switches are sent: one that is not would be off. The call has no etag; what it sets is only ever on, or as it was.
	m := proto.CloneOf(p.GetManagement())
	if m == nil {
		m = new(pb.NodeManagement)
	}
	m.UpgradeOptions = nil // output only
	m.AutoUpgrade, m.AutoRepair = m.AutoUpgrade || a.Act == AutoUpgrade, m.AutoRepair || a.Act == AutoRepair
	return hands.SetNodePoolManagement(ctx, &pb.SetNodePoolManagementRequest{Name: name, Management: m})
}

var errLate = status.Error(codes.Aborted, "the call was not made: its time was over")

// answer takes what GKE said into the record. It reports whether the matter is over, as follow does.
func (a *Doing) answer(o *pb.Operation, err error, now time.Time) (over bool) {
	switch status.Code(err) {
	case codes.OK:
		a.Operation = o.GetName()
		return false
	case codes.InvalidArgument, codes.NotFound, codes.OutOfRange, codes.Unimplemented:
		a.Ended, a.Error = now, status.Convert(err).Message() // and would be the same again
		return true
	case codes.Aborted, codes.FailedPrecondition, codes.ResourceExhausted, codes.PermissionDenied, codes.Unauthenticated:
		return true // nothing was done, and may be at another time
	}
	return false // nobody knows: the next tick looks for the operation
}

// refused is what an answer that did nothing is told as.
func refused(err error) string {
	return fmt.Sprintf("GKE refused it, and it is tried again: %s", status.Convert(err).Message())
}
