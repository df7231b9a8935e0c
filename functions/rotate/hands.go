package rotate

import (
	"context"
	"fmt"

	container "cloud.google.com/go/container/apiv1"
	pb "cloud.google.com/go/container/apiv1/containerpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/internal/posture"
)

// A Caller asks GKE to start and complete rotations. It needs container.clusters.update, for an identity of its own.
type Caller struct {
	GKE *container.ClusterManagerClient
}

// Start asks for a rotation of credentials: address, authority, and the keys of service accounts' tokens.
func (c Caller) Start(ctx context.Context, r posture.Resource) (string, error) {
	op, err := c.GKE.StartIPRotation(ctx, &pb.StartIPRotationRequest{Name: r.ClusterName(), RotateCredentials: true})
	return op.GetName(), answered(err)
}

// Complete asks GKE to end the old address and credentials.
func (c Caller) Complete(ctx context.Context, r posture.Resource) (string, error) {
	op, err := c.GKE.CompleteIPRotation(ctx, &pb.CompleteIPRotationRequest{Name: r.ClusterName()})
	return op.GetName(), answered(err)
}

// answered tells a refusal from an answer that was lost. What is not known to be the one is taken for the other.
func answered(err error) error {
	switch s := status.Convert(err); s.Code() {
	case codes.OK:
		return nil
	case codes.InvalidArgument, codes.FailedPrecondition, codes.PermissionDenied, codes.Unauthenticated, codes.NotFound, codes.AlreadyExists,
		codes.ResourceExhausted, codes.Unimplemented, codes.OutOfRange:
		return fmt.Errorf("%w: %s: %s", ErrNot, s.Code(), s.Message())
	}
	return err
}

var (
	_ Hands = Caller{}
	_ Eyes  = (*Lookout)(nil)
)
