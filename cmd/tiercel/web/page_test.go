package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tiercel.dev/alert"
	"tiercel.dev/cmd/tiercel/board"
)

func TestRefusals(t *testing.T) {
	p := New(newBoard(), nil, nil)
	for _, c := range []struct {
		name, method, path, host string
		headers                  map[string]string
		want                     int
	}{
		{"page", "GET", "/", "127.0.0.1:7117", nil, 200},
		{"by name", "GET", "/", "localhost:7117", nil, 200},
		{"by the other family", "GET", "/", "[::1]:7117", nil, 200},
		{"without a port", "GET", "/page.js", "[::1]", nil, 200},
		{"rebound name", "GET", "/", "evil.example:7117", nil, 421},
		{"rebound name, stream", "GET", "/events", "evil.example", nil, 421},
		{"name like localhost", "GET", "/", "localhost.evil.example", nil, 421},
		{"no name", "GET", "/", "", nil, 421},
		{"half a bracket", "GET", "/", "[", nil, 421},
		{"post", "POST", "/", "localhost", nil, 405},
		{"head", "HEAD", "/", "localhost", nil, 405},
		{"delete", "DELETE", "/alert?id=x", "localhost", nil, 405},
		{"another site's script", "GET", "/events", "localhost", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}, 403},
		{"link from another site", "GET", "/", "localhost", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200},
		{"unknown file", "GET", "/x", "localhost", nil, 404},
		{"unknown alert", "GET", "/alert?id=x", "localhost", nil, 404},
		{"unknown finding", "GET", "/finding", "localhost", nil, 404},
		{"out of the folder", "GET", "/../page.go", "localhost", nil, 307},
	} {
		r := httptest.NewRequest(c.method, "http://localhost"+c.path, nil)
		r.Host = c.host
		for k, v := range c.headers {
			r.Header.Set(k, v)
		}
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		if w.Code != c.want {
			t.Errorf("%s: %d, want %d", c.name, w.Code, c.want)
		}
		if w.Header().Get("Content-Security-Policy") != policy || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", c.name, w.Header())
		}
	}
}

// The page's own files hold nothing that its policy forbids, or that another address would serve.
func TestFilesAreOwn(t *testing.T) {
	entries, err := files.ReadDir("files")
	if err != nil || len(entries) < 5 {
		t.Fatalf("%d files, %v", len(entries), err)
	}
	for _, e := range entries {
		text, err := files.ReadFile("files/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "https://", "style=\"", "onclick", "<style", "@import", "url("} {
			if strings.Contains(string(text), bad) {
				t.Errorf("%s has %q", e.Name(), bad)
			}
		}
	}
}

func TestAlertDetail(t *testing.T) {
	b := newBoard()
	b.Alert(read("a1", "/etc/shadow", alert.High))
	w := httptest.NewRecorder()
	New(b, nil, nil).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://localhost/alert?id=a1", nil))
	var d board.Detail
	if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil || w.Code != 200 || w.Header().Get("Content-Type") != "application/json" {
		t.Fatalf("%d %s %v: %s", w.Code, w.Header().Get("Content-Type"), err, w.Body)
	}
	if len(d.Processes) != 3 || d.Processes[0].Name != "systemd" || d.Why.Condition == "" || d.Why.Changed {
		t.Errorf("%+v", d)
	}
}

func TestCheck(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:0": true, "127.8.9.1:80": true, "[::1]:80": true, "localhost:80": true,
		"0.0.0.0:80": false, "[::]:80": false, ":80": false, "10.0.0.1:80": false, "example.com:80": false, "127.0.0.1": false, "": false,
	} {
		if err := Check(address, false); (err == nil) != want || err != nil && !errors.Is(err, ErrAddress) {
			t.Errorf("%q: %v", address, err)
		}
	}
	if err := Check("0.0.0.0:80", true); err != nil {
		t.Errorf("asked for: %v", err)
	}
}
