// Package real starts etcd and a kube-apiserver of Kubernetes' own for a test: what stands in for them elsewhere is held against
// them, and what reads clusters reads one that nobody here wrote.
package real

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A Server is a kube-apiserver that serves until the test ends.
type Server struct {
	Address string // host and port
	CA      []byte // PEM
}

// Admin is the token of a member of system:masters.
const Admin = "admin-token"

// Start starts one that knows the users by their tokens, besides Admin. It skips the test where TIERCEL_KUBERNETES does not name a
// folder with the programs, which scripts/kube-api builds. args are flags more.
func Start(t *testing.T, users map[string]string, args ...string) *Server {
	t.Helper()
	bin := os.Getenv("TIERCEL_KUBERNETES")
	if bin == "" {
		t.Skip("TIERCEL_KUBERNETES does not name a folder with etcd and kube-apiserver: scripts/kube-api builds them")
	}
	dir := t.TempDir()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tokens := Admin + ",admin,1,system:masters\n"
	for token, user := range users {
		tokens += token + "," + user + "," + user + "\n"
	}
	for name, text := range map[string]string{
		"sa.key":     string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})),
		"tokens.csv": tokens,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	etcd, peer, address := freePort(t), freePort(t), freePort(t)
	begin(t, dir, filepath.Join(bin, "etcd"), "--data-dir", filepath.Join(dir, "etcd"), "--unsafe-no-fsync",
		"--listen-client-urls", "http://"+etcd, "--advertise-client-urls", "http://"+etcd, "--listen-peer-urls", "http://"+peer,
		"--initial-advertise-peer-urls", "http://"+peer, "--initial-cluster", "default=http://"+peer)
	begin(t, dir, filepath.Join(bin, "kube-apiserver"), append([]string{"--etcd-servers", "http://" + etcd, "--bind-address", "127.0.0.1",
		"--secure-port", address[strings.LastIndexByte(address, ':')+1:], "--cert-dir", filepath.Join(dir, "certs"),
		"--service-account-issuer", "https://kubernetes.default.svc", "--service-account-key-file", filepath.Join(dir, "sa.key"),
		"--service-account-signing-key-file", filepath.Join(dir, "sa.key"), "--token-auth-file", filepath.Join(dir, "tokens.csv"),
		"--authorization-mode", "RBAC", "--disable-admission-plugins", "ServiceAccount", "--service-cluster-ip-range", "10.96.0.0/16",
		"--endpoint-reconciler-type", "none"}, args...)...)
	ready(t, address, filepath.Join(dir, "kube-apiserver.log"))
	ca, err := os.ReadFile(filepath.Join(dir, "certs", "apiserver.crt"))
	if err != nil {
		t.Fatal(err)
	}
	return &Server{Address: address, CA: ca}
}

// ready waits until the server is: its hooks make the roles that every cluster has.
func ready(t *testing.T, address, log string) {
	t.Helper()
	insecure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	defer insecure.CloseIdleConnections()
	for end := time.Now().Add(3 * time.Minute); ; time.Sleep(200 * time.Millisecond) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+address+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+Admin)
		if answer, err := insecure.Do(r); err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(end) {
			text, _ := os.ReadFile(log)
			t.Fatalf("kube-apiserver is not ready: %s", text[max(0, len(text)-4096):])
		}
	}
}

func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func begin(t *testing.T, dir, program string, args ...string) {
	log, err := os.Create(filepath.Join(dir, filepath.Base(program)+".log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait(); log.Close() })
}
