package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"tiercel.dev/cmd/tiercel/legible"
	"tiercel.dev/functions/harden/netpol"
	"tiercel.dev/internal/snapshot"
)

// writePolicies writes what network policies a cluster's namespaces without any may begin with:
// DIR/PROJECT/LOCATION/CLUSTER/NAMESPACE-allow.yaml and NAMESPACE-default-deny.yaml. Names that could lead elsewhere are refused.
func writePolicies(dir string, s *snapshot.Snapshot) error {
	proposals, err := netpol.For(s)
	if err != nil {
		return err
	}
	at := s.Resource
	for _, p := range proposals {
		allow, deny := p.Files()
		for name, text := range map[string]string{allow: p.Allow, deny: p.Deny} {
			path := filepath.Join(at.Project, at.Location, at.Cluster, name)
			if !filepath.IsLocal(path) || filepath.Base(path) != name {
				return mistake{fmt.Errorf("network policies of %s: %s is no name for a file", legible.Printable(at.String()), legible.Printable(name))}
			}
			path = filepath.Join(dir, path)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				return mistake{errors.New(legible.Printable(err.Error()))}
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				return mistake{errors.New(legible.Printable(err.Error()))}
			}
		}
	}
	return nil
}
