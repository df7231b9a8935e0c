package container_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	runtime "k8s.io/cri-api/pkg/apis/runtime/v1"

	"tiercel.dev/internal/event"
	"tiercel.dev/sensor/container"
	"tiercel.dev/sensor/container/critest"
)

// These tests speak real gRPC over a real socket, and so run by the real clock: each waits for what must happen at last.
// What must not happen, and when, is tested under a fake clock in lookup_test.go.

const podUID = "0d4c2a5e-8a52-4d6a-9d5e-3c5b9f1f6a01"

var (
	podID = critest.ID("pod")
	webID = critest.ID("web")
)

func start(t *testing.T, sockets ...string) *container.Resolver {
	t.Helper()
	cfg := container.DefaultConfig()
	cfg.Sockets, cfg.ProcRoot, cfg.CgroupRoot = sockets, "", ""
	cfg.HoldFor = time.Minute // a busy machine is no reason to fail
	if err := cfg.Validate(); err != nil {
		t.Fatal(err)
	}
	r := container.New(cfg, slog.New(slog.NewTextHandler(io.Discard, nil)))
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() {
		cancel()
		r.Wait()
	})
	r.Start(ctx)
	return r
}

func addWeb(s *critest.Server) {
	s.AddPod(critest.Pod{ID: podID, Name: "db-0", Namespace: "shop", UID: podUID, Image: "registry.k8s.io/pause:3.10",
		Labels: map[string]string{"statefulset.kubernetes.io/pod-name": "db-0"}})
	s.AddContainer(critest.Container{ID: webID, Pod: podID, Name: "postgres", Image: "docker.io/library/postgres:17", Privileged: true})
}

// attach attaches an event of the container, as the kernel tells of it.
func attach(r *container.Resolver, id string) *event.Event {
	cgroup := uint64(len(id)) + uint64(id[0])<<8 + uint64(id[1])<<16
	ev := &event.Event{
		Kind: event.CgroupPath, Boot: 1, Task: event.Task{CgroupID: cgroup}, Process: new(event.Process),
		Cgroup: event.CgroupFacts{ID: cgroup, Path: "/kubepods/besteffort/pod" + podUID + "/" + id},
	}
	r.Attach(ev)
	ev.Kind = event.Openat
	r.Attach(ev)
	return ev
}

// known waits until the container's metadata is there.
func known(t *testing.T, r *container.Resolver, id string) *event.Container {
	t.Helper()
	await(t, func() bool { return r.Lookup(id).Metadata == event.MetadataComplete })
	return r.Lookup(id)
}

func await(t *testing.T, done func() bool) {
	t.Helper()
	for !done() {
		select {
		case <-t.Context().Done():
			t.Fatal("it did not happen before the test's end")
		case <-time.After(time.Millisecond):
		}
	}
}

func TestSocketListAtStart(t *testing.T) {
	s := critest.New(t)
	addWeb(s)
	r := start(t, s.Socket())
	known(t, r, webID)
	ev := attach(r, webID)
	c := ev.Container
	if r.Pending(ev) || c.Name != "postgres" || c.Image.Repository != "docker.io/library/postgres" || !c.Privileged ||
		c.Pod.Namespace != "shop" || c.Pod.WorkloadKind != "StatefulSet" || c.Pod.WorkloadName != "db" {
		t.Errorf("container %+v, pod %+v", c, c.Pod)
	}
	if pause := known(t, r, podID); pause.Name != "db-0" || pause.Image.Repository != "registry.k8s.io/pause" || pause.Pod.UID != podUID {
		t.Errorf("sandbox %+v, pod %+v", pause, pause.Pod)
	}
}

func TestSocketOnDemand(t *testing.T) {
	s := critest.NewStopped(t)
	s.NoEvents()
	s.Start()
	r := start(t, s.Socket())
	await(t, func() bool { return s.Calls("GetContainerEvents") > 0 }) // and so after the list
	ev := attach(r, webID)
	pause := attach(r, podID)
	if !r.Pending(ev) || !r.Pending(pause) {
		t.Fatal("not waited for")
	}
	addWeb(s)
	for r.Pending(ev) || r.Pending(pause) {
		<-r.Ready()
	}
	if c := r.Lookup(webID); c.Name != "postgres" || c.Pod.Name != "db-0" {
		t.Errorf("container %+v", c)
	}
	if c := r.Lookup(podID); c.Name != "db-0" {
		t.Errorf("sandbox %+v", c)
	}
}

func TestSocketEvents(t *testing.T) {
	s := critest.New(t)
	r := start(t, s.Socket())
	await(t, func() bool { return s.Watchers() == 1 })
	addWeb(s)
	known(t, r, webID)
	if r.Stats().Holds != 0 || r.Stats().RuntimeEvents == 0 {
		t.Errorf("stats %+v", r.Stats())
	}
}

func TestSocketAppearsLater(t *testing.T) {
	s := critest.NewStopped(t)
	addWeb(s)
	r := start(t, "/nonexistent/cri.sock", s.Socket())
	await(t, func() bool { return r.Stats().ConnectErrors >= 2 })
	ev := attach(r, webID)
	await(t, func() bool { return !r.Pending(ev) })
	if ev.Container.ID != webID[:12] || ev.Container.Metadata != event.MetadataMissing {
		t.Errorf("container %+v", ev.Container)
	}
	s.Start()
	known(t, r, webID)
}

func TestSocketHangs(t *testing.T) {
	s := critest.New(t)
	r := start(t, s.Socket())
	await(t, func() bool { return s.Watchers() == 1 })
	s.Hang()
	attach(r, webID)
	await(t, func() bool { return r.Stats().Timeouts > 0 })
	addWeb(s)
	s.Resume()
	known(t, r, webID)
}

func TestSocketLies(t *testing.T) {
	s := critest.New(t)
	addWeb(s)
	s.Lie(webID, func(r *runtime.ContainerStatusResponse) { r.Status.Id = podID })
	r := start(t, s.Socket())
	attach(r, webID)
	await(t, func() bool { return r.Stats().Refused > 0 })
	if c := r.Lookup(webID); c.Metadata != event.MetadataMissing {
		t.Errorf("believed: %+v", c)
	}
	s.Lie(webID, func(r *runtime.ContainerStatusResponse) { r.Status.Id = webID })
	known(t, r, webID)
}

func TestSocketRestarts(t *testing.T) {
	s := critest.New(t)
	r := start(t, s.Socket())
	await(t, func() bool { return s.Watchers() == 1 })
	s.Stop()
	await(t, func() bool { return r.Stats().Disconnects == 1 && r.Stats().Runtimes == 0 })
	addWeb(s)
	s.Start()
	known(t, r, webID)
	if n := r.Stats().Connects; n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}

func TestTwoSockets(t *testing.T) {
	a, b := critest.New(t), critest.New(t)
	addWeb(b)
	r := start(t, a.Socket(), b.Socket())
	known(t, r, webID)
	await(t, func() bool { return r.Stats().Runtimes == 2 })
}

// TestRuntime reads the containers of a real runtime.
func TestRuntime(t *testing.T) {
	socket := os.Getenv("TIERCEL_CRI_SOCKET")
	if socket == "" {
		t.Skip("set TIERCEL_CRI_SOCKET to the path of a container runtime's CRI socket to read its containers")
	}
	testRuntime(t, socket)
}
