package storage

import (
	"net/http"
	"strconv"

	"google.golang.org/api/storage/v1"
)

// pageSize is how many objects one page of a listing has at most.
const pageSize = 1000

// matches holds a request against the object it speaks of: ifGenerationMatch, where 0 asks for none, and generation.
func matches(r *http.Request, o *object) (status int, ok bool) {
	q := r.URL.Query()
	if want := q.Get("ifGenerationMatch"); want != "" {
		have := int64(0)
		if o != nil {
			have = o.Meta.Generation
		}
		if strconv.FormatInt(have, 10) != want {
			return http.StatusPreconditionFailed, false
		}
	}
	if want := q.Get("generation"); want != "" && (o == nil || strconv.FormatInt(o.Meta.Generation, 10) != want) {
		return http.StatusNotFound, false
	}
	return 0, true
}

func (s *Server) get(w http.ResponseWriter, r *http.Request) {
	k := key(r, r.PathValue("name"))
	if !s.allowed(w, r, objectOf(r, r.PathValue("name")), getObject) {
		return
	}
	s.mu.RLock()
	o := s.objects[k]
	s.mu.RUnlock()
	if status, ok := matches(r, o); !ok {
		refuse(w, status, "conditionNotMet")
		return
	}
	if o == nil {
		s.missing(w, r, k)
		return
	}
	if r.URL.Query().Get("alt") == "media" {
		w.Header().Set("Content-Type", o.Meta.ContentType)
		w.Write(o.Data)
		return
	}
	answer(w, o.Meta)
}

func (s *Server) delete(w http.ResponseWriter, r *http.Request) {
	k := key(r, r.PathValue("name"))
	if !s.allowed(w, r, objectOf(r, r.PathValue("name")), deleteObject) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.objects[k]
	if o == nil {
		s.missing(w, r, k)
		return
	}
	if status, ok := matches(r, o); !ok {
		refuse(w, status, "conditionNotMet")
		return
	}
	if err := s.remove(k); err != nil {
		refuse(w, http.StatusInternalServerError, err.Error())
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// list knows no delimiters. A page's token is the key of its last object.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("delimiter") != "" {
		refuse(w, http.StatusNotImplemented, "delimiter is not to be had here")
		return
	}
	size := pageSize
	if n, err := strconv.Atoi(q.Get("maxResults")); err == nil && n > 0 {
		size = min(n, pageSize)
	}
	page := &storage.Objects{Kind: "storage#objects"}
	if !s.allowed(w, r, bucketOf(r), listObjects) {
		return
	}
	s.mu.RLock()
	keys := s.below(key(r, q.Get("prefix")), q.Get("pageToken"))
	if len(keys) > size {
		keys = keys[:size]
		page.NextPageToken = keys[size-1]
	}
	for _, k := range keys {
		page.Items = append(page.Items, s.objects[k].Meta)
	}
	s.mu.RUnlock()
	answer(w, page)
}
