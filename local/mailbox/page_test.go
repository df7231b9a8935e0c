package mailbox_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tiercel.dev/internal/mail"
	"tiercel.dev/local/mailbox"
)

func get(t *testing.T, s *mailbox.Server, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
	return w
}

// What is in a mail runs nowhere on the page: names are escaped, and its HTML is sandboxed by frame and by header.
func TestPage(t *testing.T) {
	s, err := mailbox.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	if got := get(t, s, "/").Body.String(); !strings.Contains(got, "No mail yet") {
		t.Error(got)
	}
	m := mail.Message{
		From: mail.Address{Address: "a@example.com"}, To: mail.Address{Address: "b@example.com"}, Subject: "<script>1</script>", ID: "1@example.com",
		Date: time.Now(), Text: "<script>2</script>", HTML: []byte(`<script>3</script><img src="cid:x.png">`),
		Pictures: []mail.Part{{Name: "x.png", Type: "image/png", Data: []byte("png")}},
		Attached: []mail.Part{{Name: "a.json", Type: "text/html", Data: []byte("<script>4</script>")}},
	}
	if err := s.SMTP().Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/": "&lt;script&gt;1", "/1/": `<iframe sandbox src="html"`, "/list.json": `"number":1`, "/1/text": "<script>2", "/1/html": `src="data:image/png;base64,cG5n"`,
		"/1/part/0": "<script>4",
	} {
		got := get(t, s, path)
		if got.Code != 200 || !strings.Contains(got.Body.String(), want) {
			t.Errorf("%s: %d: %s", path, got.Code, got.Body)
		}
		h := got.Header()
		if kind := h.Get("Content-Type"); strings.HasPrefix(kind, "text/html") && strings.Contains(got.Body.String(), "<script>") &&
			!strings.HasPrefix(h.Get("Content-Security-Policy"), "sandbox;") {
			t.Errorf("%s: %s runs: %v", path, kind, h)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s may be taken for something else", path)
		}
	}
	for _, path := range []string{"/2/", "/1/part/1", "/1/part/-1", "/1/other", "/x"} {
		if got := get(t, s, path); got.Code != 404 {
			t.Errorf("%s: %d", path, got.Code)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("Subject: =?utf-8?q?a?=\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nx\n--b--\n"))
	f.Add([]byte("Content-Type: text/html\nContent-Transfer-Encoding: base64\n\nPGI+\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if m, err := mailbox.Parse(raw); err == nil && m == nil {
			t.Error("neither a mail nor an error")
		}
	})
}
