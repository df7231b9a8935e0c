package kube

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// allowed reports whether a rule lets the user do it. Discovery is for everybody who is somebody.
func (s *Server) allowed(user, path string, c *call) bool {
	if s.cfg.Rules == nil || c == nil && (path == "/api" || path == "/apis" || strings.HasPrefix(path, "/api/") || strings.HasPrefix(path, "/apis/")) {
		return user != anonymous
	}
	return slices.ContainsFunc(s.cfg.Rules[user], func(rule rbacv1.PolicyRule) bool {
		if c == nil {
			return has(rule.NonResourceURLs, path)
		}
		return has(rule.Verbs, c.verb) && has(rule.APIGroups, c.group) && has(rule.Resources, c.full()) &&
			(len(rule.ResourceNames) == 0 || slices.Contains(rule.ResourceNames, c.name))
	})
}

// full is the resource with its subresource.
func (c *call) full() string {
	if c.sub != "" {
		return c.resource + "/" + c.sub
	}
	return c.resource
}

func has(all []string, one string) bool {
	return slices.Contains(all, one) || slices.Contains(all, "*")
}

// cannot is what the API server's authorizer says.
type cannot string

func (c cannot) Error() string { return string(c) }

var noHTML = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func forbidden(user string, r *http.Request, c *call) error {
	if c == nil {
		return apierrors.NewForbidden(schema.GroupResource{}, "",
			cannot(noHTML.Replace(fmt.Sprintf("User %q cannot %s path %q", user, strings.ToLower(r.Method), r.URL.Path))))
	}
	where := "at the cluster scope"
	if c.namespace != "" {
		where = fmt.Sprintf("in the namespace %q", c.namespace)
	}
	return apierrors.NewForbidden(schema.GroupResource{Group: c.group, Resource: c.resource}, c.name,
		cannot(noHTML.Replace(fmt.Sprintf("User %q cannot %s resource %q in API group %q %s", user, c.verb, c.full(), c.group, where))))
}
