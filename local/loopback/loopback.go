// Package loopback has tests speak to stand-ins by the clients that run in the cloud.
package loopback

import (
	"net"
	"testing"

	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// A Service is a stand-in.
type Service interface{ Register(*grpc.Server) }

// Serve serves stand-ins until the test ends, and returns what has a client speak to them.
func Serve(t testing.TB, services ...Service) []option.ClientOption {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer()
	for _, s := range services {
		s.Register(g)
	}
	go g.Serve(l)
	t.Cleanup(g.Stop)
	return []option.ClientOption{
		option.WithEndpoint(l.Addr().String()), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())),
	}
}
