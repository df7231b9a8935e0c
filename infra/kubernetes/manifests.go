// Package kubernetes has what a deployment applies to clusters, for whoever plays one.
package kubernetes

import (
	_ "embed"
	"fmt"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

//go:embed audit.yaml
var audit []byte

// AuditRules are what audit.yaml lets the functions read of a cluster.
func AuditRules() ([]rbacv1.PolicyRule, error) {
	var role rbacv1.ClusterRole
	if err := yaml.Unmarshal(audit, &role); err != nil { // the first document is the role
		return nil, fmt.Errorf("audit.yaml: %w", err)
	}
	return role.Rules, nil
}
