// Package cri reads what a container runtime says of its containers, over the CRI socket (k8s.io/cri-api, v1), and turns
// it into event.Container values. It only asks: nothing that it calls changes a container. It does not decide when to ask,
// retry or remember; package container does, its only caller.
//
// A runtime is trusted to be the node's, and not to behave: each call ends at its context's deadline, no answer is larger
// than [MaxAnswer], what is not about the container asked for is refused, and texts and lists are bounded before they are
// kept.
package cri

import (
	"context"
	"errors"
	"fmt"
	"net"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"

	"tiercel.dev/internal/event"
)

// MaxAnswer is the size in bytes of the largest answer that is read. It is the kubelet's own limit, so that a list that the
// kubelet can read is read here too.
const MaxAnswer = 16 << 20

// The errors of [Client] wrap one of these, or context.Canceled where the caller gave up.
var (
	// ErrNotFound: the runtime does not know the id. It may do so shortly: a pod's sandbox runs before containerd lists it.
	ErrNotFound = errors.New("runtime does not know the container")
	// ErrTimeout: no answer within the context's deadline.
	ErrTimeout = errors.New("runtime did not answer in time")
	// ErrUnavailable: nobody listens on the socket, or the connection broke. A caller connects again.
	ErrUnavailable = errors.New("runtime is not there")
	// ErrRefused: the answer is about another container, lacks its id, or holds texts longer than such texts can be. Asking
	// again may help, believing it does not.
	ErrRefused = errors.New("answer refused")
	// ErrUnsupported: the service does not speak CRI v1, or not this call of it.
	ErrUnsupported = errors.New("not supported by the runtime")
	// ErrRuntime is any other error: the runtime's own, or an answer that cannot be decoded or is too large.
	ErrRuntime = errors.New("runtime answered with an error")
)

// Client is a connection to one runtime. Its methods may be called from several goroutines.
type Client struct {
	conn *grpc.ClientConn
	rpc  runtime.RuntimeServiceClient
	name string // set by Version, before other calls
	cuts *Cuts
}

// Dial prepares a connection to the unix socket at path; it is made with the first call. What has to be left out of answers
// is counted in cuts, which may be shared with other clients.
func Dial(path string, cuts *Cuts) (*Client, error) {
	conn, err := grpc.NewClient("passthrough:///cri",
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", path)
		}),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(MaxAnswer)),
		grpc.WithMaxHeaderListSize(64<<10),
		grpc.WithDisableServiceConfig(),
		grpc.WithIdleTimeout(0), // an idle connection would look like a lost one to Wait
	)
	if err != nil {
		return nil, fmt.Errorf("container runtime socket %s: %w", path, err)
	}
	return &Client{conn: conn, rpc: runtime.NewRuntimeServiceClient(conn), cuts: cuts}, nil
}

// Version returns the runtime's name ("containerd", "cri-o"). It is the first call, since [Client.Status] reports the name.
func (c *Client) Version(ctx context.Context) (string, error) {
	v, err := c.rpc.Version(ctx, &runtime.VersionRequest{})
	if err != nil {
		return "", fail("version", err)
	}
	c.name = text(v.GetRuntimeName(), maxName)
	return c.name, nil
}

// Running returns the ids of the containers and sandboxes that exist and have not ended.
func (c *Client) Running(ctx context.Context) ([]string, error) {
	sandboxes, err := c.rpc.ListPodSandbox(ctx, &runtime.ListPodSandboxRequest{})
	if err != nil {
		return nil, fail("list sandboxes", err)
	}
	containers, err := c.rpc.ListContainers(ctx, &runtime.ListContainersRequest{})
	if err != nil {
		return nil, fail("list containers", err)
	}
	ids := make([]string, 0, len(sandboxes.GetItems())+len(containers.GetContainers()))
	for _, s := range sandboxes.GetItems() {
		if s.GetState() == runtime.PodSandboxState_SANDBOX_READY {
			ids = append(ids, s.GetId())
		}
	}
	for _, k := range containers.GetContainers() {
		if s := k.GetState(); s == runtime.ContainerState_CONTAINER_CREATED || s == runtime.ContainerState_CONTAINER_RUNNING {
			ids = append(ids, k.GetId())
		}
	}
	return ids, nil
}

// Status returns all there is to know of the container or sandbox with this id.
func (c *Client) Status(ctx context.Context, id string) (*event.Container, error) {
	resp, err := c.rpc.ContainerStatus(ctx, &runtime.ContainerStatusRequest{ContainerId: id, Verbose: true})
	switch {
	case err == nil:
		return c.container(ctx, id, resp)
	case status.Code(err) != codes.NotFound:
		return nil, fail("status of container "+id, err)
	}
	sandbox, err := c.sandboxStatus(ctx, id)
	if err != nil {
		return nil, err
	}
	return c.sandbox(id, sandbox)
}

// Watch calls fn for each container that the runtime makes, starts (ended false), stops or removes (ended true), until ctx
// ends or the runtime ends the stream, which CRI-O does at once unless it was told to serve it.
func (c *Client) Watch(ctx context.Context, fn func(id string, ended bool)) error {
	stream, err := c.rpc.GetContainerEvents(ctx, &runtime.GetEventsRequest{})
	for err == nil {
		var e *runtime.ContainerEventResponse
		if e, err = stream.Recv(); err != nil {
			break
		}
		switch e.GetContainerEventType() {
		case runtime.ContainerEventType_CONTAINER_CREATED_EVENT, runtime.ContainerEventType_CONTAINER_STARTED_EVENT:
			fn(e.GetContainerId(), false)
		case runtime.ContainerEventType_CONTAINER_STOPPED_EVENT, runtime.ContainerEventType_CONTAINER_DELETED_EVENT:
			fn(e.GetContainerId(), true)
		}
	}
	return fail("container events", err)
}

// Wait returns when the connection that Version made is lost, or ctx ends.
func (c *Client) Wait(ctx context.Context) {
	// The first answer may be here before the connection calls itself ready.
	for c.conn.GetState() == connectivity.Connecting {
		if !c.conn.WaitForStateChange(ctx, connectivity.Connecting) {
			return
		}
	}
	c.conn.WaitForStateChange(ctx, connectivity.Ready)
}

// Close ends the connection and the calls on it.
func (c *Client) Close() error { return c.conn.Close() }

func (c *Client) sandboxStatus(ctx context.Context, id string) (*runtime.PodSandboxStatusResponse, error) {
	resp, err := c.rpc.PodSandboxStatus(ctx, &runtime.PodSandboxStatusRequest{PodSandboxId: id, Verbose: true})
	if err != nil {
		return nil, fail("status of sandbox "+id, err)
	}
	if got := resp.GetStatus().GetId(); got != id {
		return nil, fmt.Errorf("status of sandbox %s: it says id %.70q: %w", id, got, ErrRefused)
	}
	return resp, nil
}

// fail gives a gRPC error one of the package's sentinels, and bounds the text, which is the runtime's.
func fail(what string, err error) error {
	kind := ErrRuntime
	switch status.Code(err) {
	case codes.NotFound:
		kind = ErrNotFound
	case codes.DeadlineExceeded:
		kind = ErrTimeout
	case codes.Canceled:
		kind = context.Canceled
	case codes.Unavailable:
		kind = ErrUnavailable
	case codes.Unimplemented:
		kind = ErrUnsupported
	}
	return fmt.Errorf("%s: %w: %.300q", what, kind, err.Error())
}
