package container_test

import (
	"context"
	"testing"
	"time"

	"tiercel.dev/internal/event"
	"tiercel.dev/sensor/container/cri"
)

// testRuntime asserts that each container of a Kubernetes node's runtime has a name, an image and a pod, by the client and
// by the Resolver.
func testRuntime(t *testing.T, socket string) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cuts := new(cri.Cuts)
	c, err := cri.Dial(socket, cuts)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	name, err := c.Version(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ids, err := c.Running(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if len(ids) == 0 {
		t.Fatalf("%s at %s runs no container; start a pod", name, socket)
	}
	r := start(t, socket)
	for _, id := range ids {
		k, err := c.Status(ctx, id)
		if err != nil {
			t.Errorf("%s: %v", id, err)
			continue
		}
		t.Logf("%s %s %q image %+v privileged %v, %d mounts, pod %+v", name, k.ID, k.Name, k.Image, k.Privileged, len(k.Mounts), k.Pod)
		assertFacts(t, k)
		if got := known(t, r, id); got.Name != k.Name {
			t.Errorf("%s: the resolver says %q, the runtime %q", id, got.Name, k.Name)
		}
	}
	if n := cuts.NoInfo.Load() + cuts.NoPod.Load(); n != 0 {
		t.Errorf("%d answers without verbose part or sandbox", n)
	}
}

func assertFacts(t *testing.T, k *event.Container) {
	t.Helper()
	switch p := k.Pod; {
	case k.Name == "" || k.Runtime == "" || k.CreatedAt == 0:
		t.Errorf("%s: name %q, runtime %q, created at %d", k.ID, k.Name, k.Runtime, k.CreatedAt)
	case k.Image.Repository == "":
		t.Errorf("%s: image %+v", k.ID, k.Image)
	case p == nil || p.Name == "" || p.Namespace == "" || p.UID == "" || p.SandboxID == "":
		t.Errorf("%s: pod %+v", k.ID, p)
	}
}
