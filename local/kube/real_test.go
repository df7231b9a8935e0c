package kube

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"tiercel.dev/local/kube/real"
)

const (
	adminToken  = real.Admin
	readerToken = "reader-token"
)

var insecure = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}

// ask returns the status code and body; 0 if nobody answered.
func ask(t *testing.T, address, token, path string) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	answer, err := insecure.Do(r)
	if err != nil {
		return 0, nil
	}
	defer answer.Body.Close()
	return answer.StatusCode, readAll(t, answer)
}

// fill has both hold the same: the real one with what it adds by itself, which is taken over.
func fill(t *testing.T, address string, ours *Server) {
	t.Helper()
	c, err := kubernetes.NewForConfig(&rest.Config{Host: "https://" + address, BearerToken: adminToken, TLSClientConfig: rest.TLSClientConfig{Insecure: true}})
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	create := metav1.CreateOptions{}
	must := func(_ any, err error) {
		t.Helper()
		if err != nil && !apierrors.IsAlreadyExists(err) {
			t.Fatal(err)
		}
	}
	must(c.CoreV1().Namespaces().Create(ctx, &corev1.Namespace{ObjectMeta: named("", "shop")}, create))
	for _, n := range []*corev1.Node{{ObjectMeta: named("", "n1")}, {ObjectMeta: named("", "n2"), Spec: corev1.NodeSpec{Unschedulable: true}}} {
		must(c.CoreV1().Nodes().Create(ctx, n, create))
	}
	for _, p := range []*corev1.Pod{pod("shop", "web-1", "n1", "app", "web"), pod("shop", "web-2", "n2", "app", "web"), pod("default", "db", "n1", "app", "db")} {
		p.Spec.Containers = []corev1.Container{{Name: "c", Image: "i"}}
		must(c.CoreV1().Pods(p.Namespace).Create(ctx, p, create))
	}
	template := corev1.PodTemplateSpec{ObjectMeta: named("", "", "app", "web"), Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "i"}}}}
	must(c.AppsV1().Deployments("shop").Create(ctx, &appsv1.Deployment{ObjectMeta: named("shop", "web"), Spec: appsv1.DeploymentSpec{
		Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}, Template: template,
	}}, create))
	must(c.CoreV1().Services("shop").Create(ctx, &corev1.Service{ObjectMeta: named("shop", "web"), Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}}, create))
	must(c.RbacV1().ClusterRoles().Create(ctx, &rbacv1.ClusterRole{ObjectMeta: named("", "reader"), Rules: readerRules}, create))
	must(c.RbacV1().ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: named("", "reader"), RoleRef: rbacv1.RoleRef{APIGroup: rbac, Kind: "ClusterRole", Name: "reader"},
		Subjects: []rbacv1.Subject{{Kind: "User", Name: "reader", APIGroup: rbac}},
	}, create))
	copyOver(t, c, ours)
}

var readerRules = []rbacv1.PolicyRule{
	{Verbs: []string{"get", "list"}, APIGroups: []string{""}, Resources: []string{"pods"}},
	{Verbs: []string{"get"}, APIGroups: []string{apps}, Resources: []string{"deployments"}, ResourceNames: []string{"web"}},
}

func copyOver(t *testing.T, c *kubernetes.Clientset, ours *Server) {
	t.Helper()
	ctx, all := t.Context(), metav1.ListOptions{}
	put := func(objects []object, err error) {
		t.Helper()
		if err == nil {
			err = ours.Put(objects...)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put(listed(ctx, c.CoreV1().Namespaces().List, all, func(l *corev1.NamespaceList) []corev1.Namespace { return l.Items }))
	put(listed(ctx, c.CoreV1().Nodes().List, all, func(l *corev1.NodeList) []corev1.Node { return l.Items }))
	put(listed(ctx, c.CoreV1().Pods("").List, all, func(l *corev1.PodList) []corev1.Pod { return l.Items }))
	put(listed(ctx, c.CoreV1().Services("").List, all, func(l *corev1.ServiceList) []corev1.Service { return l.Items }))
	put(listed(ctx, c.AppsV1().Deployments("").List, all, func(l *appsv1.DeploymentList) []appsv1.Deployment { return l.Items }))
}

// listed is what a typed client lists, as objects.
func listed[L, T any, P interface {
	*T
	object
}](ctx context.Context, list func(context.Context, metav1.ListOptions) (L, error), options metav1.ListOptions, items func(L) []T) ([]object, error) {
	l, err := list(ctx, options)
	if err != nil {
		return nil, fmt.Errorf("list: %w", err)
	}
	var out []object
	for _, item := range items(l) {
		out = append(out, P(&item))
	}
	return out, nil
}
