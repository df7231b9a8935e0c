package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	core "k8s.io/api/core/v1"

	"tiercel.dev/alert"
)

// confined looks at the sensor's process as the kernel has it, whatever the manifest says.
func confined(t *testing.T, w *world) {
	pid := w.process(w.sensor(t))
	read := func(name string) string {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	status := read("status")
	caps := uint64(1<<unix.CAP_BPF | 1<<unix.CAP_PERFMON | 1<<unix.CAP_SYS_PTRACE)
	for field, want := range map[string]string{
		"CapEff": fmt.Sprintf("%016x", caps), "CapBnd": fmt.Sprintf("%016x", caps), "NoNewPrivs": "1",
		"Seccomp": "2", // a filter: the runtime's default
	} {
		_, rest, _ := strings.Cut(status, "\n"+field+":\t")
		got, _, _ := strings.Cut(rest, "\n")
		if got != want {
			t.Errorf("%s is %s, want %s", field, got, want)
		}
	}
	w.spared(t, pid)
	var writable []string
	for line := range strings.Lines(read("mountinfo")) {
		f := strings.Fields(line)
		kind := f[slices.Index(f, "-")+1]
		if strings.Contains(f[4], "serviceaccount") {
			t.Errorf("a token is mounted: %s", line)
		}
		if slices.Contains(strings.Split(f[5], ","), "rw") && !slices.Contains([]string{"proc", "devpts", "mqueue"}, kind) {
			writable = append(writable, f[4])
		}
	}
	slices.Sort(writable)
	// What a runtime gives each container (below /proc it lies over what is hidden), and the spool.
	for _, path := range writable {
		if !strings.HasPrefix(path, "/proc/") && !slices.Contains([]string{"/dev", "/dev/shm", "/dev/termination-log", "/etc/hosts", "/sys/fs/cgroup", "/var/lib/tiercel"}, path) {
			t.Errorf("%s may be written", path)
		}
	}
	result("capabilities %016x and no others, no new privileges, seccomp's filter on, root read-only, no token", caps)
	result("may be written: %s", strings.Join(writable, " "))
}

// spared holds the sensor to be among the last that the kernel kills for memory, long after an ordinary pod. How low it is on GKE, −997, not
// every machine's root may have it be: it is no higher than what this test runs as.
func (w *world) spared(t *testing.T, pid int) {
	score := func(pid int) int {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/oom_score_adj", pid))
		if err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if got, most := score(pid), score(os.Getpid()); got > most {
		t.Errorf("the kernel kills it early: oom_score_adj is %d, not at most %d", got, most)
	} else {
		result("of priority %s, oom_score_adj %d, so the kernel kills it late", w.sensor(t).Spec.PriorityClassName, got)
	}
	_, err := w.try(t.Context(), critical, "create", "--dry-run=server", "-f", "-")
	if err == nil || !strings.Contains(err.Error(), "insufficient quota") {
		t.Errorf("a pod of its priority may be anywhere: %v", err)
	}
}

// critical is a pod of the sensor's priority in a namespace without a quota for such.
const critical = `apiVersion: v1
kind: Pod
metadata: {name: critical, namespace: default}
spec:
  priorityClassName: system-node-critical
  containers: [{name: app, image: app}]
`

// withoutCapability takes one from the DaemonSet as a careless change would.
func (w *world) withoutCapability(t *testing.T, all []core.Capability, name core.Capability) {
	t.Helper()
	rest := slices.DeleteFunc(slices.Clone(all), func(c core.Capability) bool { return c == name })
	patch, err := json.Marshal([]map[string]any{{"op": "replace", "path": "/spec/template/spec/containers/0/securityContext/capabilities/add", "value": rest}})
	if err != nil {
		t.Fatal(err)
	}
	w.kubectl(t, "-n", sensors, "patch", "daemonset", "tiercel-sensor", "--type=json", "-p", string(patch))
}

// careless rolls out what lacks a capability, as a deployment with an overlay of its own might: the build's log says what lacks and what to
// do, and the cluster has again what it had.
func (w *world) careless(t *testing.T) {
	path := filepath.Join(w.overlay(), "kustomization.yaml")
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const patch = `
      - {op: test, path: /spec/template/spec/containers/0/securityContext/capabilities/add/0, value: BPF}
      - {op: remove, path: /spec/template/spec/containers/0/securityContext/capabilities/add/0}
`
	if err := os.WriteFile(path, append(bytes.TrimSpace(good), patch...), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := w.rollout(t, w.images[1], versions[1], 1, "E2E_STUCK=2m")
	if err == nil {
		t.Fatalf("rolled out without CAP_BPF: %s", out)
	}
	if err := os.WriteFile(path, good, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"ended with exit code 3: \"sensor: the kernel cannot be watched from here: missing CAP_BPF:", "has the image and the rules again that it had"} {
		i := strings.Index(out, want)
		if i < 0 {
			t.Fatalf("the roll-out does not say %q: %s", want, out)
		}
		line := out[strings.LastIndex(out[:i], "\n")+1:]
		result("%s", line[:strings.IndexByte(line, '\n')])
	}
	w.sensor(t)
}

// capabilities takes each away once. Without those of BPF the sensor ends, and says which it lacks; without SYS_PTRACE it says so, and
// shows that it is needed: of a process that began before it, the executable is not known.
func capabilities(t *testing.T, w *world) {
	w.careless(t)
	all := w.sensor(t).Spec.Containers[0].SecurityContext.Capabilities.Add
	for _, c := range all {
		if c == "SYS_PTRACE" {
			continue
		}
		w.withoutCapability(t, all, c)
		message := ""
		eventually(t, "the sensor ends without "+string(c), func() error {
			pods, err := w.pods(t.Context())
			if err != nil {
				return err
			}
			for _, p := range pods {
				for _, s := range p.Status.ContainerStatuses {
					for _, ended := range []*core.ContainerStateTerminated{s.State.Terminated, s.LastTerminationState.Terminated} {
						if ended != nil && strings.Contains(ended.Message, "missing CAP_"+string(c)+":") {
							message = fmt.Sprintf("exit code %d: %s", ended.ExitCode, strings.TrimSpace(ended.Message))
							return nil
						}
					}
				}
			}
			return fmt.Errorf("not yet")
		})
		result("without %s: %s", c, message)
	}
	for _, with := range []bool{false, true} {
		if with {
			w.withoutCapability(t, all, "")
		} else {
			w.withoutCapability(t, all, "SYS_PTRACE")
		}
		w.kubectl(t, "-n", sensors, "rollout", "status", "daemonset/tiercel-sensor", "--timeout="+patience.String())
		p := w.sensor(t)
		name := fmt.Sprint("ptrace-", with, "-", p.Name)
		eventually(t, "an alert", w.tick(t, name))
		a := w.heard.alerts("shop_tick", func(a *alert.Alert) bool { return strings.HasSuffix(a.GetOutput(), " tick-"+name) })[0]
		shim := a.GetAncestors()[slices.IndexFunc(a.GetAncestors(), func(p *alert.Process) bool { return p.GetName() == "containerd-shim" })]
		log := w.kubectl(t, "-n", sensors, "logs", p.Name)
		if named := strings.Contains(log, "missing CAP_SYS_PTRACE: "); named == with {
			t.Errorf("SYS_PTRACE %t: the log names it: %t: %s", with, named, log)
		}
		if known := shim.GetExePath() != ""; known != with {
			t.Errorf("SYS_PTRACE %t: the executable of a process from before is %q", with, shim.GetExePath())
		}
		if with {
			result("with SYS_PTRACE: a process from before the sensor is %s", shim.GetExePath())
		} else {
			_, said, _ := strings.Cut(log, "missing CAP_SYS_PTRACE")
			said, _, _ = strings.Cut(said, `"`)
			result("without SYS_PTRACE: the log says: missing CAP_SYS_PTRACE%s; and of a process from before the sensor the executable is not known", said)
		}
	}
}
