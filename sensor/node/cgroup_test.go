package node

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	podUID      = "6f1c1b52_0001_4b8e_9d5e_0123456789ab"
	containerID = "3f1b2c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f708192a3b4c5d6e7f809"
)

// cgroupRoot is where a cgroup for a container would be made on this machine: under v2 the one tree, under v1 memory's.
func cgroupRoot(t *testing.T) string {
	t.Helper()
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		return "/sys/fs/cgroup"
	}
	const v1 = "/sys/fs/cgroup/memory"
	if _, err := os.Stat(v1 + "/cgroup.procs"); err != nil {
		t.Skipf("no cgroup tree to make a container's cgroup in: %v", err)
	}
	return v1
}

// TestCgroupForms: a process in a cgroup as the kubelet's two drivers name it is in that container; one in a lookalike is
// on the host. It runs under cgroup v1 and v2, whichever this kernel has.
func TestCgroupForms(t *testing.T) {
	root := cgroupRoot(t)
	dir := t.TempDir()
	rules := filepath.Join(dir, "rules.yaml")
	write(t, rules, []byte("rules:\n  - {name: ran, condition: 'evt.type == \"execve\" && proc.args.contains(\"tiercel-cgroup-\")', output: '{proc.args}', severity: LOW}\n"))
	w := startSensor(t, func(c *Config) { c.Rules = Rules{Paths: []string{rules}} })
	forms := []struct{ name, path, id string }{
		{"systemd", "kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod" + podUID + ".slice/cri-containerd-" + containerID + ".scope", containerID},
		{"cgroupfs", "kubepods/besteffort/pod" + strings.ReplaceAll(podUID, "_", "-") + "/" + containerID, containerID},
		{"lookalike", "tiercel-test/" + containerID[:32], ""},
	}
	for _, form := range forms {
		runIn(t, root, form.path, "tiercel-cgroup-"+form.name)
	}
	w.end()
	got := map[string]string{}
	for _, a := range w.of("ran") {
		got[strings.TrimPrefix(a.GetOutput(), "0 ")] = a.GetContainer().GetId()
	}
	for _, form := range forms {
		id, ran := got["tiercel-cgroup-"+form.name]
		if !ran || id != form.id {
			t.Errorf("%s: alert %v, container %q, want %q", form.name, ran, id, form.id)
		}
	}
}

// TestLeavesItsContainer: whoever moves out of a container's cgroup, into one that is known to be the host's, is watched as the
// container's all the same, from the next call on.
func TestLeavesItsContainer(t *testing.T) {
	root := cgroupRoot(t)
	dir := t.TempDir()
	rules := filepath.Join(dir, "rules.yaml")
	write(t, rules, []byte(`
rules:
  - {name: known, condition: 'evt.type == "execve" && proc.args.contains("tiercel-known")', output: '{proc.args}', severity: LOW}
  - {name: linked, condition: 'evt.type in ["symlink", "symlinkat"] && container.id != "host" && evt.arg.target.startsWith("tiercel-")', output: '{evt.arg.target}', severity: LOW}
`))
	w := startSensor(t, func(c *Config) { c.Rules = Rules{Paths: []string{rules}} })
	inside := makeCgroup(t, root, "tiercel-pods/pod"+strings.ReplaceAll(podUID, "_", "-")+"/"+containerID)
	outside := makeCgroup(t, root, "tiercel-outside")
	shell(t, `echo $$ > "$0" && exec sleep 0 tiercel-known`, outside)
	w.until("the host's cgroup to be known", func() bool { return len(w.of("known")) > 0 })
	shell(t, `echo $$ > "$0" && exec ln -s tiercel-host "$2/host"`, outside, inside, dir)
	shell(t, `echo $$ > "$1" && echo $$ > "$0" && ln -s tiercel-child "$2/child" && exec ln -s tiercel-self "$2/self"`, outside, inside, dir)
	shell(t, `echo $$ > "$0" && exec ln -s tiercel-host "$2/again"`, outside, inside, dir)
	w.end()
	got := map[string]string{}
	for _, a := range w.of("linked") {
		got[a.GetOutput()] = a.GetContainer().GetId()
	}
	want := map[string]string{"tiercel-child": containerID, "tiercel-self": containerID}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// runIn runs a program in a cgroup of its own, which is removed again.
func runIn(t *testing.T, root, path, arg string) {
	t.Helper()
	// The shell moves itself and then becomes another program, as a runtime's child does.
	shell(t, `echo $$ > "$0" && exec sleep 0 `+arg, makeCgroup(t, root, path))
}

// makeCgroup makes a cgroup, which goes with the test, and returns the file that moves processes there.
func makeCgroup(t *testing.T, root, path string) string {
	t.Helper()
	full := filepath.Join(root, path)
	if err := os.MkdirAll(full, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { removeEmpty(root, full) })
	return filepath.Join(full, "cgroup.procs")
}

func shell(t *testing.T, command string, args ...string) {
	t.Helper()
	cmd := exec.Command("/bin/sh", append([]string{"-c", command}, args...)...)
	cmd.Env = append(os.Environ(), "PATH=/bin:/usr/bin")
	if out, err := cmd.CombinedOutput(); err == nil && len(out) > 0 {
		t.Logf("%s: %s", command, out)
	}
}

// removeEmpty removes a cgroup and those above it as far as they are empty: the tree may be a real kubelet's.
func removeEmpty(root, dir string) {
	for ; dir != root; dir = filepath.Dir(dir) {
		if err := os.Remove(dir); err != nil && !os.IsNotExist(err) {
			return
		}
	}
}
