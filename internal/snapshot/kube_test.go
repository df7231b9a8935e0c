package snapshot_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"golang.org/x/oauth2"
	certificatesv1 "k8s.io/api/certificates/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"

	"tiercel.dev/internal/kube"
	"tiercel.dev/internal/snapshot"
	localkube "tiercel.dev/local/kube"
)

func named(namespace, name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: namespace, Name: name}
}

// as asks as the user of that token.
func as(token string) *kube.Clusters {
	return kube.New(kube.Config{Token: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: token}), Timeout: 10 * time.Second})
}

// at is a snapshot of a cluster whose API is there.
func at(address string, ca []byte) *snapshot.Snapshot {
	return &snapshot.Snapshot{Resource: shop, Cluster: &pb.Cluster{
		Name: "shop", Location: "europe-west1", Endpoint: address,
		MasterAuth: &pb.MasterAuth{ClusterCaCertificate: base64.StdEncoding.EncodeToString(ca)},
	}}
}

func serve(t *testing.T, cfg localkube.Config, objects ...func(*localkube.Server) error) *snapshot.Snapshot {
	t.Helper()
	s := localkube.New(cfg)
	for _, put := range objects {
		if err := put(s); err != nil {
			t.Fatal(err)
		}
	}
	address, ca, stop, err := localkube.Serve(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop() })
	return at(address, ca)
}

// role reads the ClusterRole of one of the files that people apply.
func role(t *testing.T, file string) (role rbacv1.ClusterRole, binding rbacv1.ClusterRoleBinding) {
	t.Helper()
	text, err := os.ReadFile("../../infra/kubernetes/" + file)
	if err != nil {
		t.Fatal(err)
	}
	d := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	if err := errors.Join(d.Decode(&role), d.Decode(&binding)); err != nil {
		t.Fatal(err)
	}
	if err := d.Decode(&struct{}{}); err != io.EOF {
		t.Fatalf("a third document: %v", err)
	}
	return role, binding
}

func fill(s *localkube.Server) error {
	controller := true
	pod := func(ns, name, kind, owner, hash string) *corev1.Pod {
		p := &corev1.Pod{ObjectMeta: named(ns, name), Spec: corev1.PodSpec{
			ServiceAccountName: "web", NodeName: "n1",
			Containers: []corev1.Container{{Name: "c", Image: "i", Args: []string{"--password=hidden"}, Env: []corev1.EnvVar{{Name: "A", Value: "hidden"}}}},
		}, Status: corev1.PodStatus{Phase: corev1.PodRunning}}
		p.Labels = map[string]string{"app": owner, "pod-template-hash": hash, "other": name}
		if owner != "" {
			p.OwnerReferences = []metav1.OwnerReference{{Kind: kind, Name: owner, Controller: &controller}}
		}
		return p
	}
	ended := pod("shop", "once", "Job", "once", "")
	ended.Status.Phase = corev1.PodSucceeded
	return s.Put(
		&corev1.Namespace{ObjectMeta: named("", "shop")}, &corev1.Node{ObjectMeta: named("", "n1")},
		pod("shop", "web-7d9f-a", "ReplicaSet", "web-7d9f", "7d9f"), pod("shop", "web-7d9f-b", "ReplicaSet", "web-7d9f", "7d9f"),
		pod("shop", "bare", "", "", ""), ended,
		&corev1.ServiceAccount{ObjectMeta: named("shop", "old"), Secrets: []corev1.ObjectReference{{Name: "old-token-x1"}}},
		&corev1.Secret{ObjectMeta: metav1.ObjectMeta{
			Namespace: "shop", Name: "hand-made", Annotations: map[string]string{"kubernetes.io/service-account.name": "ci"},
			Labels: map[string]string{"kubernetes.io/legacy-token-last-used": "2026-11-02", "kubernetes.io/legacy-token-invalid-since": "2026-11-20"},
		}, Type: corev1.SecretTypeServiceAccountToken, Data: map[string][]byte{"token": []byte("hidden")}},
		&corev1.Secret{ObjectMeta: named("shop", "password"), Type: corev1.SecretTypeOpaque, Data: map[string][]byte{"p": []byte("hidden")}},
		&networkingv1.NetworkPolicy{ObjectMeta: named("shop", "web"), Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}},
		}},
	)
}

func TestReadsACluster(t *testing.T) {
	s := serve(t, localkube.Config{}, fill)
	k := snapshot.Kube{Clusters: as("audit"), Secrets: as("tokens")}
	k.Read(t.Context(), s)
	if len(s.Gaps) > 0 {
		t.Fatalf("%v", s.Gaps)
	}
	var got []string
	for _, w := range s.Kubernetes.Workloads {
		for _, tmpl := range w.Templates {
			got = append(got, fmt.Sprintf("%s %s %d %d %v", w.Kind, w.Name, tmpl.Pods, tmpl.Ended, tmpl.Labels))
		}
	}
	want := []string{"Deployment web 2 0 map[app:web-7d9f]", "Job once 0 1 map[app:once]", "Pod bare 1 0 map[app:]"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	day := func(d int) time.Time { return time.Date(2026, 11, d, 0, 0, 0, 0, time.UTC) }
	tokens := s.Kubernetes.Tokens
	if !tokens.Complete || len(tokens.List) != 1 {
		t.Fatalf("%+v", tokens)
	}
	if one := tokens.List[0]; one.Secret != "hand-made" || one.ServiceAccount != "ci" || one.LastUsed != day(2) || one.InvalidSince != day(20) || one.Created.IsZero() {
		t.Errorf("%+v", one)
	}
	text, err := json.Marshal(s.Kubernetes)
	if err != nil || bytes.Contains(text, []byte("hidden")) {
		t.Errorf("%v: a secret is in %s", err, text)
	}
}

// Each right of the role is needed: without one its part is a gap, and nothing else is.
func TestNeedsEachRightOfItsRole(t *testing.T) {
	audit, _ := role(t, "audit.yaml")
	tokens, _ := role(t, "tokens.yaml")
	rights := []string{""} // none is taken
	for _, r := range audit.Rules {
		for _, resource := range r.Resources {
			if r.APIGroups[0] != "cilium.io" && r.APIGroups[0] != "policy.networking.k8s.io" && r.APIGroups[0] != "kyverno.io" && r.APIGroups[0] != "constraints.gatekeeper.sh" {
				rights = append(rights, resource) // the others are for what local/kube does not serve: see TestRealCluster
			}
		}
	}
	rights = append(rights, "secrets")
	rules := map[string][]rbacv1.PolicyRule{} // of a user for each right that is taken away
	for _, taken := range rights {
		rules["audit "+taken], rules["tokens "+taken] = without(audit.Rules, taken), without(tokens.Rules, taken)
	}
	s := serve(t, localkube.Config{Rules: rules}, fill)
	for _, taken := range rights {
		s.Kubernetes, s.Gaps = nil, nil
		k := snapshot.Kube{Clusters: as("audit " + taken), Secrets: as("tokens " + taken)}
		k.Read(t.Context(), s)
		checkGaps(t, taken, s)
	}
}

func without(rules []rbacv1.PolicyRule, resource string) (left []rbacv1.PolicyRule) {
	for _, r := range rules {
		r.Resources = slices.DeleteFunc(slices.Clone(r.Resources), func(s string) bool { return s == resource })
		left = append(left, r)
	}
	return left
}

func checkGaps(t *testing.T, taken string, s *snapshot.Snapshot) {
	t.Helper()
	var want []string
	if taken != "" {
		want = []string{"kubernetes/" + taken}
	}
	var got []string
	for _, g := range s.Gaps {
		got = append(got, g.Part)
		if g.Error == "" || g.Fix == "" || g.Permission == "" || !strings.Contains(g.Call, taken) {
			t.Errorf("without %s: %+v", taken, g)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("without %s: gaps %v", taken, s.Gaps)
	}
}

// Without the opt-in the count is not known, though what service accounts name is.
func TestTokensThatAreNamedAreNotAll(t *testing.T) {
	s := serve(t, localkube.Config{}, fill)
	k := snapshot.Kube{Clusters: as("audit")}
	k.Read(t.Context(), s)
	tokens := s.Kubernetes.Tokens
	if tokens.Complete || len(tokens.List) != 1 || tokens.List[0].Secret != "old-token-x1" || s.Gap(snapshot.PartTokens) == nil || len(s.Gaps) != 1 {
		t.Errorf("%+v, %v", tokens, s.Gaps)
	}
}

// A cluster that does not answer, or lets nobody in, is one gap.
func TestOneGapForAClusterThatIsClosed(t *testing.T) {
	down := func(*http.Request) error { return errors.New("down") }
	for what, s := range map[string]*snapshot.Snapshot{
		"nobody there": at("127.0.0.1:1", nil), "down": serve(t, localkube.Config{Before: down}),
		"no rights": serve(t, localkube.Config{Rules: map[string][]rbacv1.PolicyRule{}}), "a stranger": serve(t, localkube.Config{Users: map[string]string{"x": "y"}}),
	} {
		k := snapshot.Kube{Clusters: as("audit")}
		k.Read(t.Context(), s)
		if s.Gap("kubernetes/pods") == nil || len(s.Gaps) > 2 || s.Gaps[0].Part != "kubernetes" || s.Gaps[0].Fix == "" {
			t.Errorf("%s: %+v", what, s.Gaps)
		}
	}
}

// A server that does not leave out a secret's data is not read.
func TestRefusesMoreThanMetadata(t *testing.T) {
	s := serve(t, localkube.Config{}, fill)
	k := snapshot.Kube{Clusters: as("audit"), Secrets: as("tokens")}
	// With another Accept the stand-in answers with all there is.
	whole := serve(t, localkube.Config{Before: func(r *http.Request) error { r.Header.Del("Accept"); return nil }}, fill)
	k.Read(t.Context(), whole)
	if whole.Kubernetes.Tokens.Complete || whole.Gap(snapshot.PartTokens) == nil {
		t.Errorf("%+v", whole.Kubernetes.Tokens)
	}
	k.Read(t.Context(), s)
	if !s.Kubernetes.Tokens.Complete {
		t.Errorf("%v", s.Gaps)
	}
}

func TestPages(t *testing.T) {
	s := serve(t, localkube.Config{}, func(s *localkube.Server) error {
		var err error
		for i := range 1700 {
			err = errors.Join(err, s.Put(&corev1.Namespace{ObjectMeta: named("", fmt.Sprintf("n%04d", i))}))
		}
		return err
	})
	k := snapshot.Kube{Clusters: as("audit")}
	k.Read(t.Context(), s)
	if n := len(s.Kubernetes.Namespaces); n != 1700 || s.Kubernetes.Namespaces[1699].Name != "n1699" {
		t.Errorf("%d namespaces, %v", n, s.Gaps)
	}
}

// Who asks to be of system:masters is seen, whatever the request is called.
func TestCertificateRequests(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{Subject: pkix.Name{CommonName: "eve", Organization: []string{"system:masters"}}}, key)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, localkube.Config{}, func(s *localkube.Server) error {
		return s.Put(&certificatesv1.CertificateSigningRequest{ObjectMeta: named("", "a"), Spec: certificatesv1.CertificateSigningRequestSpec{
			Request: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), SignerName: "kubernetes.io/kube-apiserver-client", Username: "eve",
		}}, &certificatesv1.CertificateSigningRequest{ObjectMeta: named("", "b"), Spec: certificatesv1.CertificateSigningRequestSpec{Request: []byte("none")},
			Status: certificatesv1.CertificateSigningRequestStatus{Conditions: []certificatesv1.CertificateSigningRequestCondition{{Type: "Approved"}}}})
	})
	k := snapshot.Kube{Clusters: as("audit")}
	k.Read(t.Context(), s)
	got := s.Kubernetes.CSRs
	if len(got) != 2 || got[0].CommonName != "eve" || !slices.Equal(got[0].Organizations, []string{"system:masters"}) || got[0].State != "pending" ||
		!got[1].Unreadable || got[1].State != "approved" {
		t.Errorf("%+v", got)
	}
}
