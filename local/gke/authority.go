package gke

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

// caLife is that of a new authority.
// https://cloud.google.com/kubernetes-engine/docs/how-to/credential-rotation
const caLife = 30 * 365 * 24 * time.Hour

// CA returns the certificate of a cluster's authority as master_auth.cluster_ca_certificate has it: PEM in base64. The same
// arguments give the same certificate, so that what a test sees can be seen again: its key is no secret.
func CA(name string, notBefore, notAfter time.Time) string {
	seed := sha256.Sum256(fmt.Appendf(nil, "%s %d %d", name, notBefore.Unix(), notAfter.Unix()))
	key := ed25519.NewKeyFromSeed(seed[:])
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(seed[:15]), Subject: pkix.Name{CommonName: hex.EncodeToString(seed[:8])},
		NotBefore: notBefore, NotAfter: notAfter, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
	if err != nil { // a year that no certificate can name
		panic(fmt.Sprintf("authority of %s from %v to %v: %v", name, notBefore, notAfter, err))
	}
	return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// expiry is when an authority ends; false if the text is not one.
func expiry(ca string) (time.Time, bool) {
	text, err := base64.StdEncoding.DecodeString(ca)
	if err != nil {
		return time.Time{}, false
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return time.Time{}, false
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return time.Time{}, false
	}
	return c.NotAfter, true
}
