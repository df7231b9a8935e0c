package storage

import (
	"net/http"
	"strings"

	"tiercel.dev/internal/deployed"
	"tiercel.dev/local/caller"
)

// What IAM is asked about a request. https://cloud.google.com/storage/docs/access-control/iam-json
const (
	listObjects  = "storage.objects.list"
	getObject    = "storage.objects.get"
	createObject = "storage.objects.create"
	deleteObject = "storage.objects.delete"
)

// May tells whether an account holds a permission on a resource, both as IAM's conditions name them: projects/_/buckets/B for lists,
// and for the rest projects/_/buckets/B/objects/NAME, whether there is such an object or not.
// https://cloud.google.com/iam/docs/conditions-resource-attributes
type May func(account, permission, resource string) bool

// Guard has requests refused whose account may not. Who names no account in [caller.Header] is one of those who look after the bucket,
// and may do everything.
func (s *Server) Guard(may May) { s.may.Store(&may) }

// allowed reports whether the caller of a request has each of the permissions on what it asks for, and answers it if not.
func (s *Server) allowed(w http.ResponseWriter, r *http.Request, resource string, permissions ...string) bool {
	for _, p := range permissions {
		if !s.holds(r, resource, p) {
			who := r.Header.Get(caller.Header)
			refuse(w, http.StatusForbidden, who+" does not have "+p+" access. Permission '"+p+"' denied on resource '"+resource+"' (or it may not exist).")
			return false
		}
	}
	return true
}

func (s *Server) holds(r *http.Request, resource, permission string) bool {
	who, may := r.Header.Get(caller.Header), s.may.Load()
	return who == "" || may == nil || (*may)(who, permission, resource)
}

func bucketOf(r *http.Request) string { return "projects/_/buckets/" + r.PathValue("bucket") }

func objectOf(r *http.Request, name string) string { return bucketOf(r) + "/objects/" + name }

// missing answers that an object is not there: to who may not list what is there, that it is forbidden.
func (s *Server) missing(w http.ResponseWriter, r *http.Request, k string) {
	if s.allowed(w, r, bucketOf(r), listObjects) {
		refuse(w, http.StatusNotFound, "No such object: "+k)
	}
}

// Granted is what a deployment grants its functions' accounts in the bucket of records, whatever that is called here.
// internal/terraform holds it against the conditions that infra/ makes.
func Granted(d deployed.Deployment) May {
	functions := make(map[string]deployed.Function)
	for _, f := range d.Functions {
		functions[f.Account] = f
	}
	return func(account, permission, resource string) bool {
		f, known := functions[account]
		_, name, isObject := strings.Cut(resource, "/objects/")
		begins := func(prefixes []string) bool {
			for _, p := range prefixes {
				if strings.HasPrefix(name, p) {
					return true
				}
			}
			return false
		}
		writes := isObject && begins(f.Writes) && !strings.HasSuffix(name, ".yaml")
		switch permission {
		case listObjects:
			return known && !isObject
		case getObject:
			return writes || isObject && begins(f.Reads)
		}
		return writes
	}
}
