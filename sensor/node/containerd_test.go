package node

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const testImage = "registry.test/tools/busybox:1.36"

// A containerd is one of the test's own, with its CRI.
type containerd struct {
	t      *testing.T
	socket string
	cri    cri.RuntimeServiceClient
	bin    string
}

// startContainerd runs the containerd that scripts/e2e built, until the test ends.
func startContainerd(t *testing.T) *containerd {
	t.Helper()
	bin := os.Getenv("TIERCEL_CONTAINERD")
	if bin == "" {
		t.Skip("needs a containerd to start: run scripts/e2e, which builds one and sets TIERCEL_CONTAINERD")
	}
	dir := t.TempDir()
	// A socket's path has 107 bytes at most, so it does not stand in the test's folder.
	state, err := os.MkdirTemp("/run", "tiercel-e2e-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(state) })
	r := &containerd{t: t, bin: bin, socket: filepath.Join(state, "containerd.sock")}
	config := filepath.Join(dir, "containerd.toml")
	cni := filepath.Join(dir, "cni")
	os.MkdirAll(cni, 0o755)
	write(t, filepath.Join(cni, "10-e2e.conflist"), []byte(`{"cniVersion":"0.4.0","name":"e2e","plugins":[{"type":"loopback"}]}`))
	write(t, config, fmt.Appendf(nil, `version = 3
root = %q
state = %q
[grpc]
  address = %q
[plugins.'io.containerd.cri.v1.images']
  snapshotter = "native"
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = %q
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["/usr/lib/cni"]
    conf_dir = %q
`, filepath.Join(dir, "root"), state, r.socket, testImage, cni))

	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(filepath.Join(bin, "containerd"), "-c", config)
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
		if t.Failed() {
			text, _ := os.ReadFile(log.Name())
			t.Logf("containerd said:\n%s", text[max(0, len(text)-4096):])
		}
	})
	r.await()
	archive := filepath.Join(dir, "image.tar")
	write(t, archive, busyboxImage(t))
	r.run(filepath.Join(bin, "ctr"), "-a", r.socket, "-n", "k8s.io", "images", "import", archive)
	return r
}

func (r *containerd) await() {
	r.t.Helper()
	conn, err := grpc.NewClient("unix://"+r.socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	r.cri = cri.NewRuntimeServiceClient(conn)
	for deadline := time.Now().Add(patience); ; time.Sleep(100 * time.Millisecond) {
		if _, err = r.cri.Version(r.t.Context(), &cri.VersionRequest{}); err == nil {
			return
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("containerd's CRI on %s: %v", r.socket, err)
		}
	}
}

func (r *containerd) run(name string, args ...string) {
	r.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		r.t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
}

// pod makes a pod on the host's network, as a kubelet labels one, and returns its id.
func (r *containerd) pod(namespace, name string) (string, *cri.PodSandboxConfig) {
	r.t.Helper()
	config := &cri.PodSandboxConfig{
		Metadata:     &cri.PodSandboxMetadata{Name: name, Namespace: namespace, Uid: "6f1c1b52-0001-4b8e-9d5e-0123456789ab"},
		LogDirectory: r.t.TempDir(),
		Labels: map[string]string{
			"io.kubernetes.pod.name": name, "io.kubernetes.pod.namespace": namespace, "app": "web",
			"pod-template-hash": "5d4f8c7b9",
		},
		Linux: &cri.LinuxPodSandboxConfig{
			CgroupParent: "/kubepods/besteffort/pod6f1c1b52-0001-4b8e-9d5e-0123456789ab",
			SecurityContext: &cri.LinuxSandboxSecurityContext{
				NamespaceOptions: &cri.NamespaceOption{Network: cri.NamespaceMode_NODE, Pid: cri.NamespaceMode_CONTAINER},
			},
		},
	}
	answer, err := r.cri.RunPodSandbox(r.t.Context(), &cri.RunPodSandboxRequest{Config: config})
	if err != nil {
		r.t.Fatalf("run pod sandbox: %v", err)
	}
	r.t.Cleanup(func() {
		r.cri.StopPodSandbox(context.Background(), &cri.StopPodSandboxRequest{PodSandboxId: answer.PodSandboxId})
		r.cri.RemovePodSandbox(context.Background(), &cri.RemovePodSandboxRequest{PodSandboxId: answer.PodSandboxId})
	})
	return answer.PodSandboxId, config
}

// container starts a container in a pod and returns its id.
func (r *containerd) container(pod string, config *cri.PodSandboxConfig, name string, tty bool, command ...string) string {
	r.t.Helper()
	made, err := r.cri.CreateContainer(r.t.Context(), &cri.CreateContainerRequest{
		PodSandboxId: pod, SandboxConfig: config,
		Config: &cri.ContainerConfig{
			Metadata: &cri.ContainerMetadata{Name: name},
			Image:    &cri.ImageSpec{Image: testImage},
			Command:  command, Tty: tty, Stdin: tty, LogPath: name + ".log",
			Labels: map[string]string{"io.kubernetes.container.name": name},
			Linux: &cri.LinuxContainerConfig{SecurityContext: &cri.LinuxContainerSecurityContext{
				NamespaceOptions: config.Linux.SecurityContext.NamespaceOptions,
			}},
		},
	})
	if err != nil {
		r.t.Fatalf("create container %s: %v", name, err)
	}
	r.t.Cleanup(func() {
		r.cri.StopContainer(context.Background(), &cri.StopContainerRequest{ContainerId: made.ContainerId})
		r.cri.RemoveContainer(context.Background(), &cri.RemoveContainerRequest{ContainerId: made.ContainerId})
	})
	if _, err := r.cri.StartContainer(r.t.Context(), &cri.StartContainerRequest{ContainerId: made.ContainerId}); err != nil {
		r.t.Fatalf("start container %s: %v", name, err)
	}
	return made.ContainerId
}

// stop ends a container.
func (r *containerd) stop(id string) {
	r.t.Helper()
	if _, err := r.cri.StopContainer(r.t.Context(), &cri.StopContainerRequest{ContainerId: id}); err != nil {
		r.t.Fatalf("stop container: %v", err)
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// busyboxImage is a container image, as the archive that `ctr images import` reads: the machine's own static busybox.
func busyboxImage(t *testing.T) []byte {
	t.Helper()
	binary, err := os.ReadFile("/bin/busybox")
	if err != nil {
		t.Fatalf("a static busybox is the image's only program: %v", err)
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	add := func(h tar.Header, data []byte) {
		h.Size = int64(len(data))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		w.Write(data)
	}
	for _, dir := range []string{"bin/", "etc/", "tmp/"} {
		add(tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: 0o755}, nil)
	}
	add(tar.Header{Typeflag: tar.TypeReg, Name: "bin/busybox", Mode: 0o755}, binary)
	for _, name := range []string{"sh", "sleep", "nc", "cat", "true"} {
		add(tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + name, Linkname: "busybox"}, nil)
	}
	add(tar.Header{Typeflag: tar.TypeReg, Name: "etc/passwd", Mode: 0o644}, []byte("root:x:0:0:root:/:/bin/sh\n"))
	w.Close()

	sum := sha256.Sum256(layer.Bytes())
	config, _ := json.Marshal(map[string]any{
		"architecture": "amd64", "os": "linux",
		"config": map[string]any{"Cmd": []string{"/bin/sleep", "100000"}, "Env": []string{"PATH=/bin"}},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{"sha256:" + hex.EncodeToString(sum[:])}},
	})
	manifest, _ := json.Marshal([]map[string]any{{"Config": "config.json", "RepoTags": []string{testImage}, "Layers": []string{"layer.tar"}}})
	var image bytes.Buffer
	w = tar.NewWriter(&image)
	add(tar.Header{Typeflag: tar.TypeReg, Name: "config.json", Mode: 0o644}, config)
	add(tar.Header{Typeflag: tar.TypeReg, Name: "layer.tar", Mode: 0o644}, layer.Bytes())
	add(tar.Header{Typeflag: tar.TypeReg, Name: "manifest.json", Mode: 0o644}, manifest)
	w.Close()
	return image.Bytes()
}
