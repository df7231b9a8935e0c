package node

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"tiercel.dev/internal/containerd"
)

// A criTest is a containerd of the test's own.
type criTest struct {
	*containerd.Containerd
	t *testing.T
}

// startContainerd runs the containerd that scripts/e2e built, until the test ends.
func startContainerd(t *testing.T, programs ...containerd.Program) *criTest {
	t.Helper()
	bin := os.Getenv("TIERCEL_CONTAINERD")
	if bin == "" {
		t.Skip("needs a containerd to start: run scripts/e2e, which builds one and sets TIERCEL_CONTAINERD")
	}
	// A socket's path has 107 bytes at most, so it does not stand in the test's folder.
	state, err := os.MkdirTemp("/run", "tiercel-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(state) })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := containerd.Start(ctx, bin, filepath.Join(state, "containerd.sock"), programs...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("containerd said:\n%s", c.Said())
		}
	})
	return &criTest{c, t}
}

func (r *criTest) pod(namespace, name string) containerd.Pod {
	r.t.Helper()
	p, err := r.Pod(r.t.Context(), namespace, name)
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

// container starts a container in a pod and returns its id.
func (r *criTest) container(pod containerd.Pod, name string, tty bool, command ...string) string {
	r.t.Helper()
	id, err := r.Container(r.t.Context(), pod, name, tty, command...)
	if err != nil {
		r.t.Fatal(err)
	}
	return id
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}
