package oidc

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestRequire(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	made := func() *Accounts {
		a, err := New(func() time.Time { return now })
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	ours := made()
	token := func(a *Accounts, account, audience string) string {
		text, err := a.Token(account, audience)
		if err != nil {
			t.Fatal(err)
		}
		return "Bearer " + text
	}
	handler := ours.Require(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }), "https://f", "push@p")
	call := func(header string) int {
		r := httptest.NewRequest(http.MethodPost, "/RouteAlert", nil)
		if header != "" {
			r.Header.Set("Authorization", header)
		}
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w.Code
	}
	good := token(ours, "push@p", "https://f/RouteAlert")
	for _, tt := range []struct {
		what, header string
		want         int
	}{
		{"the right one", good, 204},
		{"the right one once more", good, 204},
		{"the right one again", token(ours, "push@p", "https://f/RouteAlert"), 204},
		{"none", "", 403},
		{"another function's", token(ours, "push@p", "https://f/EnrichAlert"), 401},
		{"another account's", token(ours, "other@p", "https://f/RouteAlert"), 403},
		{"another signer's", token(made(), "push@p", "https://f/RouteAlert"), 401},
		{"one cut short", good[:len(good)-2], 401},
		// {"alg":"none"}, as a forger would have it
		{"an unsigned one", "Bearer eyJhbGciOiJub25lIn0.eyJpc3MiOiJodHRwczovL2FjY291bnRzLmdvb2dsZS5jb20iLCJlbWFpbCI6InB1c2hAcCIsImF1ZCI6Imh0dHBzOi8vZi9Sb3V0ZUFsZXJ0IiwiZXhwIjo5OTk5OTk5OTk5fQ.", 401},
	} {
		if got := call(tt.header); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.what, got, tt.want)
		}
	}
	now = now.Add(valid + time.Second)
	if got := call(good); got != 401 {
		t.Errorf("one that has expired: %d", got)
	}
	if got := call(token(ours, "push@p", "https://f/RouteAlert")); got != 204 {
		t.Errorf("one after that: %d", got)
	}
}
