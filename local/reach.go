package local

import (
	"net/http"

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

// What is served beside the functions, at the address that [Cloud.Calls] tells.
const (
	// Bucket is where the functions keep their records.
	Bucket = bucket
	// KeysPath shows the keys of ID tokens, and TokenPath gives tokens out, to who has the
	// secret of [SecretPath]: ?account=ADDRESS&audience=URL.
	KeysPath  = "/oidc/certs"
	TokenPath = "/oidc/token"
)

// Audience is that of ID tokens for a function.
func Audience(function string) string { return functionsURL + "/" + function }

// Metrics are the figures of all functions, as Prometheus reads them.
func (c *Cloud) Metrics() http.Handler { return c.meter.Handler() }

// Calls is the host and port of the functions, of Cloud Storage, and of the paths above.
func (c *Cloud) Calls() string { return c.calls }
