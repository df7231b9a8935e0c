package check

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"

	pb "cloud.google.com/go/container/apiv1/containerpb"

	"tiercel.dev/internal/posture"
)

// GKE is the world of what GKE's API says of a cluster: the variables cluster and ca, and the set of pools. Whoever knows more
// adds it. GKE hides client certificates from most, and hidden ones look as if there were none: unless one is to be seen, the part
// credentials is unknown, until whoever has found out that nothing was hidden deletes it.
func GKE(r posture.Resource, c *pb.Cluster) *World {
	w := &World{Resource: r, Vars: map[string]any{"cluster": c}, Sets: map[string][]Item{poolSet: nil}, Unknown: map[string]*posture.Gap{}}
	for _, p := range c.GetNodePools() {
		at := r
		at.Pool = p.GetName()
		w.Sets[poolSet] = append(w.Sets[poolSet], Item{Resource: at, Value: p})
	}
	if c.GetMasterAuth().GetClientCertificate() == "" {
		w.Unknown["credentials"] = &posture.Gap{Part: "credentials", Call: "GetCluster", Permission: "container.clusters.getCredentials", Error: "nobody has found out whether client certificates are hidden"}
	}
	ca, err := Authority(c)
	if err != nil {
		w.Unknown["ca"] = &posture.Gap{Part: "ca", Error: err.Error()}
		return w
	}
	w.Vars["ca"] = map[string]any{"not_before": ca.NotBefore, "not_after": ca.NotAfter, "fingerprint": ca.Fingerprint}
	return w
}

// Authority reads the certificate of the cluster's authority. Of several the one that ends first counts.
func Authority(c *pb.Cluster) (*posture.CA, error) {
	text := c.GetMasterAuth().GetClusterCaCertificate()
	if text == "" {
		return nil, errors.New("cluster.master_auth.cluster_ca_certificate is empty")
	}
	rest, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("cluster.master_auth.cluster_ca_certificate: %w", err)
	}
	var found *posture.CA
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("cluster.master_auth.cluster_ca_certificate: %w", err)
		}
		if found == nil || cert.NotAfter.Before(found.NotAfter) {
			sum := sha256.Sum256(cert.Raw)
			found = &posture.CA{Fingerprint: hex.EncodeToString(sum[:]), NotBefore: cert.NotBefore.UTC(), NotAfter: cert.NotAfter.UTC()}
		}
	}
	if found == nil {
		return nil, errors.New("cluster.master_auth.cluster_ca_certificate holds no certificate")
	}
	return found, nil
}
