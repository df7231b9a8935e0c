package buildpack

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"

	"tiercel.dev/local/gke"
	"tiercel.dev/local/pubsub"
	"tiercel.dev/local/scc"
	"tiercel.dev/local/storage"
)

const (
	project         = "prod"
	source          = "organizations/1/sources/1"
	alertsTopic     = "projects/prod/topics/tiercel-alerts"
	alerts          = "projects/prod/subscriptions/tiercel-alerts"
	quarantineTopic = "projects/prod/topics/tiercel-quarantine"
	quarantine      = "projects/prod/subscriptions/tiercel-quarantine"
)

// A google is what a function reaches under Google's own names: a deployed function has no setting that would say another
// place, so that its clients are the ones that run in the cloud, with their TLS and credentials. The environment has them ask
// a proxy, which leads every name of googleapis.com here, and trust who signed the certificate.
type google struct {
	pubsub *pubsub.Server
	scc    *scc.Server
	env    []string

	mu       sync.Mutex
	hosts    map[string]bool // that were asked for
	unsigned int             // requests without a token
}

func newGoogle(t *testing.T) *google {
	t.Helper()
	g := &google{pubsub: pubsub.New(pubsub.Config{}), scc: scc.New(scc.Config{}), hosts: make(map[string]bool)}
	t.Cleanup(func() { g.pubsub.Close() })
	if err := g.scc.AddSource(source, "Tiercel"); err != nil {
		t.Fatal(err)
	}
	for topic, subscription := range map[string]string{quarantineTopic: quarantine, alertsTopic: alerts} {
		if _, err := g.pubsub.CreateTopic(t.Context(), &pb.Topic{Name: topic}); err != nil {
			t.Fatal(err)
		}
		if _, err := g.pubsub.CreateSubscription(t.Context(), &pb.Subscription{Name: subscription, Topic: topic}); err != nil {
			t.Fatal(err)
		}
	}
	services := httptest.NewUnstartedServer(g.handler())
	services.EnableHTTP2 = true
	dir := t.TempDir()
	services.TLS = &tls.Config{Certificates: []tls.Certificate{certificate(t, filepath.Join(dir, "ca.pem"))}}
	services.StartTLS()
	t.Cleanup(services.Close)
	proxy := httptest.NewServer(g.proxy(services.Listener.Addr().String()))
	t.Cleanup(proxy.Close)
	key := filepath.Join(dir, "key.json")
	writeKey(t, key)
	g.env = []string{
		"HTTPS_PROXY=" + proxy.URL, "SSL_CERT_FILE=" + filepath.Join(dir, "ca.pem"), "SSL_CERT_DIR=" + dir,
		"GOOGLE_APPLICATION_CREDENTIALS=" + key, "PUBSUB_EMULATOR_HOST=", "NO_PROXY=", "no_proxy=", "https_proxy=",
		"TIERCEL_PROJECT=" + project, "TIERCEL_ALERTS_TOPIC=" + alertsTopic, "TIERCEL_QUARANTINE_TOPIC=" + quarantineTopic, "TIERCEL_BUCKET=records", "TIERCEL_SCC_SOURCE=" + source,
	}
	return g
}

// handler serves every API, and tokens.
func (g *google) handler() http.Handler {
	services := grpc.NewServer(pubsub.Options()...)
	g.pubsub.Register(services)
	g.scc.Register(services)
	gke.New(gke.Config{}).Register(services) // a project without clusters
	records := storage.New()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"access_token":"t","token_type":"Bearer","expires_in":3600}`)
			return
		}
		if !strings.HasPrefix(r.Header.Get("Authorization"), "Bearer ") {
			g.mu.Lock()
			g.unsigned++
			g.mu.Unlock()
		}
		if strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			services.ServeHTTP(w, r)
			return
		}
		records.ServeHTTP(w, r)
	})
}

// proxy leads whatever name of Google's is asked for to the services, and nowhere else.
func (g *google) proxy(services string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.Host)
		if r.Method != http.MethodConnect || !strings.HasSuffix(host, ".googleapis.com") {
			http.Error(w, "not Google's", http.StatusForbidden)
			return
		}
		g.mu.Lock()
		g.hosts[host] = true
		g.mu.Unlock()
		there, err := net.Dial("tcp", services)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		here, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			there.Close()
			return
		}
		io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { io.Copy(there, here); there.Close() }()
		io.Copy(here, there)
		here.Close()
	})
}

// certificate signs one for Google's names, and writes who signed it.
func certificate(t *testing.T, ca string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		DNSNames: []string{"*.googleapis.com"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, ca, "CERTIFICATE", der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// writeKey writes a service account's key, made now, of nobody.
func writeKey(t *testing.T, path string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": project, "private_key_id": "1", "client_email": "route@prod.iam.gserviceaccount.com", "client_id": "1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": "https://oauth2.googleapis.com/token",
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func writePEM(t *testing.T, path, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
