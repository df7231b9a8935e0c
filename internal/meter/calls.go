package meter

import (
	"context"
	"path"
	"strconv"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/status"
)

// Call counts a call of an API over gRPC. It is a [grpc.UnaryClientInterceptor].
func Call(ctx context.Context, method string, in, out any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	err := invoke(ctx, method, in, out, cc, opts...)
	Add(ctx, APICalls, 1, service(method), status.Code(err).String())
	return err
}

// HTTPCode is the code of an answer over HTTP, none where there was none.
func HTTPCode(status int) string {
	if status == 0 {
		return "none"
	}
	return strconv.Itoa(status)
}

// service is the last part of a service's name: "SecurityCenter" of /google.cloud.securitycenter.v2.SecurityCenter/UpdateFinding.
func service(method string) string {
	full := path.Dir(method)
	return strings.TrimPrefix(full[strings.LastIndexByte(full, '.')+1:], "/")
}
