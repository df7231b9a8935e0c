package kube

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
)

const anonymous = "system:anonymous"

// A call is a request for a resource, as its path says: whether there is such a resource is asked later.
type call struct{ verb, group, version, namespace, resource, name, sub string }

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
	if s.public(w, r.URL.Path) {
		return
	}
	c := parse(r)
	if !s.allowed(user, r.URL.Path, c) {
		refuse(w, forbidden(user, r, c))
		return
	}
	switch v, err := s.serve(c, r); {
	case err != nil:
		refuse(w, err)
	case v == nil:
		http.Error(w, "404 page not found", http.StatusNotFound)
	default:
		answer(w, http.StatusOK, v)
	}
}

// errNoResource is for paths below a version that is served.
var errNoResource = &apierrors.StatusError{ErrStatus: metav1.Status{
	Status: metav1.StatusFailure, Code: http.StatusNotFound, Reason: metav1.StatusReasonNotFound, Details: &metav1.StatusDetails{},
	Message: "the server could not find the requested resource",
}}

// serve returns nil for what is not served.
func (s *Server) serve(c *call, r *http.Request) (any, error) {
	if c == nil {
		return discovery(r.URL.Path), nil
	}
	res := find(func(r *resource) bool { return r.group == c.group && r.name == c.resource })
	switch {
	case c.version != "v1" || c.group != "" && !served(c.group):
		return nil, nil
	case res == nil || c.sub != "" || !res.at(c):
		return nil, errNoResource
	}
	switch c.verb {
	case "get":
		return s.get(res, c)
	case "list":
		l, err := s.list(res, c, r.URL.Query())
		if err == nil && strings.HasPrefix(r.Header.Get("Accept"), "application/json;as=PartialObjectMetadataList;") {
			l.metadataOnly()
		}
		return l, err
	}
	return nil, apierrors.NewMethodNotSupported(res.groupResource(), c.verb)
}

// at reports whether the resource is found where c looks: objects of a namespace in one, and lists of them anywhere.
func (r *resource) at(c *call) bool {
	if r.namespaced {
		return c.namespace != "" || c.verb == "list" || c.verb == "watch"
	}
	return c.namespace == "" || r.name == "namespaces"
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

// parse reads a path: /api/VERSION or /apis/GROUP/VERSION, then [/namespaces/NAMESPACE]/RESOURCE[/NAME[/SUBRESOURCE]]. nil if
// it is for no resource. A namespace is in itself, as authorization sees it.
// https://kubernetes.io/docs/reference/access-authn-authz/authorization/#determine-the-request-verb
func parse(r *http.Request) *call {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	c := new(call)
	switch {
	case len(parts) > 2 && parts[0] == "api":
		c.version, parts = parts[1], parts[2:]
	case len(parts) > 3 && parts[0] == "apis":
		c.group, c.version, parts = parts[1], parts[2], parts[3:]
	default:
		return nil
	}
	if parts[0] == "namespaces" && len(parts) > 1 {
		if c.namespace = parts[1]; len(parts) > 2 && parts[2] != "status" && parts[2] != "finalize" {
			parts = parts[2:]
		}
	}
	parts = append(parts, "", "")
	c.resource, c.name, c.sub = parts[0], parts[1], parts[2]
	one := c.name != ""
	if c.verb = verb(r, one); !one && (c.verb == "list" || c.verb == "watch") {
		// A list of one name is allowed like that one.
		if byField, err := fields.ParseSelector(r.URL.Query().Get("fieldSelector")); err == nil {
			c.name, _ = byField.RequiresExactMatch("metadata.name")
		}
	}
	return c
}

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
