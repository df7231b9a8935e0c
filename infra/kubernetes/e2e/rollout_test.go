package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// overlay is what this machine needs other than a deployment: scripts/rollout renders it as any overlay of a user's.
const overlay = `# Where this differs from a deployment:
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: tiercel
resources: [%s]
configMapGenerator:
  - name: tiercel-sensor
    behavior: merge
    literals:
      - PUBSUB_EMULATOR_HOST=%s # the embedded cloud's Pub/Sub, in place of Google's
  - name: tiercel-rules # as anybody with rules of their own has it
    behavior: merge
    files: [rules.yaml]
patches:
  - target: {kind: DaemonSet}
    patch: | # the runtime's socket is in a folder of its own, so that this machine may have another runtime
      - {op: test, path: /spec/template/spec/volumes/1/name, value: containerd}
      - {op: replace, path: /spec/template/spec/volumes/1/hostPath/path, value: %s}
`

// gcloud plays what scripts/rollout asks of it: credentials of the build's account, and the bucket that keeps what was well.
const gcloud = `#!/bin/sh
set -e
case "$1 $2" in
"container clusters") cp "$E2E_CREDENTIALS" "$KUBECONFIG" ;;
"storage cp") case $3 in gs://*) cp "$E2E_BUCKET/${3##*/}" "$4" ;; *) cp "$3" "$E2E_BUCKET/${4##*/}" ;; esac ;;
*) echo "gcloud $*: not played" >&2; exit 1 ;;
esac
`

// tiercel is the command, which looks at the embedded cloud in Google's place.
const tiercel = `#!/bin/sh
exec "$E2E_TIERCEL" "$@" --local "$E2E_CALLS"
`

// minute is how long scripts/rollout waits between two looks, which are of clusters where more is to happen in it.
const minute = `#!/bin/sh
exec /bin/sleep 2
`

// versions are what the images say that they are, and many is how often heartbeats of one are looked for.
var versions = [...]string{"v0.0.1", "v0.0.2"}

const many = 300

// kubectl waits less long where a roll-out gets stuck on purpose.
const kubectl = `#!/bin/bash
exec "$E2E_KUBECTL" "${@/#20m/${E2E_STUCK:-20m}}"
`

// prepare writes what scripts/rollout finds beside it.
func (w *world) prepare(t *testing.T) {
	t.Helper()
	base, err := filepath.Rel(w.overlay(), filepath.Join(w.project, "infra/kubernetes/sensor/base"))
	if err != nil {
		t.Fatal(err)
	}
	rules, err := os.ReadFile(filepath.Join(w.project, "infra/kubernetes/sensor/base/rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"bin/gcloud": gcloud, "bin/tiercel": tiercel, "bin/sleep": minute, "bin/kubectl": kubectl, "bucket/.keep": "", "overlay/rules.yaml": string(rules),
		"overlay/kustomization.yaml": fmt.Sprintf(overlay, base, os.Getenv(gateEnv), os.Getenv(criEnv)),
	} {
		path := filepath.Join(w.work, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *world) overlay() string { return filepath.Join(w.work, "overlay") }

// rollout is scripts/rollout as a build runs it, with the rights that scripts/bootstrap gave the build. Heartbeats must say a version
// within a number of looks.
func (w *world) rollout(t *testing.T, image, version string, looks int, settings ...string) (string, error) {
	t.Helper()
	commands := make(map[string]string)
	for _, name := range []string{"tiercel", "kubectl"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Fatal(err)
		}
		commands[name] = path
	}
	from, err := filepath.Rel(filepath.Join(w.project, "infra/kubernetes/sensor"), w.overlay())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience) // for pods, and for heartbeats
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(w.project, "scripts/rollout"), image)
	cmd.Env = append(append(os.Environ(), settings...),
		"PATH="+filepath.Join(w.work, "bin")+":"+os.Getenv("PATH"), "PROJECT_ID=local", "WAVES="+cluster, "OVERLAY="+from,
		"BUILD_DIR="+filepath.Join(w.work, "build"), "VERSION="+version, fmt.Sprint("PATIENCE=", looks), "E2E_CREDENTIALS="+filepath.Join(w.dir, builder+".conf"),
		"E2E_BUCKET="+filepath.Join(w.work, "bucket"), "E2E_TIERCEL="+commands["tiercel"], "E2E_KUBECTL="+commands["kubectl"], "E2E_CALLS="+w.cloud.Calls())
	cmd.WaitDelay = time.Second // what it started may hold its output
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// rights are what scripts/bootstrap applies in a cluster, and what IAM grants the enriching function on GKE.
func (w *world) rights(t *testing.T) {
	t.Helper()
	for _, file := range []string{"rollout.yaml", "audit.yaml", "tokens.yaml"} {
		text, err := os.ReadFile(filepath.Join(w.project, "infra/kubernetes", file))
		if err != nil {
			t.Fatal(err)
		}
		w.apply(t, strings.ReplaceAll(string(text), "PROJECT_ID", "local"), "apply", "-f", "-")
	}
	for _, args := range [][]string{
		{"clusterrole", "tiercel-enrich", "--verb=get,list", "--resource=" +
			"nodes,pods,services,replicasets.apps,deployments.apps,statefulsets.apps,daemonsets.apps,jobs.batch,cronjobs.batch"},
		{"clusterrolebinding", "tiercel-enrich", "--clusterrole=tiercel-enrich", "--user=" + enricher},
	} {
		w.apply(t, w.kubectl(t, append([]string{"create", "--dry-run=client", "-o", "yaml"}, args...)...), "apply", "-f", "-")
	}
}

func rollOut(t *testing.T, w *world) {
	result("%s", strings.TrimSpace(w.kubectl(t, "get", "nodes", "-o", "custom-columns="+
		"NODE:.metadata.name,KUBELET:.status.nodeInfo.kubeletVersion,RUNTIME:.status.nodeInfo.containerRuntimeVersion,KERNEL:.status.nodeInfo.kernelVersion", "--no-headers")))
	w.rights(t)
	out, err := w.rollout(t, w.images[0], versions[0], many)
	if err != nil {
		t.Fatalf("scripts/rollout: %v\n%s", err, out)
	}
	for line := range strings.Lines(out) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "rollout:") || strings.HasPrefix(line, "OK ") && strings.Contains(line, cluster) {
			result("%s", line)
		}
	}
	if got := w.kubectl(t, "-n", sensors, "get", "daemonset", "tiercel-sensor", "-o", "jsonpath={.spec.template.spec.containers[0].image} {.status.numberReady}"); got != w.images[0]+" 1" {
		t.Fatalf("the DaemonSet has %s, want %s 1", got, w.images[0])
	}
	result("ready by its probes, as %s", w.images[0])
}
