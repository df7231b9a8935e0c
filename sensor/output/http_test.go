package output

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"tiercel.dev/alert"
)

// receiver keeps what is posted to it, and answers what a test wants.
type receiver struct {
	answer func(n int, w http.ResponseWriter, r *http.Request) // nil: 200
	mu     sync.Mutex
	n      int
	bodies []string
	header http.Header
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var body io.Reader = req.Body
	if req.Header.Get("Content-Encoding") == "gzip" {
		unzip, err := gzip.NewReader(req.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = unzip
	}
	b, _ := io.ReadAll(body)
	r.mu.Lock()
	r.n++
	n := r.n
	r.bodies, r.header = append(r.bodies, string(b)), req.Header
	r.mu.Unlock()
	if r.answer != nil {
		r.answer(n, w, req)
	}
}

func (r *receiver) got() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.bodies...)
}

func parsed(t *testing.T, setting string) Spec {
	t.Helper()
	s, err := Parse(setting)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func posting(t *testing.T, setting string) *poster {
	t.Helper()
	s := parsed(t, setting)
	return NewHTTP(s.HTTP, s.Format, io.Discard).(*poster)
}

func TestHTTPPosts(t *testing.T) {
	r := &receiver{}
	s := httptest.NewServer(r)
	defer s.Close()
	for _, tt := range []struct {
		options, body, content, agent string
	}{
		{"", `{"schema":`, "application/json", "tiercel"},
		{"format=falco-json&compress_uploads=true&", `{"hostname":"node",`, "application/json", "tiercel"},
		{"format=falco-text&user_agent=falcosecurity/falco&", "Warning Shell", "text/plain", "falcosecurity/falco"},
	} {
		o := posting(t, "http?"+tt.options+"url="+s.URL+"/x?a=b&c=d")
		if err := o.Write(t.Context(), falcoAlert()); err != nil {
			t.Fatal(err)
		}
		body := r.got()[len(r.got())-1]
		if !strings.Contains(body, tt.body) || strings.HasSuffix(body, "\n") {
			t.Errorf("%s: body %q", tt.options, body)
		}
		if got := r.header.Get("Content-Type"); got != tt.content {
			t.Errorf("%s: content type %q", tt.options, got)
		}
		if got := r.header.Get("User-Agent"); got != tt.agent {
			t.Errorf("%s: user agent %q", tt.options, got)
		}
		o.Close(t.Context())
	}
}

// A server that is out of order gets each alert once it is back, and none twice or out of order.
func TestHTTPTriesAgain(t *testing.T) {
	r := &receiver{answer: func(n int, w http.ResponseWriter, _ *http.Request) {
		if n <= 3 {
			http.Error(w, "out of order", http.StatusInternalServerError)
		}
	}}
	s := httptest.NewServer(r)
	defer s.Close()
	f := NewFanout(Config{BackoffMin: time.Millisecond}, nil, slog.New(slog.DiscardHandler))
	spec := parsed(t, "http?format=falco-text&url="+s.URL)
	f.Add(spec.Name(), spec.open(Env{}), false)
	f.Publish(testAlert(alert.High, "one"))
	f.Publish(testAlert(alert.High, "two"))
	eventually(t, "attempts", func() bool { return f.Stats()[0].Sent == 2 })
	if got := r.got(); len(got) != 5 || !strings.HasSuffix(got[3], "one") || !strings.HasSuffix(got[4], "two") {
		t.Errorf("got %q", got)
	}
	if st := f.Stats()[0]; st.Errors["500"] != 3 || st.Lost() != 0 || st.LastError != "http: the server answered 500 Internal Server Error" {
		t.Errorf("stats %+v", st)
	}
	if err := f.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestHTTPGivesUp(t *testing.T) {
	for _, tt := range []struct {
		name    string
		options string
		answer  func(int, http.ResponseWriter, *http.Request)
		writes  int
		lost    bool
		want    string
	}{
		{"what the server can't take", "", func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(400) }, 1, true, "answered 400 Bad Request"},
		{"not where nobody is let in", "", func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) }, 1, false, "answered 401"},
		{"not where it is somewhere else", "", func(_ int, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/y")
			w.WriteHeader(302)
		}, 1, false, "answered 302"},
		{"after so many timeouts", "max_consecutive_timeouts=2&", hang, 3, true, "timed out 3 times: context deadline exceeded"},
		{"not after more where none are counted", "", hang, 5, false, "context deadline exceeded"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := httptest.NewServer(&receiver{answer: tt.answer})
			defer s.Close()
			defer s.CloseClientConnections()
			o := posting(t, "http?"+tt.options+"url="+s.URL)
			o.timeout = 20 * time.Millisecond
			for i := range tt.writes {
				err := o.Write(t.Context(), testAlert(alert.Low, "x"))
				if err == nil {
					t.Fatal("no error")
				}
				last := i == tt.writes-1
				if errors.Is(err, ErrAlert) != (last && tt.lost) || last && !strings.Contains(err.Error(), tt.want) {
					t.Errorf("attempt %d: %v", i+1, err)
				}
			}
		})
	}
}

func hang(_ int, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

// Neither a password nor a token in the URL comes into errors, names or statistics.
func TestHTTPKeepsSecrets(t *testing.T) {
	const secret = "S3cr3t"
	settings := []string{
		"http?url=http://u:" + secret + "@127.0.0.1:1/hook/" + secret + "?token=" + secret,
		"http?url=http://u:" + secret + "@127.0.0.1:bad/",
		"http?url=ftp://u:" + secret + "@h/",
		"http?ca_cert=/does/not/exist&url=https://u:" + secret + "@h/",
		"http?nonsense=1&url=http://h/" + secret,
	}
	for i, setting := range settings {
		s, err := Parse(setting)
		if (err == nil) != (i == 0) {
			t.Errorf("%s: %v", setting, err)
		}
		if err != nil {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("the error shows it: %v", err)
			}
			continue
		}
		var log bytes.Buffer
		f := NewFanout(Config{BackoffMin: time.Millisecond}, nil, slog.New(slog.NewTextHandler(&log, nil)))
		f.Add(s.Name(), s.open(Env{}), false)
		f.Publish(testAlert(alert.High, "x"))
		eventually(t, "attempts", func() bool { return len(f.Stats()[0].Errors) > 0 })
		st := f.Stats()[0]
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		err = f.Close(ctx)
		cancel()
		if said := log.String() + st.Name + st.LastError + err.Error(); strings.Contains(said, secret) || !strings.Contains(said, "http:http://127.0.0.1:1") {
			t.Errorf("said %s", said)
		}
	}
}

func TestHTTPEchoes(t *testing.T) {
	s := httptest.NewServer(&receiver{answer: func(_ int, w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\x1b[31m") }})
	defer s.Close()
	var said bytes.Buffer
	spec := parsed(t, "http?echo=true&url="+s.URL)
	if err := NewHTTP(spec.HTTP, spec.Format, &said).Write(t.Context(), testAlert(alert.Low, "x")); err != nil || said.String() != "ok\\x1b[31m\n" {
		t.Errorf("%v, said %q", err, said.String())
	}
}

func TestHTTPCertificates(t *testing.T) {
	dir := t.TempDir()
	ca, other := newAuthority(t, dir, "ca"), newAuthority(t, dir, "other")
	server, client := ca.issue(t, dir, "server"), ca.issue(t, dir, "client")
	stranger := other.issue(t, dir, "stranger")
	r := &receiver{}
	s := httptest.NewUnstartedServer(r)
	s.TLS = serverTLS(t, server, ca)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	s.StartTLS()
	defer s.Close()
	folder := filepath.Join(dir, "folder")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	copyFile(t, ca.cert, filepath.Join(folder, "0.pem"))
	if err := os.Symlink("/does/not/exist", filepath.Join(folder, "1.pem")); err != nil {
		t.Fatal(err)
	}
	mine := "client_cert=" + client.cert + "&client_key=" + client.key + "&"
	for _, tt := range []struct{ name, options, want string }{
		{"ca_cert", mine + "ca_cert=" + ca.cert + "&", ""},
		{"ca_bundle", mine + "ca_bundle=" + ca.cert + "&", ""},
		{"ca_path", mine + "ca_path=" + folder + "&", ""},
		{"insecure", mine + "insecure=true&", ""},
		{"the system's", mine, "certificate signed by unknown authority"},
		{"another's", mine + "ca_cert=" + other.cert + "&", "certificate signed by unknown authority"},
		{"no client certificate", "ca_cert=" + ca.cert + "&", "certificate required"},
		{"another's client certificate", "client_cert=" + stranger.cert + "&client_key=" + stranger.key + "&ca_cert=" + ca.cert + "&", "certificate"},
	} {
		o := posting(t, "http?"+tt.options+"keep_alive=true&url="+s.URL)
		err := o.Write(t.Context(), testAlert(alert.Low, "x"))
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
		o.Close(t.Context())
	}
	if got := len(r.got()); got != 4 {
		t.Errorf("%d alerts came", got)
	}

	// A certificate that is replaced on disk is used once the old one is refused.
	rotated := certificate{filepath.Join(dir, "rotated.pem"), filepath.Join(dir, "rotated.key")}
	copyFile(t, stranger.cert, rotated.cert)
	copyFile(t, stranger.key, rotated.key)
	o := posting(t, "http?client_cert="+rotated.cert+"&client_key="+rotated.key+"&ca_cert="+ca.cert+"&url="+s.URL)
	if err := o.Write(t.Context(), testAlert(alert.Low, "x")); err == nil {
		t.Error("the stranger was let in")
	}
	copyFile(t, client.cert, rotated.cert)
	copyFile(t, client.key, rotated.key)
	if err := o.Write(t.Context(), testAlert(alert.Low, "x")); err != nil {
		t.Error(err)
	}
}
