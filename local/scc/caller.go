package scc

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"tiercel.dev/local/caller"
)

// permit refuses a caller that has not the permission.
// https://cloud.google.com/security-command-center/docs/access-control-org
func (s *Server) permit(ctx context.Context, permission string) error {
	if s.cfg.Permissions.May(ctx, permission) {
		return nil
	}
	return status.Errorf(codes.PermissionDenied, "Permission '%s' denied for %q on resource (or it may not exist)", permission, caller.Of(ctx))
}
