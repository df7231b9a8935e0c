package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	sccpb "cloud.google.com/go/securitycenter/apiv2/securitycenterpb"

	"tiercel.dev/alert"
)

// workload is what is attacked: a Deployment behind a Service.
const workload = `apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - name: app
          image: IMAGE
          imagePullPolicy: Never
          command: [/bin/sleep, "2147483647"]
---
apiVersion: v1
kind: Service
metadata: {name: front, namespace: shop}
spec:
  selector: {app: web}
  ports: [{port: 80}]
`

// exec runs a shell's command in the attacked pod; whether it does well is not the point.
func (w *world) exec(t *testing.T, command string) string {
	t.Helper()
	out, err := w.try(t.Context(), "", "-n", shop, "exec", "deployment/web", "--", "/bin/sh", "-c", command)
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out
}

// terminal runs a command in the attacked pod by a shell with a terminal, as a person does.
func (w *world) terminal(t *testing.T, command string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "script", "-qec", "kubectl -n shop exec -it deployment/web -- /bin/sh -c '"+command+"'", "/dev/null")
	cmd.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(w.dir, "admin.conf"))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

func attack(t *testing.T, w *world) {
	w.apply(t, strings.ReplaceAll(workload, "IMAGE", os.Getenv(appEnv)), "apply", "-f", "-")
	w.kubectl(t, "-n", shop, "rollout", "status", "deployment/web", "--timeout="+patience.String())
	pod := strings.TrimSpace(w.kubectl(t, "-n", shop, "get", "pods", "-l", "app=web", "-o", "jsonpath={.items[0].metadata.name}"))
	w.terminal(t, "id")
	w.exec(t, "cat /etc/shadow")
	w.exec(t, "cat /var/run/secrets/kubernetes.io/serviceaccount/token")
	for _, rule := range []string{"terminal_shell_in_container", "sensitive_file_read", "service_account_token_read"} {
		a := w.heard.alert(t, rule, func(a *alert.Alert) bool { return a.GetPod().GetName() == pod })
		w.complete(t, a)
		result("alert %s: %s", rule, a.GetOutput())
		f := w.finding(t, a)
		result("finding %q, %s: %s", f.GetCategory(), f.GetSeverity(), strings.Join(objects(f), ", "))
	}
}

// complete holds an alert of the attacked pod to what the cluster knows of it.
func (w *world) complete(t *testing.T, a *alert.Alert) {
	t.Helper()
	e, image := a.GetEnrichment(), os.Getenv(appEnv)
	var owners, services []string
	for _, o := range e.GetOwners() {
		owners = append(owners, o.GetKind()+" "+strings.SplitN(o.GetName(), "-", 2)[0])
	}
	for _, s := range e.GetServices() {
		services = append(services, s.GetName())
	}
	got := fmt.Sprintln(a.GetPod().GetNamespace(), a.GetPod().GetWorkloadKind(), a.GetContainer().GetName(),
		a.GetContainer().GetImageRepository()+":"+a.GetContainer().GetImageTag(), a.GetNode().GetName(), e.GetVerification(), owners, services, e.GetMissing())
	node := w.kubectl(t, "get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
	want := fmt.Sprintln(shop, "Deployment", "app", image, node, alert.Verified, []string{"ReplicaSet web", "Deployment web"}, []string{"front"}, []string(nil))
	if got != want {
		t.Errorf("%s:\ngot  %swant %s", a.GetRule().GetName(), got, want)
	}
}

// finding waits for the one that an alert becomes.
func (w *world) finding(t *testing.T, a *alert.Alert) *sccpb.Finding {
	t.Helper()
	var found *sccpb.Finding
	eventually(t, "finding of "+a.GetRule().GetName(), func() error {
		all := w.cloud.Findings()
		i := slices.IndexFunc(all, func(f *sccpb.Finding) bool {
			return f.GetSourceProperties()["rule"].GetStringValue() == a.GetRule().GetName() &&
				slices.Contains(objects(f), "Deployment shop/web")
		})
		if i < 0 {
			return fmt.Errorf("%d others", len(all))
		}
		found = all[i]
		return nil
	})
	return found
}

// objects are those of Kubernetes that a finding names.
func objects(f *sccpb.Finding) (names []string) {
	for _, o := range f.GetKubernetes().GetObjects() {
		names = append(names, o.GetKind()+" "+o.GetNs()+"/"+o.GetName())
	}
	return names
}
