package main

import (
	"bytes"
	"net/http/httptest"
	"sync"
	"testing"

	"google.golang.org/api/idtoken"
	"google.golang.org/api/option"

	"tiercel.dev/docs/stand"
)

// shared is a buffer that requests write to at once.
type shared struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *shared) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(b)
}

func (s *shared) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func TestPushed(t *testing.T) {
	google := stand.NewGoogle(t)
	validator, err := idtoken.NewValidator(t.Context(), option.WithHTTPClient(google.Client()))
	if err != nil {
		t.Fatal(err)
	}
	var out shared
	h := httptest.NewServer(&server{audience: stand.Audience, pusher: stand.Pusher, validate: validator.Validate, out: &out})
	t.Cleanup(h.Close)
	stand.TryPushed(t, google, h.URL, out.String)
}
