// Package caller is what the stand-ins' gRPC services share: who calls and what the caller may do, and the refusal that
// says how long to wait.
package caller

import (
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Header is the metadata in which a caller says who it is. The services would look into a token.
const Header = "x-tiercel-caller"

// Permissions are what each caller may do, such as "securitycenter.findings.update"; nil lets everybody do everything.
type Permissions map[string][]string

// Of is who calls; "" if the call does not say.
func Of(ctx context.Context) string {
	if values := metadata.ValueFromIncomingContext(ctx, Header); len(values) > 0 {
		return values[0]
	}
	return ""
}

// May reports whether the caller has the permission.
func (p Permissions) May(ctx context.Context, permission string) bool {
	return p == nil || slices.Contains(p[Of(ctx)], permission)
}

// Exhausted is RESOURCE_EXHAUSTED with the details by which clients know which quota it was and how long to wait.
// https://cloud.google.com/apis/design/errors#error_details
func Exhausted(service, metric string, wait time.Duration) error {
	st, err := status.New(codes.ResourceExhausted, fmt.Sprintf("Quota exceeded for quota metric '%s'", metric)).WithDetails(
		&errdetails.ErrorInfo{Reason: "RATE_LIMIT_EXCEEDED", Domain: "googleapis.com", Metadata: map[string]string{
			"service": service, "quota_metric": metric,
		}},
		&errdetails.RetryInfo{RetryDelay: durationpb.New(wait)},
	)
	if err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	return st.Err()
}
