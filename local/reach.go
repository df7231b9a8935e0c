package local

import (
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// Reach are the options with which Google's clients reach the gRPC services at an address that [Cloud.Address] gave.
func Reach(address string) []option.ClientOption {
	return []option.ClientOption{
		option.WithEndpoint(address), option.WithoutAuthentication(), option.WithTelemetryDisabled(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
}

// Address is where the gRPC services are served, as HOST:PORT.
func (c *Cloud) Address() string { return c.address }

// Options reach the gRPC services.
func (c *Cloud) Options() []option.ClientOption { return Reach(c.address) }
