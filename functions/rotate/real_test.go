package rotate

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cloud.google.com/go/logging/apiv2/loggingpb"
	"github.com/golang-jwt/jwt/v5"
	auditpb "google.golang.org/genproto/googleapis/cloud/audit"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/timestamppb"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"tiercel.dev/local/kube/real"
)

// A static token that somebody made by hand is used at a real API server. The annotations of its audit log are what Cloud Logging has
// as labels, and say what the function reads there: whose token it was, in which Secret, when, and by which program. One whose Secret is
// marked as invalid is left out.
func TestRealCluster(t *testing.T) {
	dir := t.TempDir()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	log := filepath.Join(dir, "audit.log")
	s := real.Start(t, nil,
		"--service-account-key-file", file("static.key", string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))),
		"--audit-log-path", log, "--audit-policy-file", file("policy.yaml", "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n"))
	client := func(token string) *kubernetes.Clientset {
		c, err := kubernetes.NewForConfig(&rest.Config{
			Host: "https://" + s.Address, BearerToken: token, UserAgent: "deploy/2", TLSClientConfig: rest.TLSClientConfig{CAData: s.CA},
		})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	admin := client(real.Admin)
	if _, err := admin.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "shop"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	account, err := admin.CoreV1().ServiceAccounts("shop").Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "ci"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for name, labels := range map[string]map[string]string{"hand-made": nil, "invalid": {"kubernetes.io/legacy-token-invalid-since": "2026-01-01"}} {
		token, err := jwt.NewWithClaims(jwt.SigningMethodRS256, jwt.MapClaims{
			"iss": "kubernetes/serviceaccount", "sub": ci, "kubernetes.io/serviceaccount/namespace": "shop", "kubernetes.io/serviceaccount/secret.name": name,
			"kubernetes.io/serviceaccount/service-account.name": "ci", "kubernetes.io/serviceaccount/service-account.uid": string(account.UID),
		}).SignedString(key)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := admin.CoreV1().Secrets("shop").Create(t.Context(), &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels, Annotations: map[string]string{corev1.ServiceAccountNameKey: "ci", corev1.ServiceAccountUIDKey: string(account.UID)}},
			Type:       corev1.SecretTypeServiceAccountToken, Data: map[string][]byte{"token": []byte(token)},
		}, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		_, err = client(token).CoreV1().Pods("shop").List(t.Context(), metav1.ListOptions{})
		if err == nil {
			t.Errorf("%s: an account without rights lists pods", name)
		}
	}
	used := audited(t, log, 2)
	if len(used) != 1 || used[0].Account != "shop/ci" || used[0].Secret != "hand-made" || !strings.Contains(used[0].From, "127.0.0.1 (deploy/2)") ||
		time.Since(used[0].Last).Abs() > time.Hour {
		t.Errorf("%+v", used)
	}
}

// audited waits until an API server's audit log tells of so many lists of pods, and reads uses of static tokens from them as the
// function does from Cloud Logging.
func audited(t *testing.T, log string, lists int) (used []Use) {
	t.Helper()
	answered := 0
	for end := time.Now().Add(time.Minute); answered < lists && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		used, answered = nil, 0
		text, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(bytes.NewReader(text[:bytes.LastIndexByte(text, '\n')+1])); lines.Scan(); {
			var e struct {
				RequestURI     string            `json:"requestURI"`
				ResponseStatus *struct{}         `json:"responseStatus"`
				StageTimestamp time.Time         `json:"stageTimestamp"`
				SourceIPs      []string          `json:"sourceIPs"`
				UserAgent      string            `json:"userAgent"`
				Annotations    map[string]string `json:"annotations"`
			}
			if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
				t.Fatal(err)
			}
			payload, err := anypb.New(&auditpb.AuditLog{RequestMetadata: &auditpb.RequestMetadata{CallerIp: slices.Concat(e.SourceIPs, []string{""})[0], CallerSuppliedUserAgent: e.UserAgent}})
			if err != nil {
				t.Fatal(err)
			}
			entry := &loggingpb.LogEntry{Labels: e.Annotations, Timestamp: timestamppb.New(e.StageTimestamp), Payload: &loggingpb.LogEntry_ProtoPayload{ProtoPayload: payload}}
			if e.RequestURI != "/api/v1/namespaces/shop/pods" || e.ResponseStatus == nil {
				continue
			}
			answered++
			if labelOf(entry, labelToken) == "" || labelOf(entry, labelRefused) != "" {
				continue
			}
			u, err := useOf(entry)
			if err != nil {
				t.Fatal(err)
			}
			used = append(used, u)
		}
	}
	if answered != lists {
		t.Fatalf("the audit log tells of %d lists of pods", answered)
	}
	return used
}
