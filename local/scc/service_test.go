package scc

import (
	"net"
	"path/filepath"
	"testing"

	securitycenter "cloud.google.com/go/securitycenter/apiv2"
	pb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/testing/protocmp"

	"tiercel.dev/local/caller"
)

// dial serves s, and returns the client that runs in the cloud.
func dial(t *testing.T, s *Server) *securitycenter.Client {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := grpc.NewServer()
	s.Register(g)
	go g.Serve(l)
	t.Cleanup(g.Stop)
	c, err := securitycenter.NewClient(t.Context(), option.WithEndpoint(l.Addr().String()), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestPermissions(t *testing.T) {
	c := dial(t, server(t, Config{Permissions: caller.Permissions{
		"writer": {"securitycenter.findings.update"}, "reader": {"securitycenter.findings.list"},
	}}))
	for _, tt := range []struct {
		caller      string
		write, read codes.Code
	}{
		{"writer", codes.OK, codes.PermissionDenied}, {"reader", codes.PermissionDenied, codes.OK}, {"", codes.PermissionDenied, codes.PermissionDenied},
	} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), caller.Header, tt.caller)
		_, err := c.UpdateFinding(ctx, &pb.UpdateFindingRequest{Finding: finding(nil)})
		if status.Code(err) != tt.write {
			t.Errorf("%q writes: %v", tt.caller, err)
		}
		page := c.ListFindings(ctx, &pb.ListFindingsRequest{Parent: source})
		if _, err = page.Next(); status.Code(err) != tt.read {
			t.Errorf("%q reads: %v", tt.caller, err)
		}
	}
}

func TestCreate(t *testing.T) {
	c := dial(t, server(t, Config{}))
	r := &pb.CreateFindingRequest{Parent: source, FindingId: "1", Finding: finding(nil)}
	f, err := c.CreateFinding(t.Context(), r)
	if err != nil || f.Name != source+"/findings/1" {
		t.Fatalf("%v, %v", f, err)
	}
	if _, err := c.CreateFinding(t.Context(), r); status.Code(err) != codes.AlreadyExists {
		t.Errorf("again: %v", err)
	}
	// A name with the global location is the same finding's.
	f.Name = source + "/locations/global/findings/1"
	if _, err := c.UpdateFinding(t.Context(), &pb.UpdateFindingRequest{Finding: f}); err != nil {
		t.Error(err)
	}
	if page, err := c.SetMute(t.Context(), &pb.SetMuteRequest{Name: source + "/findings/1", Mute: pb.Finding_MUTED}); err != nil || page.Mute != pb.Finding_MUTED {
		t.Errorf("%v, %v", page, err)
	}
	if _, err := c.SetMute(t.Context(), &pb.SetMuteRequest{Name: source + "/findings/2", Mute: pb.Finding_MUTED}); status.Code(err) != codes.NotFound {
		t.Error(err)
	}
}

func TestChanged(t *testing.T) {
	var states []pb.Finding_State
	s := server(t, Config{Changed: func(f *pb.Finding) { states = append(states, f.State) }})
	s.UpdateFinding(t.Context(), &pb.UpdateFindingRequest{Finding: finding(nil)})
	s.SetFindingState(t.Context(), &pb.SetFindingStateRequest{Name: finding(nil).Name, State: pb.Finding_INACTIVE})
	if d := cmp.Diff([]pb.Finding_State{pb.Finding_ACTIVE, pb.Finding_INACTIVE}, states); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

func TestOutlivesItself(t *testing.T) {
	path := filepath.Join(t.TempDir(), "findings.db")
	open := func() *Server {
		s, err := Open(path, Config{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	first := open()
	if err := first.AddSource(source, "Tiercel"); err != nil {
		t.Fatal(err)
	}
	if _, err := first.UpdateFinding(t.Context(), &pb.UpdateFindingRequest{Finding: finding(nil)}); err != nil {
		t.Fatal(err)
	}
	want := first.Findings()
	if _, err := Open(path, Config{}); err == nil {
		t.Error("two have the same file")
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second := open()
	defer second.Close()
	if d := cmp.Diff(want, second.Findings(), protocmp.Transform()); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if _, err := second.GetSource(t.Context(), &pb.GetSourceRequest{Name: source}); err != nil {
		t.Error(err)
	}
}
