package facts

import (
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
)

// SystemNamespace reports whether Kubernetes or GKE keep the namespace: nobody else is to be told to change what is in it.
func SystemNamespace(name string) bool {
	switch name {
	case "kube-system", "kube-public", "kube-node-lease", "gmp-system", "gmp-public", "gke-gmp-system":
		return true
	}
	return strings.HasPrefix(name, "gke-managed-")
}

// labelled reports whether GKE's add-on manager or Kubernetes itself says it put the object there. Anybody can say so.
func labelled(labels map[string]string) bool {
	return labels["addonmanager.kubernetes.io/mode"] != "" || labels["kubernetes.io/bootstrapping"] != ""
}

// Groups that everybody is in, with a Google account or without.
const (
	anonymousUser        = "system:anonymous"
	unauthenticatedGroup = "system:unauthenticated"
	authenticatedGroup   = "system:authenticated"
	mastersGroup         = "system:masters"
	allAccountsGroup     = "system:serviceaccounts"
)

// systemSubject reports whether the subject is part of the control plane or of GKE's add-ons. Users of Google have an @ in their
// names or are a number; all others come by a certificate of the cluster's authority. "client" is the one that GKE once gave out.
func systemSubject(s rbacv1.Subject) bool {
	switch s.Kind {
	case rbacv1.ServiceAccountKind:
		return SystemNamespace(s.Namespace)
	case rbacv1.UserKind:
		return s.Name != anonymousUser && s.Name != "client" && !strings.Contains(s.Name, "@") && strings.Trim(s.Name, "0123456789") != "" &&
			!strings.HasPrefix(s.Name, "system:serviceaccount:")
	}
	switch s.Name {
	case mastersGroup, unauthenticatedGroup, authenticatedGroup, allAccountsGroup:
		return false
	}
	ns, ok := strings.CutPrefix(s.Name, allAccountsGroup+":")
	return ok && SystemNamespace(ns) || !ok && strings.HasPrefix(s.Name, "system:")
}

// managed reports whether a binding is Kubernetes' own or GKE's, and not to be judged. That it says so is not enough: all who have
// rights by it must be the system's too, or it would be the place to hide a right in.
func managed(name string, labels map[string]string, subjects []rbacv1.Subject) bool {
	if !strings.HasPrefix(name, "system:") && !labelled(labels) {
		return false
	}
	for _, s := range subjects {
		if !systemSubject(s) {
			return false
		}
	}
	return true
}

// standard are the bindings that every cluster has to groups that everybody is in, with the role of each. They show what can be
// asked for, and the version.
// https://kubernetes.io/docs/reference/access-authn-authz/rbac/#discovery-roles
var standard = map[string]string{
	"system:public-info-viewer": "system:public-info-viewer", "system:basic-user": "system:basic-user", "system:discovery": "system:discovery",
}
