package node

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"tiercel.dev/alert"
	"tiercel.dev/sensor/container/critest"
)

// TestCgroupOfRunc: what runs in a container that runc made, in a cgroup as a kubelet's pod has it, is of this container and pod. Under
// cgroup v2 runc makes the tree, hands controllers down and attaches a program for devices, as on a node.
func TestCgroupOfRunc(t *testing.T) {
	lacks := t.Skipf
	if os.Getenv("TIERCEL_REQUIRE_RUNC") != "" {
		lacks = t.Fatalf
	}
	if _, err := exec.LookPath("runc"); err != nil {
		lacks("needs runc, of Debian's package of that name; scripts/kernels takes it along where this machine's runs: %v", err)
	}
	root := t.TempDir()
	busybox, err := os.ReadFile("/bin/busybox")
	if err != nil {
		lacks("needs a static busybox, of Debian's busybox-static: %v", err)
	}
	if err := os.MkdirAll(filepath.Join(root, "bin"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sh", "sleep", "true"} {
		if err := os.WriteFile(filepath.Join(root, "bin", name), busybox, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	rules := filepath.Join(root, "rules.yaml")
	write(t, rules, []byte("rules:\n  - {name: ran, condition: 'evt.type == \"execve\" && proc.args.contains(\"tiercel-runc-\")', output: '{proc.args}', severity: LOW}\n"))

	runtime := critest.New(t)
	uid := strings.ReplaceAll(podUID, "_", "-")
	paths := map[string]string{
		"systemd":  "kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + podUID + ".slice/cri-containerd-" + critest.ID("systemd") + ".scope",
		"cgroupfs": "kubepods/besteffort/pod" + uid + "/" + critest.ID("cgroupfs"),
	}
	w := startSensor(t, func(c *Config) {
		c.Rules, c.Container.Sockets = Rules{Paths: []string{rules}}, []string{runtime.Socket()}
	})
	for name, path := range paths {
		pod := critest.ID("pod of " + name)
		runtime.AddPod(critest.Pod{ID: pod, Name: "web-" + name, Namespace: "shop", UID: uid})
		runtime.AddContainer(critest.Container{ID: critest.ID(name), Pod: pod, Name: "app"})
		runContainer(t, root, "/tiercel-runc/"+path, "while /bin/true tiercel-runc-"+name+"; do sleep 0.2; done")
	}
	for name := range paths {
		var got *alert.Alert
		w.until("an alert with the pod of the container", func() bool {
			for _, got = range w.of("ran") {
				if strings.Contains(got.GetOutput(), "tiercel-runc-"+name) && got.GetPod() != nil {
					return true
				}
			}
			return false
		})
		if c, p := got.GetContainer(), got.GetPod(); c.GetId() != critest.ID(name) || c.GetName() != "app" || p.GetNamespace() != "shop" || p.GetName() != "web-"+name || p.GetUid() != uid {
			t.Errorf("%s: container %v, pod %v", name, c, p)
		}
	}
	w.end()
}

// runContainer has a shell run a command in a container by runc until the test ends.
func runContainer(t *testing.T, root, cgroup, command string) {
	t.Helper()
	bundle := t.TempDir()
	config, err := json.Marshal(map[string]any{
		"ociVersion": "1.0.2",
		"process":    map[string]any{"args": []string{"/bin/sh", "-c", command}, "cwd": "/", "env": []string{"PATH=/bin"}},
		"root":       map[string]any{"path": root, "readonly": true},
		"mounts":     []map[string]any{{"destination": "/proc", "type": "proc", "source": "proc"}},
		"linux": map[string]any{
			"cgroupsPath": cgroup, "namespaces": []map[string]string{{"type": "pid"}, {"type": "mount"}, {"type": "cgroup"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(root, "proc"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(bundle, "config.json"), config)
	id, state := "tiercel-"+filepath.Base(cgroup), filepath.Join(bundle, "state")
	// A machine that was booted from memory has no root that could be changed for another.
	cmd := exec.Command("runc", "--root", state, "run", "--no-pivot", "--bundle", bundle, id)
	var said lockedBuffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if out, err := exec.CommandContext(context.Background(), "runc", "--root", state, "delete", "--force", id).CombinedOutput(); err != nil {
			t.Errorf("runc delete: %v: %s", err, out)
		}
		_ = cmd.Wait() // it was killed
		if t.Failed() {
			t.Logf("runc said: %s", said.String())
		}
		roots, _ := filepath.Glob("/sys/fs/cgroup/*") // the hierarchies of v1; the pattern is a good one
		for _, root := range append(roots, "/sys/fs/cgroup") {
			removeEmpty(root, filepath.Join(root, cgroup))
		}
	})
}
