package iam

import (
	"context"
	"regexp"

	"cloud.google.com/go/iam/apiv1/iampb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/local/caller"
)

// Policies serves who may do what with topics and subscriptions, as Pub/Sub does.
// https://cloud.google.com/pubsub/docs/reference/rpc/google.iam.v1
type Policies struct {
	iampb.UnimplementedIAMPolicyServer
	gate      caller.Gate
	directory *Directory
}

// NewPolicies returns a server of what d holds.
func NewPolicies(gate caller.Gate, d *Directory) *Policies {
	return &Policies{gate: gate, directory: d}
}

// Register serves the API on g.
func (p *Policies) Register(g *grpc.Server) { iampb.RegisterIAMPolicyServer(g, p) }

var ofPubSub = regexp.MustCompile(`^projects/[a-z0-9.:-]+/(topics|subscriptions)/[^/]+$`)

// GetIamPolicy returns a topic's or a subscription's own policy. That there is no such one, it does not know.
func (p *Policies) GetIamPolicy(ctx context.Context, r *iampb.GetIamPolicyRequest) (*iampb.Policy, error) {
	parts := ofPubSub.FindStringSubmatch(r.GetResource())
	if parts == nil {
		return nil, status.Errorf(codes.InvalidArgument, "%q is not a name of the form %s", r.GetResource(), ofPubSub)
	}
	if err := p.gate.Pass(ctx, "GetIamPolicy", r.Resource, "pubsub."+parts[1]+".getIamPolicy"); err != nil {
		return nil, err
	}
	return Shown(p.directory.Policy(r.Resource), r.GetOptions().GetRequestedPolicyVersion()), nil
}
