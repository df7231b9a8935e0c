// Package critest is a container runtime for tests: the CRI service over a real unix socket, with containers and pods that
// the test adds, and with the faults that runtimes have. It runs nothing. Tests of package container and of the sensor use
// it.
package critest

import (
	"context"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"
)

// Server is the runtime. Its methods may be called at any time, also while clients are connected.
type Server struct {
	runtime.UnimplementedRuntimeServiceServer
	tb     testing.TB
	socket string

	mu         sync.Mutex
	grpc       *grpc.Server // nil: stopped
	served     chan struct{}
	containers map[string]*runtime.ContainerStatusResponse
	sandboxOf  map[string]string // container id → sandbox id
	sandboxes  map[string]*runtime.PodSandboxStatusResponse
	hang       chan struct{} // closed: calls are answered
	failure    error
	noEvents   bool
	watchers   map[chan *runtime.ContainerEventResponse]bool
	calls      map[string]int
}

// New starts a runtime that ends with the test. Its socket has a short path, whatever the test's name.
func New(tb testing.TB) *Server {
	tb.Helper()
	s := NewStopped(tb)
	s.Start()
	return s
}

// NewStopped makes a runtime that nobody can connect to before [Server.Start].
func NewStopped(tb testing.TB) *Server {
	tb.Helper()
	dir, err := os.MkdirTemp("", "cri")
	if err != nil {
		tb.Fatal(err)
	}
	s := &Server{
		tb:         tb,
		socket:     filepath.Join(dir, "cri.sock"),
		containers: make(map[string]*runtime.ContainerStatusResponse),
		sandboxOf:  make(map[string]string),
		sandboxes:  make(map[string]*runtime.PodSandboxStatusResponse),
		hang:       make(chan struct{}),
		watchers:   make(map[chan *runtime.ContainerEventResponse]bool),
		calls:      make(map[string]int),
	}
	close(s.hang)
	tb.Cleanup(func() {
		s.Resume()
		s.Stop()
		os.RemoveAll(dir)
	})
	return s
}

// Socket returns the path of the unix socket.
func (s *Server) Socket() string { return s.socket }

// Start listens.
func (s *Server) Start() {
	s.tb.Helper()
	l, err := net.Listen("unix", s.socket)
	if err != nil {
		s.tb.Fatal(err)
	}
	g := grpc.NewServer(grpc.UnaryInterceptor(s.intercept), grpc.StreamInterceptor(s.interceptStream))
	runtime.RegisterRuntimeServiceServer(g, s)
	served := make(chan struct{})
	go func() {
		defer close(served)
		g.Serve(l)
	}()
	s.mu.Lock()
	s.grpc, s.served = g, served
	s.mu.Unlock()
}

// Stop breaks all connections and removes the socket. What was added stays for the next Start, as it does over a restart of
// a real runtime.
func (s *Server) Stop() {
	s.mu.Lock()
	g, served := s.grpc, s.served
	s.grpc = nil
	s.mu.Unlock()
	if g != nil {
		g.Stop()
		<-served
	}
}

// Hang has all calls, new ones and those under way, wait until Resume or until the client gives up.
func (s *Server) Hang() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hang = make(chan struct{})
}

// Resume ends Hang.
func (s *Server) Resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.hang:
	default:
		close(s.hang)
	}
}

// Fail has all calls but Version answered with err; nil ends it.
func (s *Server) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = err
}

// NoEvents has the runtime end each stream of events at once, as CRI-O does unless told to serve them. It is called before
// Start or between Stop and Start.
func (s *Server) NoEvents() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noEvents = true
}

// Calls returns how often a method was called: "ContainerStatus", "ListContainers", ….
func (s *Server) Calls(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}

// Watchers returns how many streams of events are open.
func (s *Server) Watchers() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.watchers)
}

func (s *Server) intercept(ctx context.Context, req any, i *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	method := filepath.Base(i.FullMethod)
	s.mu.Lock()
	s.calls[method]++
	hang, failure := s.hang, s.failure
	s.mu.Unlock()
	select {
	case <-hang:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if failure != nil && method != "Version" {
		return nil, failure
	}
	return next(ctx, req)
}

func (s *Server) interceptStream(srv any, stream grpc.ServerStream, i *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	s.mu.Lock()
	s.calls[filepath.Base(i.FullMethod)]++
	s.mu.Unlock()
	return next(srv, stream)
}

func (s *Server) Version(context.Context, *runtime.VersionRequest) (*runtime.VersionResponse, error) {
	return &runtime.VersionResponse{
		Version: "0.1.0", RuntimeName: "containerd", RuntimeVersion: "v2.4.2", RuntimeApiVersion: "v1",
	}, nil
}

func (s *Server) ListPodSandbox(context.Context, *runtime.ListPodSandboxRequest) (*runtime.ListPodSandboxResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out runtime.ListPodSandboxResponse
	for _, id := range slices.Sorted(maps.Keys(s.sandboxes)) {
		st := s.sandboxes[id].GetStatus()
		out.Items = append(out.Items, &runtime.PodSandbox{Id: id, Metadata: st.GetMetadata(), State: st.GetState(), Labels: st.GetLabels()})
	}
	return &out, nil
}

func (s *Server) ListContainers(_ context.Context, req *runtime.ListContainersRequest) (*runtime.ListContainersResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out runtime.ListContainersResponse
	for _, id := range slices.Sorted(maps.Keys(s.containers)) {
		if want := req.GetFilter().GetId(); want != "" && want != id {
			continue
		}
		st := s.containers[id].GetStatus()
		out.Containers = append(out.Containers, &runtime.Container{
			Id: id, PodSandboxId: s.sandboxOf[id], Metadata: st.GetMetadata(), Image: st.GetImage(), State: st.GetState(), Labels: st.GetLabels(),
		})
	}
	return &out, nil
}

func (s *Server) ContainerStatus(_ context.Context, req *runtime.ContainerStatusRequest) (*runtime.ContainerStatusResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.containers[req.GetContainerId()]; r != nil {
		return r, nil
	}
	return nil, status.Errorf(codes.NotFound, "container %q: not found", req.GetContainerId())
}

func (s *Server) PodSandboxStatus(_ context.Context, req *runtime.PodSandboxStatusRequest) (*runtime.PodSandboxStatusResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r := s.sandboxes[req.GetPodSandboxId()]; r != nil {
		return r, nil
	}
	return nil, status.Errorf(codes.NotFound, "sandbox %q: not found", req.GetPodSandboxId())
}

func (s *Server) GetContainerEvents(_ *runtime.GetEventsRequest, out runtime.RuntimeService_GetContainerEventsServer) error {
	events := make(chan *runtime.ContainerEventResponse, 64)
	s.mu.Lock()
	if s.noEvents {
		s.mu.Unlock()
		return nil
	}
	s.watchers[events] = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.watchers, events)
		s.mu.Unlock()
	}()
	for {
		select {
		case e := <-events:
			if err := out.Send(e); err != nil {
				return err
			}
		case <-out.Context().Done():
			return out.Context().Err()
		}
	}
}

// event tells all watchers; the caller holds the lock. A slow watcher loses events, as containerd's do.
func (s *Server) event(id string, kind runtime.ContainerEventType) {
	for w := range s.watchers {
		select {
		case w <- &runtime.ContainerEventResponse{ContainerId: id, ContainerEventType: kind}:
		default:
		}
	}
}
