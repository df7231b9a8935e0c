package kube

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const anonymous = "system:anonymous"

// A call is a request for objects.
type call struct {
	*resource
	verb, namespace, key string // key is the object's name, "" for a list
}

// ServeHTTP answers one request, as the API server does: who calls, then what may be done, then whether it is there.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.cfg.Before != nil {
		if err := s.cfg.Before(r); err != nil {
			refuse(w, err)
			return
		}
	}
	user, err := s.user(r)
	if err != nil {
		refuse(w, err)
		return
	}
	if v := s.public(r.URL.Path); v != nil {
		answer(w, http.StatusOK, v)
		return
	}
	c := parse(r)
	if !s.allowed(user, c) {
		refuse(w, forbidden(user, r.URL.Path, c))
		return
	}
	if c == nil {
		if v := discovery(r.URL.Path); v != nil {
			answer(w, http.StatusOK, v)
		} else {
			http.Error(w, "404 page not found", http.StatusNotFound)
		}
		return
	}
	v, err := s.serve(c, r)
	if err != nil {
		refuse(w, err)
		return
	}
	answer(w, http.StatusOK, v)
}

func (s *Server) serve(c *call, r *http.Request) (any, error) {
	switch c.verb {
	case "get":
		return s.get(c)
	case "list":
		return s.list(c, r.URL.Query())
	}
	return nil, apierrors.NewMethodNotSupported(c.groupResource(), c.verb)
}

// user is who calls.
func (s *Server) user(r *http.Request) (string, error) {
	token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case !ok:
		return anonymous, nil
	case s.cfg.Users == nil:
		return token, nil
	case s.cfg.Users[token] == "":
		return "", apierrors.NewUnauthorized("Unauthorized")
	}
	return s.cfg.Users[token], nil
}

// parse reads a path: /api/v1 or /apis/GROUP/v1, then [/namespaces/NAMESPACE]/RESOURCE[/NAME]. nil if it is for no objects.
func parse(r *http.Request) *call {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	group := ""
	switch {
	case len(parts) > 2 && parts[0] == "api" && parts[1] == "v1":
		parts = parts[2:]
	case len(parts) > 3 && parts[0] == "apis" && parts[2] == "v1":
		group, parts = parts[1], parts[3:]
	default:
		return nil
	}
	c := new(call)
	if len(parts) > 2 && parts[0] == "namespaces" {
		c.namespace, parts = parts[1], parts[2:]
	}
	c.resource = find(func(r *resource) bool { return r.group == group && r.name == parts[0] })
	if c.resource == nil || len(parts) > 2 || c.namespace != "" && !c.namespaced {
		return nil
	}
	if len(parts) == 2 {
		c.key = parts[1]
		if c.namespaced && c.namespace == "" {
			return nil
		}
	}
	c.verb = verb(r, c.key != "")
	return c
}

// verb is the word by which rules allow a request.
// https://kubernetes.io/docs/reference/access-authn-authz/authorization/#determine-the-request-verb
func verb(r *http.Request, one bool) string {
	switch r.Method {
	case http.MethodPost:
		return "create"
	case http.MethodPut:
		return "update"
	case http.MethodPatch:
		return "patch"
	case http.MethodDelete:
		if one {
			return "delete"
		}
		return "deletecollection"
	}
	switch watch := r.URL.Query().Get("watch"); {
	case one:
		return "get"
	case watch == "true" || watch == "1":
		return "watch"
	}
	return "list"
}

// allowed reports whether a rule lets the user do it. Discovery is for everybody who is somebody.
func (s *Server) allowed(user string, c *call) bool {
	if s.cfg.Rules == nil || c == nil {
		return user != anonymous
	}
	return slices.ContainsFunc(s.cfg.Rules[user], func(rule rbacv1.PolicyRule) bool {
		return has(rule.Verbs, c.verb) && has(rule.APIGroups, c.group) && has(rule.Resources, c.name) &&
			(len(rule.ResourceNames) == 0 || slices.Contains(rule.ResourceNames, c.key))
	})
}

func has(all []string, one string) bool {
	return slices.Contains(all, one) || slices.Contains(all, "*")
}

// cannot is what the API server's authorizer says.
type cannot string

func (c cannot) Error() string { return string(c) }

func forbidden(user, path string, c *call) error {
	if c == nil {
		return apierrors.NewForbidden(schema.GroupResource{}, "", cannot(fmt.Sprintf("User %q cannot get path %q", user, path)))
	}
	where := "at the cluster scope"
	if c.namespace != "" {
		where = fmt.Sprintf("in the namespace %q", c.namespace)
	}
	return apierrors.NewForbidden(c.groupResource(), c.key,
		cannot(fmt.Sprintf("User %q cannot %s resource %q in API group %q %s", user, c.verb, c.name, c.group, where)))
}

func refuse(w http.ResponseWriter, err error) {
	var known apierrors.APIStatus
	if !errors.As(err, &known) {
		known = apierrors.NewInternalError(err)
	}
	st := known.Status()
	st.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	if d := st.Details; d != nil && d.RetryAfterSeconds > 0 {
		w.Header().Set("Retry-After", fmt.Sprint(d.RetryAfterSeconds))
	}
	answer(w, int(st.Code), st)
}

func answer(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(v)
}
