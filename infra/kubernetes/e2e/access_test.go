package e2e

import (
	"errors"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// subresource is what kubectl would take for the name of an object.
var subresource = regexp.MustCompile(`/(exec|log|proxy|token)\b`)

// access asks the API server what the accounts may do that scripts/bootstrap and whoever opts in give roles to.
func access(t *testing.T, w *world) {
	const (
		auditor = "tiercel-audit@local.iam.gserviceaccount.com"
		counter = "tiercel-tokens@local.iam.gserviceaccount.com"
		sensor  = "system:serviceaccount:tiercel:tiercel-sensor"
	)
	asked := 0
	for _, q := range []struct {
		user string
		may  bool
		what []string
	}{
		{builder, true, []string{"create daemonsets.apps -n tiercel", "patch configmaps -n tiercel", "patch namespaces/tiercel", "create resourcequotas -n tiercel", "watch pods -n tiercel"}},
		{builder, false, []string{
			"get secrets -n tiercel", "get secrets -n kube-system", "list secrets -A", "create pods -n tiercel", "create pods/exec -n tiercel",
			"create daemonsets.apps -n default", "patch configmaps -n kube-system", "delete namespaces/tiercel", "patch namespaces/default",
			"create priorityclasses", "patch priorityclasses/system-node-critical", "create resourcequotas -n default", "create clusterrolebindings", "create rolebindings -n tiercel", "impersonate users",
			"create serviceaccounts/token -n tiercel", "delete daemonsets.apps -n tiercel",
		}},
		{auditor, true, []string{"list pods -A", "list nodes", "list clusterrolebindings", "list networkpolicies.networking.k8s.io -A", "list serviceaccounts -A"}},
		{auditor, false, []string{
			"list secrets -A", "get secrets -n kube-system", "list configmaps -A", "get pods/log -A", "create pods/exec -A", "get nodes/proxy",
			"create pods -n default", "patch nodes", "watch pods -A",
		}},
		{counter, true, []string{"list secrets -A"}},
		{counter, false, []string{"get secrets -n kube-system", "watch secrets -A", "list pods -A", "create secrets -n default", "create serviceaccounts/token -n default"}},
		{sensor, false, []string{"list pods -A", "get nodes", "list secrets -n tiercel", "get configmaps -n tiercel", "create pods -n tiercel"}},
	} {
		for _, what := range q.what {
			args := append([]string{"auth", "can-i", "--as=" + q.user}, strings.Fields(subresource.ReplaceAllString(what, " --subresource=$1"))...)
			out, err := w.try(t.Context(), "", args...)
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				t.Fatal(err)
			}
			if got := strings.TrimSpace(out); got != "yes" && got != "no" || (got == "yes") != q.may {
				t.Errorf("%s may %s: %q %v, want %t", q.user, what, got, err, q.may)
			}
			asked++
		}
		may := "may not"
		if q.may {
			may = "may"
		}
		result("%s %s %s", strings.SplitN(q.user, "@", 2)[0], may, strings.Join(q.what, ", "))
	}
	result("%d questions", asked)
}
