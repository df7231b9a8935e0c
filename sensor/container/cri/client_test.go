package cri_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"

	"tiercel.dev/internal/event"
	"tiercel.dev/sensor/container/cri"
	"tiercel.dev/sensor/container/critest"
)

var (
	podID = critest.ID("pod")
	webID = critest.ID("web")
)

func connect(t *testing.T, s *critest.Server) (*cri.Client, *cri.Cuts) {
	t.Helper()
	cuts := new(cri.Cuts)
	c, err := cri.Dial(s.Socket(), cuts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if name, err := c.Version(t.Context()); err != nil || name != "containerd" {
		t.Fatalf("Version() = %q, %v", name, err)
	}
	return c, cuts
}

// web adds a pod with one container.
func web(s *critest.Server) {
	s.AddPod(critest.Pod{
		ID: podID, Name: "web-5d4f8c7b9-x7k2p", Namespace: "shop", UID: "0d4c2a5e-8a52-4d6a-9d5e-3c5b9f1f6a01", IP: "10.88.0.7",
		Labels: map[string]string{"app": "web", "pod-template-hash": "5d4f8c7b9"}, Image: "registry.k8s.io/pause:3.10", CreatedAt: 41,
	})
	s.AddContainer(critest.Container{
		ID: webID, Pod: podID, Name: "nginx", Image: "docker.io/library/nginx:1.27", ImageRef: "docker.io/library/nginx@sha256:abc",
		ImageID: "sha256:" + strings.Repeat("0a", 32), Privileged: true, CreatedAt: 42,
		Mounts: []*runtime.Mount{
			{HostPath: "/var/lib/kubelet/x", ContainerPath: "/data", Propagation: runtime.MountPropagation_PROPAGATION_BIDIRECTIONAL},
			{HostPath: "/etc", ContainerPath: "/host/etc", Readonly: true, MountOptions: []string{"noexec", "nodev"}},
		},
	})
}

var wantPod = &event.Pod{
	Name: "web-5d4f8c7b9-x7k2p", Namespace: "shop", UID: "0d4c2a5e-8a52-4d6a-9d5e-3c5b9f1f6a01", SandboxID: podID, IP: "10.88.0.7",
	Labels: map[string]string{
		"app": "web", "pod-template-hash": "5d4f8c7b9", "io.kubernetes.pod.name": "web-5d4f8c7b9-x7k2p",
		"io.kubernetes.pod.namespace": "shop", "io.kubernetes.pod.uid": "0d4c2a5e-8a52-4d6a-9d5e-3c5b9f1f6a01",
	},
	WorkloadKind: "Deployment", WorkloadName: "web",
}

func TestStatus(t *testing.T) {
	s := critest.New(t)
	web(s)
	c, _ := connect(t, s)

	got, err := c.Status(t.Context(), webID)
	if err != nil {
		t.Fatal(err)
	}
	want := &event.Container{
		ID: webID[:12], FullID: webID, Metadata: event.MetadataComplete, Runtime: "containerd", Name: "nginx",
		Image: event.Image{Repository: "docker.io/library/nginx", Tag: "1.27", Digest: "sha256:abc", ID: "sha256:" + strings.Repeat("0a", 32)},
		Labels: map[string]string{
			"io.kubernetes.container.name": "nginx", "io.kubernetes.pod.name": "web-5d4f8c7b9-x7k2p",
			"io.kubernetes.pod.namespace": "shop", "io.kubernetes.pod.uid": "0d4c2a5e-8a52-4d6a-9d5e-3c5b9f1f6a01",
		},
		Privileged: true,
		Mounts: []event.MountPoint{
			{Source: "/var/lib/kubelet/x", Dest: "/data", Propagation: "rshared", ReadWrite: true},
			{Source: "/etc", Dest: "/host/etc", Mode: "noexec,nodev", Propagation: "private"},
		},
		CreatedAt: 42,
		Pod:       wantPod,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Status (-want +got):\n%s", diff)
	}
}

func TestStatusOfSandbox(t *testing.T) {
	s := critest.New(t)
	web(s)
	c, _ := connect(t, s)

	got, err := c.Status(t.Context(), podID)
	if err != nil {
		t.Fatal(err)
	}
	want := &event.Container{
		ID: podID[:12], FullID: podID, Metadata: event.MetadataComplete, Runtime: "containerd", Name: "web-5d4f8c7b9-x7k2p",
		Image: event.Image{Repository: "registry.k8s.io/pause", Tag: "3.10"}, Labels: wantPod.Labels, CreatedAt: 41, Pod: wantPod,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Status (-want +got):\n%s", diff)
	}
}

func TestStatusReadsEachRuntimesInfo(t *testing.T) {
	tests := []struct {
		name       string
		info       map[string]string
		privileged bool
		noInfo     uint64
	}{
		{"CRI-O", map[string]string{"info": `{"sandboxID":"` + podID + `","pid":7,"runtimeSpec":{},"privileged":true}`}, true, 0},
		{"CRI-O, not privileged", map[string]string{"info": `{"sandboxID":"` + podID + `","privileged":false}`}, false, 0},
		{"containerd", map[string]string{"info": `{"sandboxID":"` + podID + `","config":{"linux":{"security_context":{"privileged":true}}}}`}, true, 0},
		{"config is null", map[string]string{"info": `{"sandboxID":"` + podID + `","config":null}`}, false, 0},
		{"none", nil, false, 1},
		{"no JSON", map[string]string{"info": `{"sandboxID":`}, false, 1},
		{"another type", map[string]string{"info": `{"sandboxID":7}`}, false, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := critest.New(t)
			web(s)
			s.Lie(webID, func(r *runtime.ContainerStatusResponse) { r.Info = tt.info })
			c, cuts := connect(t, s)
			got, err := c.Status(t.Context(), webID)
			if err != nil {
				t.Fatal(err)
			}
			if got.Privileged != tt.privileged || cuts.NoInfo.Load() != tt.noInfo {
				t.Errorf("privileged %v, NoInfo %d; want %v, %d", got.Privileged, cuts.NoInfo.Load(), tt.privileged, tt.noInfo)
			}
			// Where the verbose part does not name the sandbox, the list does.
			if diff := cmp.Diff(wantPod, got.Pod); diff != "" {
				t.Errorf("pod (-want +got):\n%s", diff)
			}
		})
	}
}

func TestStatusWithoutSandbox(t *testing.T) {
	s := critest.New(t)
	web(s)
	s.Remove(podID)
	c, cuts := connect(t, s)
	got, err := c.Status(t.Context(), webID)
	if err != nil {
		t.Fatal(err)
	}
	want := &event.Pod{Name: wantPod.Name, Namespace: wantPod.Namespace, UID: wantPod.UID, SandboxID: podID}
	if diff := cmp.Diff(want, got.Pod); diff != "" || cuts.NoPod.Load() != 1 {
		t.Errorf("NoPod %d, pod (-want +got):\n%s", cuts.NoPod.Load(), diff)
	}
}

func TestStatusOfLies(t *testing.T) {
	mib := strings.Repeat("x", 1<<20)
	tests := []struct {
		name string
		lie  func(*runtime.ContainerStatusResponse)
		want error
	}{
		{"another container's id", func(r *runtime.ContainerStatusResponse) { r.Status.Id = podID }, cri.ErrRefused},
		{"no id", func(r *runtime.ContainerStatusResponse) { r.Status.Id = "" }, cri.ErrRefused},
		{"no status", func(r *runtime.ContainerStatusResponse) { r.Status = nil }, cri.ErrRefused},
		{"a name of a megabyte", func(r *runtime.ContainerStatusResponse) { r.Status.Metadata.Name = mib }, cri.ErrRefused},
		{"an image of a megabyte", func(r *runtime.ContainerStatusResponse) { r.Status.Image.Image = mib }, cri.ErrRefused},
		{"an answer larger than any", func(r *runtime.ContainerStatusResponse) { r.Status.Message = strings.Repeat(mib, 17) }, cri.ErrRuntime},
		{"text that is not UTF-8", func(r *runtime.ContainerStatusResponse) {
			// Field 1 of ContainerMetadata is its name.
			raw := protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), []byte("\xff\xfe"))
			r.Status.Metadata.ProtoReflect().SetUnknown(raw)
		}, cri.ErrRuntime},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := critest.New(t)
			web(s)
			s.Lie(webID, tt.lie)
			c, _ := connect(t, s)
			if got, err := c.Status(t.Context(), webID); !errors.Is(err, tt.want) || got != nil && err == nil {
				t.Errorf("Status() = %v, %v; want %v", got, err, tt.want)
			} else if len(err.Error()) > 600 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

func TestStatusRefusesAnotherSandbox(t *testing.T) {
	s := critest.New(t)
	web(s)
	s.LieOfPod(podID, func(r *runtime.PodSandboxStatusResponse) { r.Status.Id = webID })
	c, _ := connect(t, s)
	for _, id := range []string{webID, podID} {
		if _, err := c.Status(t.Context(), id); !errors.Is(err, cri.ErrRefused) {
			t.Errorf("Status(%s): %v, want %v", id, err, cri.ErrRefused)
		}
	}
}

func TestStatusBoundsLabelsAndMounts(t *testing.T) {
	s := critest.New(t)
	web(s)
	s.Lie(webID, func(r *runtime.ContainerStatusResponse) {
		r.Status.Labels = map[string]string{
			"long":                   strings.Repeat("v", 101),
			"fits":                   strings.Repeat("v", 100),
			"huge":                   strings.Repeat("v", 1<<20),
			strings.Repeat("k", 318): "v",
		}
		for i := range 200 {
			r.Status.Labels[fmt.Sprintf("n%03d", i)] = "v"
		}
		r.Status.Mounts = []*runtime.Mount{{HostPath: strings.Repeat("/p", 3000), ContainerPath: "/x"}}
		for i := range 1100 {
			r.Status.Mounts = append(r.Status.Mounts, &runtime.Mount{HostPath: fmt.Sprintf("/h%d", i), ContainerPath: "/c"})
		}
	})
	c, cuts := connect(t, s)
	got, err := c.Status(t.Context(), webID)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Labels) != 128 || len(got.Labels["fits"]) != 100 || got.Labels["n126"] != "v" || got.Labels["n127"] != "" {
		t.Errorf("kept %d labels: %v", len(got.Labels), got.Labels)
	}
	if n := cuts.Labels.Load(); n != 204-128 {
		t.Errorf("%d labels counted as cut, want %d", n, 204-128)
	}
	if len(got.Mounts) != 1024 || cuts.Mounts.Load() != 77 || got.Mounts[0].Source != "/h0" {
		t.Errorf("kept %d mounts, cut %d, first %q", len(got.Mounts), cuts.Mounts.Load(), got.Mounts[0].Source)
	}
}

func TestStatusErrors(t *testing.T) {
	tests := []struct {
		name  string
		fault func(*critest.Server)
		want  error
	}{
		{"unknown id", func(s *critest.Server) { s.Remove(webID) }, cri.ErrNotFound},
		{"hang", (*critest.Server).Hang, cri.ErrTimeout},
		{"gone", (*critest.Server).Stop, cri.ErrUnavailable},
		{"another service", func(s *critest.Server) { s.Fail(status.Error(codes.Unimplemented, "unknown service")) }, cri.ErrUnsupported},
		{"its own error", func(s *critest.Server) { s.Fail(status.Error(codes.Internal, strings.Repeat("\x1b[31m\n", 1000))) }, cri.ErrRuntime},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := critest.New(t)
			web(s)
			c, _ := connect(t, s)
			tt.fault(s)
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			_, err := c.Status(ctx, webID)
			if !errors.Is(err, tt.want) {
				t.Fatalf("Status: %v, want %v", err, tt.want)
			}
			if text := err.Error(); len(text) > 600 || strings.ContainsAny(text, "\x1b\n") {
				t.Errorf("the runtime's text is not bounded or not escaped: %q", text)
			}
		})
	}
}

func TestRunning(t *testing.T) {
	s := critest.New(t)
	web(s)
	ended, oldPod := critest.ID("ended"), critest.ID("old")
	s.AddContainer(critest.Container{ID: ended})
	s.Lie(ended, func(r *runtime.ContainerStatusResponse) { r.Status.State = runtime.ContainerState_CONTAINER_EXITED })
	s.AddPod(critest.Pod{ID: oldPod})
	s.LieOfPod(oldPod, func(r *runtime.PodSandboxStatusResponse) { r.Status.State = runtime.PodSandboxState_SANDBOX_NOTREADY })
	c, _ := connect(t, s)
	got, err := c.Running(t.Context())
	if diff := cmp.Diff([]string{podID, webID}, got); diff != "" || err != nil {
		t.Errorf("Running: %v (-want +got):\n%s", err, diff)
	}
}

func TestWatch(t *testing.T) {
	s := critest.New(t)
	c, _ := connect(t, s)
	type news struct {
		id    string
		ended bool
	}
	got := make(chan news, 8)
	done := make(chan error, 1)
	go func() { done <- c.Watch(t.Context(), func(id string, ended bool) { got <- news{id, ended} }) }()
	for s.Watchers() == 0 {
		time.Sleep(time.Millisecond)
	}
	web(s)
	s.Remove(webID)
	for _, want := range []news{{podID, false}, {webID, false}, {webID, true}} {
		if n := <-got; n != want {
			t.Errorf("got %v, want %v", n, want)
		}
	}
	lost := make(chan struct{})
	go func() { c.Wait(t.Context()); close(lost) }()
	s.Stop()
	<-lost
	if err := <-done; !errors.Is(err, cri.ErrUnavailable) {
		t.Errorf("Watch: %v, want %v", err, cri.ErrUnavailable)
	}
}

// gRPC may hand over the first answer before it calls the connection ready: that is no loss.
func TestWaitAfterFirstAnswer(t *testing.T) {
	s := critest.New(t)
	for range 100 {
		c, err := cri.Dial(s.Socket(), new(cri.Cuts))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Version(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		if c.Wait(ctx); ctx.Err() == nil {
			t.Error("the connection was taken for lost")
		}
		cancel()
		c.Close()
	}
}

func TestDialWithoutSocket(t *testing.T) {
	c, err := cri.Dial("/nonexistent/cri.sock", new(cri.Cuts))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Version(t.Context()); !errors.Is(err, cri.ErrUnavailable) {
		t.Errorf("Version: %v, want %v", err, cri.ErrUnavailable)
	}
}
