package scc

import (
	"context"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// CallerHeader is the metadata in which a caller says who it is. The service would look into a token.
const CallerHeader = "x-tiercel-caller"

// permit refuses a caller that has not the permission.
// https://cloud.google.com/security-command-center/docs/access-control-org
func (s *Server) permit(ctx context.Context, permission string) error {
	if s.cfg.Permissions == nil {
		return nil
	}
	caller := ""
	if values := metadata.ValueFromIncomingContext(ctx, CallerHeader); len(values) > 0 {
		caller = values[0]
	}
	if slices.Contains(s.cfg.Permissions[caller], permission) {
		return nil
	}
	return status.Errorf(codes.PermissionDenied, "Permission '%s' denied for %q on resource (or it may not exist)", permission, caller)
}
