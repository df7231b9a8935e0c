package certificate

import (
	"crypto/x509"
	"testing"
)

// Who trusts one stand-in trusts it by both of its names, and no other stand-in.
func TestLoopback(t *testing.T) {
	pair, authority, err := Loopback()
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := Loopback()
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"localhost", "127.0.0.1"} {
		for text, trusted := range map[string]bool{string(authority): true, string(other): false} {
			roots := x509.NewCertPool()
			roots.AppendCertsFromPEM([]byte(text))
			if _, err := leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots}); (err == nil) != trusted {
				t.Errorf("%s, by one's own authority: %v: %v", name, trusted, err)
			}
		}
	}
}
