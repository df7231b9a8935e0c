package e2e

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tiercel.dev/local"
)

// What scripts/e2e-kubernetes tells of the cluster.
const (
	clusterEnv = "TIERCEL_CLUSTER"        // folder that scripts/kubernetes/up was given
	gateEnv    = "TIERCEL_CLUSTER_GATE"   // address of this machine that pods reach
	criEnv     = "TIERCEL_CLUSTER_CRI"    // folder of the runtime's socket
	imagesEnv  = "TIERCEL_CLUSTER_IMAGES" // the sensor's, two versions of it: NAME@DIGEST NAME@DIGEST
	appEnv     = "TIERCEL_CLUSTER_APP"    // the image of what is attacked
)

const (
	builder  = "tiercel-build@local.iam.gserviceaccount.com"
	enricher = "tiercel-enrich@local.iam.gserviceaccount.com"
	sensors  = "tiercel"
	shop     = "shop"
)

// A world is the cluster, the cloud behind it, and what was heard from there.
type world struct {
	t       *testing.T
	dir     string   // of the cluster
	work    string   // of this test
	project string   // folder of the repository
	images  []string // of the sensor, the older first
	cloud   *local.Cloud
	gate    *gate
	heard   *heard
}

func newWorld(t *testing.T) *world {
	dir := os.Getenv(clusterEnv)
	if dir == "" {
		t.Skip("needs a Kubernetes: run scripts/e2e-kubernetes, which starts one")
	}
	project, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, dir: dir, work: t.TempDir(), project: project, images: strings.Fields(os.Getenv(imagesEnv))}
	if len(w.images) != 2 {
		t.Fatalf("%s names %d images, not 2", imagesEnv, len(w.images))
	}
	ca, err := os.ReadFile(filepath.Join(dir, "pki/apiserver.crt"))
	if err != nil {
		t.Fatal(err)
	}
	address := strings.TrimPrefix(w.kubectl(t, "config", "view", "-o", "jsonpath={.clusters[0].cluster.server}"), "https://")
	log, err := os.Create(filepath.Join(dir, "cloud.log"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	w.cloud, err = local.Start(local.Config{
		ControlPlane: &local.ControlPlane{Address: address, CA: ca, Token: w.token(enricher)},
		Log:          slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.cloud.Close(); err != nil {
			t.Error(err)
		}
	})
	w.prepare(t)
	w.gate = newGate(t, os.Getenv(gateEnv), w.cloud.Address())
	w.heard = listen(t, w.cloud)
	return w
}

// token is that of a user whom scripts/kubernetes/up was told of.
func (w *world) token(user string) string {
	text, err := os.ReadFile(filepath.Join(w.dir, "tokens"))
	if err != nil {
		w.t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Split(line, ","); len(f) > 1 && f[1] == user {
			return f[0]
		}
	}
	w.t.Fatalf("no user %s", user)
	return ""
}

// try runs kubectl as a member of system:masters.
func (w *world) try(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "kubectl", args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(w.dir, "admin.conf"))
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, exit.Stderr)
	}
	return string(out), err
}

func (w *world) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	return w.apply(t, "", args...)
}

// apply is kubectl with a manifest as its input.
func (w *world) apply(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	out, err := w.try(t.Context(), stdin, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// patience is long on purpose: the machine may be busy.
const patience = 15 * time.Minute

// eventually waits until something is so; what is not yet is the error.
func eventually(t *testing.T, what string, is func() error) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(200 * time.Millisecond) {
		err := is()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// explain prints what helps to see why a step failed.
func (w *world) explain() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for _, args := range [][]string{
		{"get", "pods", "-A", "-o", "wide"}, {"-n", sensors, "logs", "daemonset/tiercel-sensor", "--tail=30"},
		{"-n", sensors, "get", "events", "--sort-by=.lastTimestamp"},
	} {
		out, err := w.try(ctx, "", args...)
		fmt.Printf("--- kubectl %s\n%s\n", strings.Join(args, " "), out)
		if err != nil {
			fmt.Println(err)
		}
	}
	if text, err := os.ReadFile(filepath.Join(w.dir, "cloud.log")); err == nil {
		fmt.Printf("--- the embedded cloud\n%s\n", text[max(0, len(text)-4096):])
	}
}
