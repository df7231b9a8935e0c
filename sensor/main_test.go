package main

import (
	"crypto/x509"
	"os"
	"os/exec"
	"testing"
)

// In the image there are no certificates, so the sensor has those of public authorities in itself.
func TestKnowsAuthoritiesWithoutFiles(t *testing.T) {
	if os.Getenv("SSL_CERT_DIR") != "/nowhere" {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run="+t.Name())
		cmd.Env = append(os.Environ(), "SSL_CERT_FILE=/nowhere/none.pem", "SSL_CERT_DIR=/nowhere")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	roots, err := x509.SystemCertPool()
	if err != nil || roots.Equal(x509.NewCertPool()) {
		t.Errorf("no authorities: %v", err)
	}
}
