package storage

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/option"

	"tiercel.dev/internal/objects"
)

func TestOutlivesItself(t *testing.T) {
	path := filepath.Join(t.TempDir(), "objects.db")
	open := func() (*Server, *objects.Bucket) {
		s, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		h := httptest.NewServer(s)
		t.Cleanup(h.Close)
		b, err := objects.NewBucket(t.Context(), "records", option.WithEndpoint(h.URL+"/storage/v1/"), option.WithoutAuthentication())
		if err != nil {
			t.Fatal(err)
		}
		return s, b
	}
	first, b := open()
	g, err := b.Put(t.Context(), "kept", []byte("data"), map[string]string{"a": "b"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	gone, err := b.Put(t.Context(), "gone", nil, nil, 0)
	if err == nil {
		err = b.Delete(t.Context(), "gone", gone)
	}
	if err != nil {
		t.Fatal(err)
	}
	want, err := b.Get(t.Context(), "kept")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); err == nil {
		t.Error("two have the same file")
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, b := open()
	defer second.Close()
	got, err := b.Get(t.Context(), "kept")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if _, err := b.Get(t.Context(), "gone"); !errors.Is(err, objects.ErrNotFound) {
		t.Errorf("what was removed: %v", err)
	}
	if next, err := b.Put(t.Context(), "kept", nil, nil, g); err != nil || next <= g {
		t.Errorf("generation %d after %d: %v", next, g, err)
	}
}

func TestUploads(t *testing.T) {
	s := New()
	for _, tt := range []struct {
		query, kind, body string
		want              int
	}{
		{"uploadType=media&name=a", "text/plain", "data", http.StatusOK},
		{"uploadType=media", "text/plain", "a name is missing", http.StatusBadRequest},
		{"uploadType=resumable&name=a", "text/plain", "", http.StatusBadRequest},
		{"uploadType=multipart&name=a", "text/plain", "no parts", http.StatusBadRequest},
		{"uploadType=media&name=big", "text/plain", strings.Repeat("x", maxUpload+1), http.StatusBadRequest},
	} {
		r := httptest.NewRequest(http.MethodPost, "/upload/storage/v1/b/records/o?"+tt.query, strings.NewReader(tt.body))
		r.Header.Set("Content-Type", tt.kind)
		w := httptest.NewRecorder()
		if s.ServeHTTP(w, r); w.Code != tt.want {
			t.Errorf("%s: %d %s", tt.query, w.Code, w.Body)
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/storage/v1/b/records/o/a?alt=media", nil))
	if w.Body.String() != "data" {
		t.Errorf("%d %q", w.Code, w.Body)
	}
}
