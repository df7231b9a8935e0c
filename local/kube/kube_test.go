package kube

import (
	"context"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

func named(namespace, name string, labels ...string) metav1.ObjectMeta {
	m := metav1.ObjectMeta{Namespace: namespace, Name: name}
	for i := 0; i < len(labels); i += 2 {
		metav1.SetMetaDataLabel(&m, labels[i], labels[i+1])
	}
	return m
}

func server(t *testing.T, cfg Config) *Server {
	t.Helper()
	s := New(cfg)
	err := s.Put(
		&corev1.Namespace{ObjectMeta: named("", "shop")}, &corev1.Namespace{ObjectMeta: named("", "lab")},
		&corev1.Node{ObjectMeta: named("", "n1")}, &corev1.Node{ObjectMeta: named("", "n2"), Spec: corev1.NodeSpec{Unschedulable: true}},
		&appsv1.Deployment{ObjectMeta: named("shop", "web")}, &appsv1.ReplicaSet{ObjectMeta: named("shop", "web-1")},
		&appsv1.DaemonSet{ObjectMeta: named("lab", "agent")}, &appsv1.StatefulSet{ObjectMeta: named("shop", "db")},
		&batchv1.CronJob{ObjectMeta: named("shop", "nightly")}, &batchv1.Job{ObjectMeta: named("shop", "nightly-1")},
		&corev1.Service{ObjectMeta: named("shop", "web"), Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP}},
		&rbacv1.ClusterRole{ObjectMeta: named("", "reader")},
		pod("shop", "web-1-a", "n1", "app", "web"), pod("shop", "web-1-b", "n2", "app", "web"), pod("shop", "db-0", "n1", "app", "db"),
		pod("lab", "web-x", "n1", "app", "web", "tier", "front"),
	)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func pod(namespace, name, node string, labels ...string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: named(namespace, name, labels...), Spec: corev1.PodSpec{NodeName: node}, Status: corev1.PodStatus{Phase: corev1.PodRunning}}
}

// client serves s, and returns the client that functions use.
func client(t *testing.T, s *Server, token string) *kubernetes.Clientset {
	t.Helper()
	address, ca, stop, err := Serve(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop() })
	c, err := kubernetes.NewForConfig(&rest.Config{Host: "https://" + address, BearerToken: token, TLSClientConfig: rest.TLSClientConfig{CAData: ca}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func podNames(l *corev1.PodList) (names []string) {
	for _, p := range l.Items {
		names = append(names, p.Namespace+"/"+p.Name)
	}
	return names
}

func TestSelectors(t *testing.T) {
	c := client(t, server(t, Config{}), "t")
	for _, tt := range []struct {
		namespace, label, field string
		want                    []string
	}{
		{"", "", "", []string{"lab/web-x", "shop/db-0", "shop/web-1-a", "shop/web-1-b"}},
		{"shop", "", "", []string{"shop/db-0", "shop/web-1-a", "shop/web-1-b"}},
		{"none", "", "", nil},
		{"", "app=web", "", []string{"lab/web-x", "shop/web-1-a", "shop/web-1-b"}},
		{"", "app=web,!tier", "", []string{"shop/web-1-a", "shop/web-1-b"}},
		{"", "app in (db, cache)", "", []string{"shop/db-0"}},
		{"", "", "spec.nodeName=n1", []string{"lab/web-x", "shop/db-0", "shop/web-1-a"}},
		{"", "app!=db", "spec.nodeName=n1,status.phase=Running", []string{"lab/web-x", "shop/web-1-a"}},
		{"", "", "metadata.namespace!=shop", []string{"lab/web-x"}},
		{"shop", "", "metadata.name=db-0", []string{"shop/db-0"}},
	} {
		got, err := c.CoreV1().Pods(tt.namespace).List(t.Context(), metav1.ListOptions{LabelSelector: tt.label, FieldSelector: tt.field})
		if err != nil || !slices.Equal(podNames(got), tt.want) || got.ResourceVersion == "" {
			t.Errorf("%+v: %v, %v", tt, podNames(got), err)
		}
	}
	cordoned, err := c.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{FieldSelector: "spec.unschedulable=true"})
	if err != nil || len(cordoned.Items) != 1 || cordoned.Items[0].Name != "n2" {
		t.Errorf("%v, %v", cordoned, err)
	}
}

func TestEveryKind(t *testing.T) {
	c := client(t, server(t, Config{}), "t")
	get := metav1.GetOptions{}
	for what, err := range map[string]error{
		"namespace":   second(c.CoreV1().Namespaces().Get(t.Context(), "shop", get)),
		"node":        second(c.CoreV1().Nodes().Get(t.Context(), "n1", get)),
		"service":     second(c.CoreV1().Services("shop").Get(t.Context(), "web", get)),
		"deployment":  second(c.AppsV1().Deployments("shop").Get(t.Context(), "web", get)),
		"replicaset":  second(c.AppsV1().ReplicaSets("shop").Get(t.Context(), "web-1", get)),
		"daemonset":   second(c.AppsV1().DaemonSets("lab").Get(t.Context(), "agent", get)),
		"statefulset": second(c.AppsV1().StatefulSets("shop").Get(t.Context(), "db", get)),
		"job":         second(c.BatchV1().Jobs("shop").Get(t.Context(), "nightly-1", get)),
		"ingresses":   second(c.NetworkingV1().Ingresses("").List(t.Context(), metav1.ListOptions{})),
		"budgets":     second(c.PolicyV1().PodDisruptionBudgets("").List(t.Context(), metav1.ListOptions{})),
		"requests":    second(c.CertificatesV1().CertificateSigningRequests().List(t.Context(), metav1.ListOptions{})),
		"classes":     second(c.StorageV1().StorageClasses().List(t.Context(), metav1.ListOptions{})),
		"mutating":    second(c.AdmissionregistrationV1().MutatingWebhookConfigurations().List(t.Context(), metav1.ListOptions{})),
		"validating":  second(c.AdmissionregistrationV1().ValidatingWebhookConfigurations().List(t.Context(), metav1.ListOptions{})),
		"cronjob":     second(c.BatchV1().CronJobs("shop").Get(t.Context(), "nightly", get)),
		"clusterrole": second(c.RbacV1().ClusterRoles().Get(t.Context(), "reader", get)),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	p, err := c.CoreV1().Pods("shop").Get(t.Context(), "db-0", get)
	if err != nil || p.UID == "" || p.CreationTimestamp.IsZero() || p.Spec.NodeName != "n1" || p.Labels["app"] != "db" {
		t.Errorf("%v, %v", p, err)
	}
	if all, err := c.NetworkingV1().NetworkPolicies("").List(t.Context(), metav1.ListOptions{}); err != nil || len(all.Items) != 0 {
		t.Errorf("%v, %v", all, err)
	}
}

func second[T any](_ T, err error) error { return err }

// A list in pages is what was there when it began; after a compaction it cannot go on.
func TestPages(t *testing.T) {
	s := server(t, Config{})
	c := client(t, s, "t")
	page, err := c.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{Limit: 2})
	if err != nil || len(page.Items) != 2 || page.Continue == "" || *page.RemainingItemCount != 2 {
		t.Fatalf("%v, %v", page, err)
	}
	if err := s.Delete(pod("shop", "web-1-b", "")); err != nil {
		t.Fatal(err)
	}
	if err := s.Put(pod("zoo", "late", "n1")); err != nil {
		t.Fatal(err)
	}
	rest, err := c.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{Limit: 5, Continue: page.Continue})
	if err != nil || !slices.Equal(podNames(rest), []string{"shop/web-1-a", "shop/web-1-b"}) || rest.Continue != "" || rest.ResourceVersion != page.ResourceVersion {
		t.Fatalf("%v, %v", podNames(rest), err)
	}
	s.Compact()
	_, err = c.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{Limit: 2, Continue: page.Continue})
	st, ok := err.(apierrors.APIStatus)
	if !apierrors.IsResourceExpired(err) || !ok {
		t.Fatalf("%v", err)
	}
	// The refusal has the token of a list that goes on with what is there now.
	after, err := c.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{Continue: st.Status().Continue})
	if err != nil || !slices.Equal(podNames(after), []string{"shop/web-1-a", "zoo/late"}) {
		t.Errorf("%v, %v", podNames(after), err)
	}
	now, err := c.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{})
	if err != nil || !slices.Equal(podNames(now), []string{"lab/web-x", "shop/db-0", "shop/web-1-a", "zoo/late"}) {
		t.Errorf("%v, %v", podNames(now), err)
	}
}

func TestRefuses(t *testing.T) {
	s := server(t, Config{Users: map[string]string{"secret": "enricher"}, Rules: map[string][]rbacv1.PolicyRule{
		"enricher": {{Verbs: []string{"get", "list"}, APIGroups: []string{""}, Resources: []string{"pods"}},
			{Verbs: []string{"get"}, APIGroups: []string{"apps"}, Resources: []string{"*"}, ResourceNames: []string{"web"}}},
	}})
	known := client(t, s, "secret")
	for _, tt := range []struct {
		what string
		err  error
		want metav1.StatusReason
		code int32
		says string
	}{
		{"a list", second(known.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{})), "", 0, ""},
		{"a named one", second(known.AppsV1().Deployments("shop").Get(t.Context(), "web", metav1.GetOptions{})), "", 0, ""},
		{"another", second(known.AppsV1().Deployments("shop").Get(t.Context(), "api", metav1.GetOptions{})), metav1.StatusReasonForbidden, 403,
			`deployments.apps "api" is forbidden: User "enricher" cannot get resource "deployments" in API group "apps" in the namespace "shop"`},
		{"nodes", second(known.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})), metav1.StatusReasonForbidden, 403,
			`nodes is forbidden: User "enricher" cannot list resource "nodes" in API group "" at the cluster scope`},
		{"none", second(known.CoreV1().Pods("shop").Get(t.Context(), "none", metav1.GetOptions{})), metav1.StatusReasonNotFound, 404, `pods "none" not found`},
		{"a wrong token", second(client(t, s, "guess").CoreV1().Pods("").List(t.Context(), metav1.ListOptions{})), metav1.StatusReasonUnauthorized, 401, "Unauthorized"},
		{"no token", second(client(t, s, "").CoreV1().Pods("").List(t.Context(), metav1.ListOptions{})), metav1.StatusReasonForbidden, 403,
			`pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" at the cluster scope`},
		{"a field", second(known.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{FieldSelector: "spec.colour=red"})), metav1.StatusReasonBadRequest, 400,
			"field label not supported: spec.colour"},
		{"a label", second(known.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{LabelSelector: "a=b=c"})), metav1.StatusReasonBadRequest, 400, ""},
		{"a token that is none", second(known.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{Continue: "x"})), metav1.StatusReasonBadRequest, 400, ""},
		{"a write", known.CoreV1().Pods("shop").Delete(t.Context(), "db-0", metav1.DeleteOptions{}), metav1.StatusReasonForbidden, 403, ""},
	} {
		st := apierrors.APIStatus(nil)
		if tt.err != nil {
			st, _ = tt.err.(apierrors.APIStatus)
		}
		switch {
		case tt.code == 0 && tt.err != nil, tt.code != 0 && st == nil:
			t.Errorf("%s: %v", tt.what, tt.err)
		case st != nil && (st.Status().Code != tt.code || st.Status().Reason != tt.want || tt.says != "" && st.Status().Message != tt.says):
			t.Errorf("%s: %+v", tt.what, st.Status())
		}
	}
}

// What a test wants to go wrong does, in the form of the API server's errors.
func TestBefore(t *testing.T) {
	slow := client(t, server(t, Config{Before: func(r *http.Request) error { <-r.Context().Done(); return r.Context().Err() }}), "t")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := slow.CoreV1().Pods("").List(ctx, metav1.ListOptions{}); ctx.Err() == nil || err == nil {
		t.Error(err)
	}
	starting := client(t, server(t, Config{Before: func(*http.Request) error {
		return apierrors.NewGenericServerResponse(503, "get", schema.GroupResource{}, "", "starting", 0, true)
	}}), "t")
	if _, err := starting.CoreV1().Pods("").List(t.Context(), metav1.ListOptions{}); !apierrors.IsServiceUnavailable(err) {
		t.Error(err)
	}
}

func TestDiscovery(t *testing.T) {
	d := client(t, server(t, Config{}), "t").Discovery()
	v, err := d.ServerVersion()
	if err != nil || v.Minor != "37" {
		t.Errorf("%v, %v", v, err)
	}
	_, lists, err := d.ServerGroupsAndResources()
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, l := range lists {
		got += fmt.Sprintf("%s %d, ", l.GroupVersion, len(l.APIResources))
	}
	if want := "v1 7, admissionregistration.k8s.io/v1 2, apps/v1 4, batch/v1 2, certificates.k8s.io/v1 1, networking.k8s.io/v1 2, policy/v1 1, " +
		"rbac.authorization.k8s.io/v1 4, storage.k8s.io/v1 1, "; got != want {
		t.Errorf("%s", got)
	}
}

func TestPutRefuses(t *testing.T) {
	s := New(Config{})
	for what, o := range map[string]object{
		"no name": &corev1.Node{}, "a node in a namespace": &corev1.Node{ObjectMeta: named("a", "b")}, "a pod in none": pod("", "a", ""),
		"what is not served": &corev1.ConfigMap{ObjectMeta: named("a", "b")},
	} {
		if err := s.Put(o); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
}

func TestKubectl(t *testing.T) {
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		t.Skip("kubectl is not installed")
	}
	address, _, stop, err := Serve(server(t, Config{}))
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	for args, want := range map[string]string{
		"get po -A -l app=web -o name":                                          "pod/web-x\npod/web-1-a\npod/web-1-b",
		"get pods -n shop --chunk-size 2 -o jsonpath={.items[*].metadata.name}": "db-0 web-1-a web-1-b",
		"get deploy,svc -n shop -o name":                                        "deployment.apps/web\nservice/web",
		"get node n2 -o jsonpath={.spec.unschedulable}":                         "true",
		"get pod -n shop none":                                                  `Error from server (NotFound): pods "none" not found`,
	} {
		cmd := exec.Command(kubectl, append(strings.Fields(args), "--server", "https://"+address, "--token", "t", "--insecure-skip-tls-verify",
			"--kubeconfig", "/dev/null", "--cache-dir", t.TempDir())...)
		got, _ := cmd.CombinedOutput()
		if strings.TrimSpace(string(got)) != want {
			t.Errorf("kubectl %s:\n%s", args, got)
		}
	}
}
