// Package storage is a Cloud Storage of one machine: as much of the JSON API as small records with preconditions take, in
// memory. `tiercel up` and tests serve it on loopback to the client that runs in Google Cloud.
package storage

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/api/storage/v1"
)

// pageSize is how many objects one page of a listing has at most.
const pageSize = 1000

// maxUpload bounds an object.
const maxUpload = 16 << 20

// A Server holds objects in memory. Every bucket is there. The zero value is not ready; see [New].
type Server struct {
	mux *http.ServeMux

	mu         sync.Mutex
	objects    map[string]*object // by bucket, a slash, and name
	generation int64
	fail       func(*http.Request) int
}

type object struct {
	meta *storage.Object
	data []byte
}

// New returns a server without objects.
func New() *Server {
	s := &Server{mux: http.NewServeMux(), objects: make(map[string]*object), generation: time.Now().UnixMicro()}
	s.mux.HandleFunc("GET /b/{bucket}/o", s.list)
	s.mux.HandleFunc("GET /b/{bucket}/o/{name}", s.get)
	s.mux.HandleFunc("DELETE /b/{bucket}/o/{name}", s.delete)
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
	s.mu.Lock()
	fail := s.fail
	s.mu.Unlock()
	if fail != nil {
		if status := fail(r); status != 0 {
			refuse(w, status, "failed on demand")
			return
		}
	}
	// The client asks for the API's methods below the endpoint, and for uploads below the host.
	if rest, ok := strings.CutPrefix(r.URL.Path, "/storage/v1/"); ok {
		r.URL.Path = "/" + rest
		r.URL.RawPath = strings.TrimPrefix(r.URL.RawPath, "/storage/v1")
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

func key(r *http.Request, name string) string { return r.PathValue("bucket") + "/" + name }

// matches holds a request against the object it speaks of: ifGenerationMatch, where 0 asks for none, and generation.
func matches(r *http.Request, o *object) (status int, ok bool) {
	q := r.URL.Query()
	if want := q.Get("ifGenerationMatch"); want != "" {
		have := int64(0)
		if o != nil {
			have = o.meta.Generation
		}
		if strconv.FormatInt(have, 10) != want {
			return http.StatusPreconditionFailed, false
		}
	}
	if want := q.Get("generation"); want != "" && (o == nil || strconv.FormatInt(o.meta.Generation, 10) != want) {
		return http.StatusNotFound, false
	}
	return 0, true
}

func (s *Server) get(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	o := s.objects[key(r, r.PathValue("name"))]
	s.mu.Unlock()
	if status, ok := matches(r, o); !ok {
		refuse(w, status, "conditionNotMet")
		return
	}
	if o == nil {
		refuse(w, http.StatusNotFound, "No such object: "+key(r, r.PathValue("name")))
		return
	}
	if r.URL.Query().Get("alt") == "media" {
		w.Header().Set("Content-Type", o.meta.ContentType)
		w.Write(o.data)
		return
	}
	answer(w, o.meta)
}

func (s *Server) delete(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := key(r, r.PathValue("name"))
	o := s.objects[k]
	if o == nil {
		refuse(w, http.StatusNotFound, "No such object: "+k)
		return
	}
	if status, ok := matches(r, o); !ok {
		refuse(w, status, "conditionNotMet")
		return
	}
	delete(s.objects, k)
	w.WriteHeader(http.StatusNoContent)
}

// list does not know delimiters.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.URL.Query()
	prefix := key(r, q.Get("prefix"))
	page := &storage.Objects{Kind: "storage#objects"}
	for _, k := range slices.Sorted(maps.Keys(s.objects)) {
		if !strings.HasPrefix(k, prefix) || k <= q.Get("pageToken") {
			continue
		}
		if len(page.Items) == pageSize {
			page.NextPageToken = key(r, page.Items[pageSize-1].Name)
			break
		}
		page.Items = append(page.Items, s.objects[k].meta)
	}
	answer(w, page)
}

// insert takes an upload of one request: metadata and data as two parts.
// https://cloud.google.com/storage/docs/uploading-objects#uploads-multipart
func (s *Server) insert(w http.ResponseWriter, r *http.Request) {
	meta, data, err := parts(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := key(r, meta.Name)
	if status, ok := matches(r, s.objects[k]); !ok {
		refuse(w, status, "conditionNotMet")
		return
	}
	s.generation++
	sum, crc := md5.Sum(data), crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli))
	meta.Kind, meta.Bucket, meta.Generation, meta.Metageneration = "storage#object", r.PathValue("bucket"), s.generation, 1
	meta.Size, meta.Updated = uint64(len(data)), time.Now().UTC().Format(time.RFC3339Nano)
	meta.Md5Hash = base64.StdEncoding.EncodeToString(sum[:])
	meta.Crc32c = base64.StdEncoding.EncodeToString([]byte{byte(crc >> 24), byte(crc >> 16), byte(crc >> 8), byte(crc)})
	s.objects[k] = &object{meta, data}
	answer(w, meta)
}

func parts(r *http.Request) (*storage.Object, []byte, error) {
	if kind := r.URL.Query().Get("uploadType"); kind != "multipart" {
		return nil, nil, fmt.Errorf("uploadType %q is not to be had here", kind)
	}
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return nil, nil, err
	}
	body := multipart.NewReader(io.LimitReader(r.Body, maxUpload), params["boundary"])
	first, err := body.NextPart()
	if err != nil {
		return nil, nil, err
	}
	meta := new(storage.Object)
	if err := json.NewDecoder(first).Decode(meta); err != nil {
		return nil, nil, err
	}
	if meta.Name == "" {
		meta.Name = r.URL.Query().Get("name")
	}
	second, err := body.NextPart()
	if err != nil {
		return nil, nil, err
	}
	data, err := io.ReadAll(second)
	return meta, data, err
}
