package storage

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/option"

	"tiercel.dev/internal/fault"
	"tiercel.dev/internal/objects"
)

// bucket is the real client's, on a server of one's own.
func bucket(t *testing.T) (*Server, *objects.Bucket) {
	t.Helper()
	s := New()
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	b, err := objects.NewBucket(t.Context(), "records", option.WithEndpoint(h.URL+"/storage/v1/"), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	return s, b
}

func TestRecord(t *testing.T) {
	_, b := bucket(t)
	ctx := t.Context()
	const name = "ledger/a b/ä?#%2F/0"
	if _, err := b.Get(ctx, name); !errors.Is(err, objects.ErrNotFound) {
		t.Fatalf("get: %v", err)
	}
	first, err := b.Put(ctx, name, []byte("one"), map[string]string{"count": "1"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Put(ctx, name, []byte("again"), nil, 0); !errors.Is(err, objects.ErrConflict) {
		t.Errorf("a second that must be the first: %v", err)
	}
	second, err := b.Put(ctx, name, []byte("two"), map[string]string{"count": "2"}, first)
	if err != nil || second <= first {
		t.Fatalf("generation %d after %d: %v", second, first, err)
	}
	if _, err := b.Put(ctx, name, []byte("late"), nil, first); !errors.Is(err, objects.ErrConflict) {
		t.Errorf("a write upon an old generation: %v", err)
	}
	got, err := b.Get(ctx, name)
	if err != nil || got.Updated.IsZero() {
		t.Fatalf("%+v, %v", got, err)
	}
	want := objects.Object{Name: name, Generation: second, Meta: map[string]string{"count": "2"}, Data: []byte("two")}
	want.Updated = got.Updated
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if err := b.Delete(ctx, name, first); !errors.Is(err, objects.ErrConflict) {
		t.Errorf("delete of an old generation: %v", err)
	}
	for range 2 {
		if err := b.Delete(ctx, name, second); err != nil {
			t.Errorf("delete: %v", err)
		}
	}
}

func TestListInPages(t *testing.T) {
	s, b := bucket(t)
	for i := range pageSize*2 + 5 {
		name := fmt.Sprintf("ledger/%05d", i)
		s.insertForTest(t, "records", name)
	}
	s.insertForTest(t, "records", "other/1")
	s.insertForTest(t, "elsewhere", "ledger/1")
	var names []string
	for o, err := range b.List(t.Context(), "ledger/") {
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, o.Name)
	}
	if len(names) != pageSize*2+5 || names[0] != "ledger/00000" || names[len(names)-1] != "ledger/02004" {
		t.Errorf("%d names, %s to %s", len(names), names[0], names[len(names)-1])
	}
}

func (s *Server) insertForTest(t *testing.T, bucket, name string) {
	t.Helper()
	body := "--x\r\nContent-Type: application/json\r\n\r\n{\"name\":\"" + name + "\"}\r\n--x\r\n\r\ndata\r\n--x--\r\n"
	r := httptest.NewRequest(http.MethodPost, "/upload/storage/v1/b/"+bucket+"/o?uploadType=multipart", strings.NewReader(body))
	r.Header.Set("Content-Type", "multipart/related; boundary=x")
	w := httptest.NewRecorder()
	if s.ServeHTTP(w, r); w.Code != http.StatusOK {
		t.Fatal(w.Body)
	}
}

// Of many that count at once, each is counted.
func TestCompareAndSwap(t *testing.T) {
	_, b := bucket(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				for {
					o, err := b.Get(t.Context(), "n")
					if err != nil && !errors.Is(err, objects.ErrNotFound) {
						t.Error(err)
						return
					}
					if _, err = b.Put(t.Context(), "n", append(o.Data, 'x'), nil, o.Generation); err == nil {
						break
					} else if !errors.Is(err, objects.ErrConflict) {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	all.Wait()
	if o, err := b.Get(t.Context(), "n"); len(o.Data) != 160 {
		t.Errorf("%d of 160 are counted: %v", len(o.Data), err)
	}
}

func TestErrorsAreToldApart(t *testing.T) {
	s, b := bucket(t)
	for _, tt := range []struct {
		status int
		quota  bool
		tries  int
	}{{http.StatusTooManyRequests, true, 4}, {http.StatusServiceUnavailable, false, 4}, {http.StatusForbidden, false, 1}} {
		tries := 0
		s.Fail(func(*http.Request) int { tries++; return tt.status })
		_, err := b.Put(t.Context(), "n", nil, nil, 0)
		if errors.Is(err, fault.ErrQuota) != tt.quota || err == nil || !strings.Contains(err.Error(), "put gs://records/n: ") || tries != tt.tries {
			t.Errorf("%d: %d tries, %v", tt.status, tries, err)
		}
	}
}

// What was carried out although the answer said that it was not is no conflict with oneself.
func TestAnswerLost(t *testing.T) {
	s := New()
	lose := 1
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if lose > 0 {
			lose--
			s.ServeHTTP(httptest.NewRecorder(), r)
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		s.ServeHTTP(w, r)
	}))
	defer h.Close()
	b, err := objects.NewBucket(t.Context(), "records", option.WithEndpoint(h.URL+"/storage/v1/"), option.WithoutAuthentication())
	if err != nil {
		t.Fatal(err)
	}
	g, err := b.Put(t.Context(), "n", []byte("mine"), map[string]string{"a": "b"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	lose = 1
	next, err := b.Put(t.Context(), "n", []byte("mine again"), nil, g)
	if err != nil || next <= g {
		t.Errorf("generation %d after %d: %v", next, g, err)
	}
	lose = 0
	if _, err := b.Put(t.Context(), "n", []byte("another's"), nil, g); !errors.Is(err, objects.ErrConflict) {
		t.Errorf("a conflict with another: %v", err)
	}
}
