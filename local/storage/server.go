// Package storage is a Cloud Storage of one machine: as much of the JSON API as small records with preconditions take, in
// memory and on request in a file. `tiercel up` and tests serve it on loopback to the client that runs in Google Cloud.
package storage

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
	"google.golang.org/api/storage/v1"
)

// A Server holds objects: in memory, and in a file if it was made by [Open]. Every bucket is there. The zero value is not
// ready; see [New].
type Server struct {
	mux *http.ServeMux
	db  *bbolt.DB // nil: memory alone

	mu         sync.RWMutex
	objects    map[string]*object // by key
	keys       []string           // sorted, for listings
	generation int64
	fail       func(*http.Request) int

	may atomic.Pointer[May] // nil: everybody everything
}

// An object is never changed; a new generation is a new one.
type object struct {
	Meta *storage.Object `json:"meta"`
	Data []byte          `json:"data"`
}

// New returns a server without objects.
func New() *Server {
	s := &Server{mux: http.NewServeMux(), objects: make(map[string]*object), generation: time.Now().UnixMicro()}
	for _, root := range []string{"", "/storage/v1"} {
		s.mux.HandleFunc("GET "+root+"/b/{bucket}/o", s.list)
		s.mux.HandleFunc("GET "+root+"/b/{bucket}/o/{name}", s.get)
		s.mux.HandleFunc("DELETE "+root+"/b/{bucket}/o/{name}", s.delete)
	}
	// The client asks for the API's methods below its endpoint, and for uploads below the endpoint's host.
	s.mux.HandleFunc("POST /upload/storage/v1/b/{bucket}/o", s.insert)
	return s
}

// Fail has requests answered with a status of f's choice; 0 lets one pass. nil ends it.
func (s *Server) Fail(f func(*http.Request) int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = f
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.RLock()
	fail := s.fail
	s.mu.RUnlock()
	if fail != nil {
		if status := fail(r); status != 0 {
			refuse(w, status, "failed on demand")
			return
		}
	}
	s.mux.ServeHTTP(w, r)
}

func refuse(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"code": status, "message": message}})
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	json.NewEncoder(w).Encode(v)
}

// key is the bucket, a slash, and the name.
func key(r *http.Request, name string) string { return r.PathValue("bucket") + "/" + name }

func (s *Server) put(k string, o *object) error {
	if err := s.keep(k, o); err != nil {
		return err
	}
	s.hold(k, o)
	return nil
}

func (s *Server) hold(k string, o *object) {
	if s.objects[k] == nil {
		i, _ := slices.BinarySearch(s.keys, k)
		s.keys = slices.Insert(s.keys, i, k)
	}
	s.objects[k] = o
}

func (s *Server) remove(k string) error {
	if err := s.keep(k, nil); err != nil {
		return err
	}
	if i, ok := slices.BinarySearch(s.keys, k); ok {
		s.keys = slices.Delete(s.keys, i, i+1)
	}
	delete(s.objects, k)
	return nil
}

// below returns the keys that begin with prefix and come after another, which may be "".
func (s *Server) below(prefix, after string) []string {
	from, found := slices.BinarySearch(s.keys, max(prefix, after))
	if found && after != "" && s.keys[from] == after {
		from++
	}
	to := from
	for to < len(s.keys) && strings.HasPrefix(s.keys[to], prefix) {
		to++
	}
	return s.keys[from:to]
}
