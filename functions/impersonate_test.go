package functions

import (
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	pb "cloud.google.com/go/container/apiv1/containerpb"
	"golang.org/x/oauth2"
	"google.golang.org/api/option"
	"google.golang.org/protobuf/proto"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"tiercel.dev/infra/kubernetes"
	"tiercel.dev/internal/snapshot"
	"tiercel.dev/local/kube"
)

const counter = "tiercel-tokens@p.iam.gserviceaccount.com"

// A credentials is an IAM Credentials API that gives out tokens for accounts.
// https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken
type credentials struct {
	*httptest.Server
	mu     sync.Mutex
	asked  []string
	scopes []string
	refuse bool
}

func newCredentials(t *testing.T) *credentials {
	t.Helper()
	c := &credentials{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.mu.Lock()
		defer c.mu.Unlock()
		account, of := strings.CutPrefix(r.URL.Path, "/v1/projects/-/serviceAccounts/")
		account, ok := strings.CutSuffix(account, ":generateAccessToken")
		var q struct {
			Scope    []string `json:"scope"`
			Lifetime string   `json:"lifetime"`
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || !of || !ok || r.Method != http.MethodPost || q.Lifetime == "" {
			http.Error(w, "not a request", http.StatusBadRequest)
			return
		}
		if c.refuse {
			http.Error(w, `{"error": {"code": 403, "message": "Permission 'iam.serviceAccounts.getAccessToken' denied", "status": "PERMISSION_DENIED"}}`, http.StatusForbidden)
			return
		}
		c.asked, c.scopes = append(c.asked, account), q.Scope
		_ = json.NewEncoder(w).Encode(map[string]string{"accessToken": "token of " + account, "expireTime": time.Now().Add(time.Hour).Format(time.RFC3339)})
	}))
	t.Cleanup(c.Close)
	return c
}

// reach has requests for the service come here.
func (c *credentials) reach(t *testing.T) []option.ClientOption {
	t.Helper()
	here, err := url.Parse(c.URL)
	if err != nil {
		t.Fatal(err)
	}
	return []option.ClientOption{option.WithHTTPClient(&http.Client{Transport: redirect{t, here}})}
}

type redirect struct {
	t  *testing.T
	to *url.URL
}

func (r redirect) RoundTrip(q *http.Request) (*http.Response, error) {
	if q.URL.Host != "iamcredentials.googleapis.com" || q.URL.Scheme != "https" {
		r.t.Errorf("%s is asked", q.URL)
	}
	q = q.Clone(q.Context())
	q.URL.Scheme, q.URL.Host, q.Host = r.to.Scheme, r.to.Host, r.to.Host
	return http.DefaultTransport.RoundTrip(q)
}

// The account of TIERCEL_TOKENS_ACCOUNT, and no other, lists Secrets: by a token that IAM Credentials gave the function for it, with the
// rights of tokens.yaml. Where the function may not act as it, the number of tokens is not known, and the refusal is said.
func TestTokensAreListedAsAnotherAccount(t *testing.T) {
	audit, err := kubernetes.AuditRules()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range audit {
		if slices.Contains(r.Resources, "secrets") {
			t.Fatal("the function itself may list secrets")
		}
	}
	k := kube.New(kube.Config{
		Users: map[string]string{"own": "own@p.iam.gserviceaccount.com", "token of " + counter: counter},
		Rules: map[string][]rbacv1.PolicyRule{
			"own@p.iam.gserviceaccount.com": audit, counter: {{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"list"}}},
		},
	})
	if err := k.Put(&corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "hand-made", Annotations: map[string]string{corev1.ServiceAccountNameKey: "ci"}},
		Type:       corev1.SecretTypeServiceAccountToken, Data: map[string][]byte{"token": []byte("hidden")},
	}); err != nil {
		t.Fatal(err)
	}
	address, ca, stop, err := kube.Serve(k)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop() })
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	c := newCredentials(t)
	read := func(account string) *snapshot.Snapshot {
		t.Helper()
		google := []option.ClientOption{option.WithoutAuthentication()}
		e := Endpoints{GKE: google, Google: google, Kubernetes: Kubernetes{
			Token: oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "own"}), Roots: roots, Impersonate: c.reach(t),
		}}
		e, err := e.withSecrets(t.Context(), account)
		if err != nil {
			t.Fatal(err)
		}
		reading, err := NewReading(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		defer reading.Close()
		s := &snapshot.Snapshot{Cluster: &pb.Cluster{Name: "shop", Location: "europe-west1", ControlPlaneEndpointsConfig: &pb.ControlPlaneEndpointsConfig{
			DnsEndpointConfig: &pb.ControlPlaneEndpointsConfig_DNSEndpointConfig{Endpoint: address, AllowExternalTraffic: proto.Bool(true)},
		}}}
		reading.kube.Read(t.Context(), s)
		return s
	}

	s := read(counter)
	if tokens := s.Kubernetes.Tokens; !tokens.Complete || len(tokens.List) != 1 || tokens.List[0].Secret != "hand-made" {
		t.Errorf("%+v, %v", tokens, s.Gap(snapshot.PartTokens))
	}
	if !slices.Equal(c.asked, []string{counter}) || !slices.Equal(c.scopes, scopes) {
		t.Errorf("asked for %q, with scopes %q", c.asked, c.scopes)
	}
	c.refuse = true
	if s = read(counter); s.Kubernetes.Tokens.Complete || s.Gap(snapshot.PartTokens) == nil || !strings.Contains(s.Gap(snapshot.PartTokens).Error, "iam.serviceAccounts.getAccessToken") {
		t.Errorf("refused: %+v, %+v", s.Kubernetes.Tokens, s.Gap(snapshot.PartTokens))
	}
	if s.Kubernetes.Nodes == nil {
		t.Error("what the function reads as itself is missing too")
	}
	if s = read("mallory@p.iam.gserviceaccount.com"); s.Kubernetes.Tokens.Complete {
		t.Error("an account without rights lists secrets")
	}
	if s = read(""); s.Kubernetes.Tokens.Complete || len(c.asked) != 1 {
		t.Errorf("without an account: %+v, asked for %q", s.Kubernetes.Tokens, c.asked)
	}
}
